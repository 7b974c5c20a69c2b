"""What no single key can tell: names that clash, groups that do not cover, shares that leave nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator

from mixologist.errors import UserError, nearest
from mixologist.recipe import groups, shape
from mixologist.recipe.names import last_part, reserved_name, resolved_name
from mixologist.recipe.schema import RESERVED_NAMES, Column, Endpoint, Recipe, TaskSpec
from mixologist.recipe.shape import Place

MAX_REGULARISERS = 0.9
"""Largest general.share + math.share: at least a tenth of an adapter's stream is its own tasks."""


def problems(recipe: Recipe, faulty: Collection[Place] = ()) -> Iterator[UserError]:
    """Every mistake between keys, found without reading data.

    ``faulty``: places already reported. What they leave in doubt is not judged, so that one slip of the user
    makes one message.
    """
    tasks = {
        index: spec
        for index, spec in enumerate(recipe.tasks)
        if not _in_doubt(faulty, ("tasks", index), "card", "name", "path")
    }
    for index, spec in tasks.items():
        yield from _origin(spec, ("tasks", index), needs_name=True)
    for section in ("general", "math"):
        spec = getattr(recipe, section)
        if spec and not _in_doubt(faulty, (section,), "card", "path"):
            yield from _origin(spec, (section,), needs_name=False)
    yield from _blank(recipe)
    yield from _columns(recipe)
    yield from _labels(recipe)
    yield from _task_names(tasks)
    yield from _endpoint_names(recipe)
    yield from _total_steps(recipe)
    if not (_in_doubt(faulty, ("general",), "share") or _in_doubt(faulty, ("math",), "share")):
        yield from _shares(recipe)
    if len(tasks) == len(recipe.tasks) and not _in_doubt(faulty, ("adapters",), "plan", "groups"):
        yield from groups.problems(recipe)


def _endpoint_names(recipe: Recipe) -> Iterator[UserError]:
    """Each system of an evaluation needs a name of its own."""
    taken = {*RESERVED_NAMES}
    for number, one in enumerate(recipe.evaluation.baselines):
        if not isinstance(one, Endpoint):
            continue
        if one.called.casefold() in taken:
            yield UserError(
                f"evaluation.baselines[{number}] is called '{one.called}', which another system is",
                given=one.called,
                expected="a name that no other system of the evaluation has",
                do="give it a `name:` of its own",
            )
        taken.add(one.called.casefold())


def _total_steps(recipe: Recipe) -> Iterator[UserError]:
    names = [resolved_name(spec) for spec in recipe.tasks if spec.name or spec.card]
    for name in recipe.evaluation.total_steps_tasks:
        if name not in names:
            yield UserError(
                f"evaluation.total_steps_tasks: there is no task '{name}'",
                given=name,
                expected="the name of a task",
                do=nearest(name, names),
            )


def _in_doubt(faulty: Collection[Place], section: Place, *keys: str) -> bool:
    """Whether a reported mistake may hide one of ``keys``: its value was dropped, or its name misspelt."""
    depth, known = len(section), shape.keys(section)
    return any(
        place == section
        or (
            place[:depth] == section
            and len(place) > depth
            and (place[depth] in keys or place[depth] not in known)
        )
        for place in faulty
    )


def _origin(spec: TaskSpec, place: Place, *, needs_name: bool) -> Iterator[UserError]:
    where = shape.show(place)
    if not (spec.card or spec.path):
        yield UserError(
            f"{where} names no data",
            given=f"name: {spec.name}" if spec.name else "neither card nor path",
            expected="a card (`card: finance/fpb`) or a path (`path: data/tickets.jsonl`)",
            do=f"add card or path to {where}",
        )
    elif needs_name and not (spec.name or spec.card):
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", last_part(str(spec.path))).strip("-_.") or "mine"
        yield UserError(
            f"{where} has a path and no name",
            given=f"path: {spec.path}",
            expected=shape.NAME,
            do=f"add a name, such as `name: {name[:64]}`",
        )


def _blank(recipe: Recipe) -> Iterator[UserError]:
    for key, example in (("base_model", "builtin"), ("output_dir", "runs/mine")):
        if not getattr(recipe, key).strip():
            yield UserError(
                f"{key} is empty",
                given="''",
                expected=f"text, such as `{example}`",
                do="write it, or leave it out",
            )


def _labels(recipe: Recipe) -> Iterator[UserError]:
    for index, spec in enumerate(recipe.tasks):
        twice = [label for label, times in Counter(spec.labels or ()).items() if times > 1]
        if twice:
            yield UserError(
                f"{shape.show(('tasks', index))}.labels names a label twice",
                given=", ".join(twice),
                expected="each label once",
                do="remove one of them",
            )


def _columns(recipe: Recipe) -> Iterator[UserError]:
    """``text: a`` beside ``columns: {text: b}``."""
    for index, spec in enumerate(recipe.tasks):
        for field, column in (("text", spec.text), ("label", spec.label)):
            other = spec.columns.get(field)
            if column and other and column != other:
                where = shape.show(("tasks", index))
                yield UserError(
                    f"{where} names two columns for {field}",
                    given=f"{field}: {_written(column)}, columns.{field}: {_written(other)}",
                    expected="one place for it",
                    do=f"keep {field} or columns.{field}",
                )


def _written(column: Column) -> str:
    return column if isinstance(column, str) else f"[{', '.join(column)}]"


def _task_names(tasks: dict[int, TaskSpec]) -> Iterator[UserError]:
    """Compared without case: adapters become folders, and some file systems know no case."""
    taken: dict[str, int] = {}
    for index, spec in tasks.items():
        if not (spec.name or spec.card):
            continue
        name, where = resolved_name(spec), shape.show(("tasks", index))
        if not shape.is_name(name):
            yield UserError(
                f"{where}: its card gives no usable name",
                given=spec.card,
                expected=shape.NAME,
                do=f"add a name to {where}",
            )
        elif name.casefold() in RESERVED_NAMES:
            yield reserved_name(where, name)
        elif name.casefold() in taken:
            yield _clash(where, f"tasks[{taken[name.casefold()]}]", name)
        taken.setdefault(name.casefold(), index)


def _clash(where: str, other: str, name: str) -> UserError:
    return UserError(
        f"{where} and {other} have the same name",
        given=name,
        expected="a name of its own for each",
        do=f"add another name to {where}, such as `name: {name}-2`",
    )


def _shares(recipe: Recipe) -> Iterator[UserError]:
    general, math = (spec.share if spec else 0.0 for spec in (recipe.general, recipe.math))
    if general + math > MAX_REGULARISERS + 1e-9:
        yield UserError(
            "general.share and math.share leave too little for the tasks",
            given=f"{general:g} + {math:g} = {general + math:g}",
            expected=f"at most {MAX_REGULARISERS} together",
            do="lower one of them",
        )
