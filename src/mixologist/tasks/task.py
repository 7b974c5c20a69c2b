"""From a recipe to its tasks: cards found, data opened, split and audited; all mistakes in one pass."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from mixologist.errors import UserError, UserErrors, raise_all
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import Recipe, Slice, TaskSpec
from mixologist.tasks import challenges, slices
from mixologist.tasks.audit import Audit, audit
from mixologist.tasks.card import ResolvedSpec, merge
from mixologist.tasks.encoding import Advance
from mixologist.tasks.formats import Format, bind
from mixologist.tasks.scope import outside_name, outside_splits, part
from mixologist.tasks.sources import Splits, digests, open_source
from mixologist.tasks.splits import Split, make_splits, too_few

Stage = Callable[[str, int], Advance]
"""Told what begins and how many things it will do; gives back what is told how many are done."""


@dataclass(frozen=True)
class Task:
    """One task, ready to be encoded: its splits of examples, and all that later stages ask about it."""

    name: str
    format: Format
    metric: str
    licence: str
    noncommercial: bool
    splits: dict[str, Split]
    """train, validation, test"""
    rewordings: tuple[str, ...]
    """Other instructions, for the router's training."""
    held_out_rewordings: tuple[str, ...]
    """Still others, for its evaluation alone."""
    tolerance: float
    max_new_tokens: int
    max_length: int | None
    """Longest prompt + answer in tokens; None: ``training.max_length``."""
    weight: float
    digests: dict[str, str]
    """Split of the data, or side file -> SHA-256 of its contents."""
    notes: tuple[str, ...]
    """The card's traps."""
    slices: tuple[Slice, ...] = ()
    challenges: tuple[str, ...] = ()
    out_of_scope: Task | None = None
    """The rows that belong to no task, as a task whose answers mean nothing; None where the data marks none."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The closed set of labels; empty for tasks without one."""
        return self.format.labels

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what decides the task's questions and how answers are read: data, columns, wording, labels."""
        shape = [
            self.format.name,
            dict(self.format.columns),
            self.format.instruction,
            list(self.labels),
            self.format.scale,
            self.metric,
        ]
        cluster = [self.format.cluster] if self.format.cluster else []  # older digests stay as they were
        content = [*shape, self.max_new_tokens, self.max_length, self.digests, *cluster]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class TaskSet:
    """All data of a recipe."""

    tasks: dict[str, Task]
    """In recipe order."""
    general: dict[str, tuple[Task, float]]
    """``general`` and ``math`` -> (data, its share of every adapter's stream)."""
    audit: Audit

    @property
    def digests(self) -> dict[str, dict[str, str]]:
        """Task, ``general`` or ``math`` -> its data's digests by split."""
        general = {name: task.digests for name, (task, _) in self.general.items()}
        return {name: task.digests for name, task in self.tasks.items()} | general

    def changed(self, known: Mapping[str, Mapping[str, str]]) -> list[str]:
        """``test of fpb``, ...: splits whose digests are not those that are known of them."""
        return [
            f"{split} of {name}"
            for name, splits in known.items()
            for split, digest in self.digests.get(name, splits).items()
            if splits.get(split) != digest
        ]


def load_tasks(
    recipe: Recipe, *, allow_leakage: bool = False, stage: Stage = lambda name, total: lambda count: None
) -> TaskSet:
    """Open, split and audit all data of a recipe, general and math included.

    Args:
        allow_leakage: keep (and count) train rows that also stand in the task's own validation or test.
        stage: told once how many rows there are; what it gives back is told how many have been read.

    Raises:
        UserError: a task's card, data or rows are wrong, or its train rows leak into its own test.
        UserErrors: several such mistakes, of all tasks together.
    """
    shares = {name: spec for name, spec in (("general", recipe.general), ("math", recipe.math)) if spec}
    specs: dict[str, TaskSpec] = {**{resolved_name(spec): spec for spec in recipe.tasks}, **shares}
    opened: dict[str, tuple[ResolvedSpec, Splits]] = {}
    loaded: dict[str, Task] = {}
    left_out: dict[str, int] = {}
    problems: list[UserError] = []
    for name, spec in specs.items():
        with _collected(problems, name):
            resolved = merge(spec, name)
            opened[name] = resolved, open_source(resolved.path, resolved.join)
    advance = stage("reading", sum(len(rows) for _, source in opened.values() for rows in source.values()))
    for name, (resolved, source) in opened.items():
        with _collected(problems, name):
            loaded[name], left_out[name] = _load(resolved, source, recipe.seed, advance)
    outside = [task.out_of_scope for task in loaded.values() if task.out_of_scope]
    splits = {task.name: task.splits for task in [*loaded.values(), *outside]}
    found, kept, mistakes = audit(splits, left_out=left_out, allow_leakage=allow_leakage)
    emptied = [problem for name in loaded for problem in too_few(name, "train", kept[name]["train"])]
    raise_all(_flat([*problems, *mistakes, *emptied]))
    tasks = {name: _keep(task, kept) for name, task in loaded.items()}
    general = {name: (tasks.pop(name), spec.share) for name, spec in shares.items()}
    return TaskSet(tasks, general, found)


@contextmanager
def _collected(problems: list[UserError], task: str) -> Iterator[None]:
    """Keep the mistake, which says of which task it is, and go on, so that those of all are reported together."""
    try:
        yield
    except UserError as problem:
        for one in _flat([problem]):
            here = "" if f"'{task}'" in one.what else f"task '{task}': "
            problems.append(UserError(here + one.what, given=one.given, expected=one.expected, do=one.do))


def _load(spec: ResolvedSpec, source: Splits, seed: int, advance: Advance) -> tuple[Task, int]:
    own, outside = part(source, spec.out_of_scope, spec.name)
    format = bind(
        {split: rows.select(own[split]) for split, rows in source.items()},
        task=spec.name,
        format=spec.format,
        columns=spec.columns,
        labels=spec.labels,
        scale=spec.scale,
        instruction=spec.instruction,
        metric=spec.metric,
        cluster=spec.cluster,
    )
    caps = {"train": spec.train_rows, "validation": spec.validation_rows, "test": spec.test_rows}
    splits, left_out = make_splits(spec.name, source, format, caps=caps, seed=seed, rows=own, advance=advance)
    task = _task(spec, format, splits, digests(spec.path, source, spec.join))
    raise_all(_problems(task, source))
    if spec.out_of_scope:
        foreign = outside_splits(
            source, outside, spec.out_of_scope, format, splits["train"], caps=caps, seed=seed, advance=advance
        )
        task = replace(task, out_of_scope=replace(task, name=outside_name(spec.name), splits=foreign))
    return task, left_out


def _task(spec: ResolvedSpec, format: Format, splits: dict[str, Split], digests: dict[str, str]) -> Task:
    return Task(
        name=spec.name,
        format=format,
        metric=format.metric,
        licence=spec.licence,
        noncommercial=spec.noncommercial,
        splits=splits,
        rewordings=spec.rewordings or format.rewordings,
        held_out_rewordings=spec.held_out_rewordings or format.held_out_rewordings,
        tolerance=spec.tolerance,
        max_new_tokens=spec.max_new_tokens or format.max_new_tokens,
        max_length=spec.max_length,
        weight=spec.weight,
        digests=digests,
        notes=spec.traps,
        slices=spec.slices,
        challenges=spec.challenges,
    )


def _problems(task: Task, source: Splits) -> list[UserError]:
    """What is wrong with a task's slices and challenges."""
    test = task.splits["test"]
    return [
        *slices.problems(task.slices, test, source[test.origin].column_names),
        *challenges.problems(task.name, task.challenges, task.format),
    ]


def _keep(task: Task, kept: dict[str, dict[str, Split]]) -> Task:
    """The task without the rows that the audit removed."""
    outside = task.out_of_scope and _keep(task.out_of_scope, kept)
    return replace(task, splits=kept[task.name], out_of_scope=outside)


def _flat(problems: list[UserError]) -> list[UserError]:
    """Every single problem of several lists of them."""
    return [
        one
        for problem in problems
        for one in (problem.problems if isinstance(problem, UserErrors) else (problem,))
    ]
