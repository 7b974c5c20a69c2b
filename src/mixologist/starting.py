"""A first recipe: one of the tested bundles, or a proposal for one's own data or the hub's, with reasons."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixologist.errors import UserError, UserErrors, nearest, raise_all
from mixologist.recipe import reading
from mixologist.tasks.discovery import Guess, discover, places, valid_name
from mixologist.tasks.formats.base import MOST_LISTED

GENERAL = ("general", "alpaca", "dolly", "instruct")
"""Parts of the names that general-instruction data has."""
FREE_TEXT = {"alpaca", "messages", "prompt_completion", "sharegpt"}

Stage = Callable[[str, int], Callable[[int], None]]
"""Told what will be done and how often; gives back what is told how much is done."""


@dataclass(frozen=True)
class Proposal:
    """What a folder of data, or some data sets of the hub, hold."""

    name: str
    origin: str
    """The words of the command line that ask for it."""
    tasks: tuple[Guess, ...]
    general: Guess | None
    left_out: dict[Path, UserError]
    """What could not be understood."""

    def as_json(self) -> dict[str, Any]:
        """``init --json``."""
        guesses = {guess.name: _about(guess) | {"general": False} for guess in self.tasks}
        if self.general:
            guesses[self.general.name] = _about(self.general) | {"general": True}
        left_out = {str(place): problem.as_json() for place, problem in self.left_out.items()}
        return {"recipe": recipe_text(self), "tasks": guesses, "left_out": left_out}


def bundle_folder() -> Path:
    """Where the bundles lie: in the installed package, or at the root of a checkout."""
    installed = Path(__file__).parent / "recipes"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "recipes"


def bundles() -> list[str]:
    """The names of the tested recipes."""
    return sorted(path.stem for path in bundle_folder().glob("*.yaml"))


def bundle(name: str) -> str:
    """The YAML text of a bundle. Raises `UserError` for an unknown name."""
    if name not in bundles():
        raise UserError(
            "unknown bundle",
            given=name,
            expected=f"one of {', '.join(bundles())}",
            do=f"{nearest(name, bundles())}; for data of your own: mixologist init --from-folder FOLDER",
        )
    return (bundle_folder() / f"{name}.yaml").read_text(encoding="utf-8")


def propose(folder: Path, stage: Stage = lambda name, total: lambda count: None) -> Proposal:
    """Look at all data below a folder. Raises `UserError` where nothing in it can be understood."""
    return _proposal(places(folder), folder.resolve().name, f"--from-folder {folder}", stage)


def propose_hub(ids: Sequence[str], stage: Stage = lambda name, total: lambda count: None) -> Proposal:
    """Look at data sets of the hub: ``owner/name``, or ``owner/name/configuration``.

    Raises `UserError` where none can be had and understood.
    """
    origin = " ".join(f"--from-hub {id}" for id in ids)
    return _proposal([Path(id) for id in ids], Path(ids[0]).name, origin, stage)


def _proposal(found: Sequence[Path], name: str, origin: str, stage: Stage) -> Proposal:
    guesses, left_out = discover(found, stage("reading", len(found)))
    if not guesses:
        raise_all(list(left_out.values()))
    general = next(filter(_is_general, guesses), None) if len(guesses) > 1 else None
    tasks = tuple(guess for guess in guesses if guess is not general)
    return Proposal(name, origin, tasks, general, left_out)


def recipe_text(proposal: Proposal) -> str:
    """The proposal as a recipe: YAML with comments."""
    run = f"runs/{valid_name(proposal.name)}"
    parts = [
        _comment(f"Proposed by: mixologist init {proposal.origin}"),
        _comment("Next: mixologist plan THIS-FILE"),
        reading.write({"base_model": "builtin", "output_dir": run, "seed": 0}),
        "tasks:\n",
    ]
    for task in proposal.tasks:
        item = reading.write({"name": task.name, **_spec(task)})
        parts.append(textwrap.indent(_comments(_notes(task)) + "- " + textwrap.indent(item, "  ")[2:], "  "))
    if data := proposal.general:
        why = f"{data.name} looks like general instructions: a tenth of what each adapter sees, to regularise"
        parts += [_comments([why, *_notes(data)]), reading.write({"general": {"share": 0.1, **_spec(data)}})]
    parts += [
        _comment("The built-in base is small and wants this rate; leave it out for a larger base"),
        "training: {learning_rate: 2.0e-3}\n",
        _comments([left_out(place, problem) for place, problem in proposal.left_out.items()]),
    ]
    return "".join(parts)


def left_out(place: Path, problem: UserError) -> str:
    """Why a place is not in the recipe, in one line."""
    where = "" if str(place) in problem.what else f"{place}: "
    more = len(problem.problems) - 1 if isinstance(problem, UserErrors) else 0
    return f"left out: {where}{problem.what}{f', and {more} more' if more else ''}; {problem.do}"


def _is_general(guess: Guess) -> bool:
    return guess.task.format.name in FREE_TEXT and any(part in guess.name.casefold() for part in GENERAL)


def _about(guess: Guess) -> dict[str, Any]:
    rows = {name: len(split) for name, split in guess.task.splits.items()}
    labels = {"labels": list(guess.task.labels)} if guess.task.labels else {}
    return {
        **_spec(guess),
        **labels,
        "rows": rows,
        "sure": guess.candidate.sure,
        "why": guess.candidate.why,
        "others": [vars(other) for other in guess.others],
    }


def _spec(guess: Guess) -> dict[str, Any]:
    """A task's keys in a recipe, its name aside."""
    format = guess.task.format
    columns: dict[str, Any] = {
        field: format.columns[field] for field in format.fields if field in format.columns
    }
    if format.name != "classification":
        unusual = {field: column for field, column in columns.items() if field != column}
        columns = {"columns": unusual} if unusual else {}
    few = 0 < len(format.labels) <= MOST_LISTED
    labels = {"labels": list(format.labels)} if few or guess.untrained else {}
    return {
        "path": str(guess.path), "format": format.name, **columns, **labels, "metric": format.metric,
    }  # fmt: skip


def _notes(guess: Guess) -> Iterator[str]:
    """What the user should know of a task, a sentence each."""
    splits, labels = guess.task.splits, guess.task.labels
    drawn = " and ".join(name for name, split in splits.items() if split.origin != name)
    yield f"{guess.candidate.sure}: {guess.candidate.why}"
    for other in guess.others:
        columns = ", ".join(f"{field}: {column}" for field, column in other.columns.items())
        yield f"or, perhaps, format: {other.format}{f' with columns: {{{columns}}}' if columns else ''}"
    yield (
        ", ".join(f"{name} {len(split):,}" for name, split in splits.items())
        + (f" rows; {drawn} drawn from train by a hash of the text" if drawn else " rows")
        + (f"; {len(labels)} labels" if len(labels) > MOST_LISTED else "")
    )
    if guess.untrained:
        yield f"labels in no train row, only in validation or test: {', '.join(guess.untrained)}"
    if guess.leaked:
        yield (
            f"plan and train will stop: {guess.leaked} train rows also stand in its validation or test; "
            "remove them, or use --allow-leakage"
        )


def _comments(notes: Sequence[str] | Iterator[str]) -> str:
    return "".join(map(_comment, notes))


def _comment(text: str) -> str:
    """One line or several; YAML bears no control characters, not even here."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    lines = textwrap.wrap(" ".join(printable.split()), 100, break_on_hyphens=False)
    return "".join(f"# {'  ' if number else ''}{line}\n" for number, line in enumerate(lines))
