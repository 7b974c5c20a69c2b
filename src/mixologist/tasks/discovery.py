"""Which tasks a folder of data holds, or data sets of the hub, each read as it most likely is meant."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixologist.errors import UserError
from mixologist.recipe import load as recipes
from mixologist.recipe.schema import RESERVED_NAMES
from mixologist.tasks.formats import FORMATS
from mixologist.tasks.formats.base import label_text
from mixologist.tasks.formats.binding import map_columns
from mixologist.tasks.guessing import LABEL_SHARE, MOST_LABELS, Candidate, candidates
from mixologist.tasks.inspection import LOADERS
from mixologist.tasks.sources import Splits, open_source
from mixologist.tasks.task import Task, load_tasks

NOT_DATA = {"", ".md", ".yaml", ".yml", ".py"}
"""Endings of files that may lie beside data and are passed over in silence."""

_SPLIT = re.compile(r"(train(ing)?|validation|valid|val|dev|test)([-_.]\d.*)?", re.IGNORECASE)
_PART = re.compile(r"(?P<task>.+)[-_. ](?P<split>train(ing)?|validation|valid|val|dev|test)", re.IGNORECASE)


@dataclass(frozen=True)
class Guess:
    """A task that a file or folder holds, as far as can be told; all its rows can be read so."""

    name: str
    path: Path
    candidate: Candidate
    others: tuple[Candidate, ...]
    """Less likely readings; not tried."""
    task: Task
    leaked: int
    """Train rows that also stand in its own validation or test."""
    untrained: tuple[str, ...]
    """Labels that stand in no row of the train split."""


def places(folder: Path) -> list[Path]:
    """The data files below a folder; splits in a folder, or named alike, are one place.

    Raises `UserError` where there are none.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        files = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
        elif any(_SPLIT.fullmatch(file.stem) and file.suffix.lower() in LOADERS for file in files):
            folders.clear()
            found.append(Path(parent))
        else:
            found += _together([file for file in files if file.suffix.lower() not in NOT_DATA])
        seen.add(real)
    if not found:
        raise UserError(
            f"no data in {folder}" if folder.is_dir() else f"no folder {folder}",
            given=folder,
            expected=f"a folder with files that end in {', '.join(sorted(LOADERS))}",
            do="name the folder that holds your data",
        )
    return found


def _together(files: Sequence[Path]) -> Iterable[Path]:
    """``reviews`` for reviews_train.csv and reviews_test.csv; other files as they are."""
    parts = {file: match for file in files if (match := _PART.fullmatch(file.stem))}
    trained = {match["task"] for match in parts.values() if match["split"].casefold().startswith("train")}
    begins = {
        file: file.with_name(match["task"]) for file, match in parts.items() if match["task"] in trained
    }
    return dict.fromkeys(begins.get(file, file) for file in files)


def discover(
    found: Iterable[Path], advance: Callable[[int], None] = lambda count: None
) -> tuple[list[Guess], dict[Path, UserError]]:
    """The tasks of some places (of `places`, or hub ids), and the places that could not be understood."""
    guesses: list[Guess] = []
    left_out: dict[Path, UserError] = {}
    for place in found:
        try:
            guesses.append(_guess(place, _name(place, {guess.name.casefold() for guess in guesses})))
        except UserError as problem:
            left_out[place] = problem
        advance(1)
    return guesses, left_out


def valid_name(text: str) -> str:
    """The text as a task may be called."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")[:60] or "data"


def _name(place: Path, taken: set[str]) -> str:
    plain = valid_name(place.resolve().name if place.is_dir() else place.stem)
    names = [plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name.casefold() not in taken | RESERVED_NAMES)


def _guess(place: Path, name: str) -> Guess:
    """The first reading that all rows bear. Raises the problem of the likeliest where none does."""
    if task := _split_of(place):
        raise _one_split(place, task)
    source = open_source(str(place))
    problems: list[UserError] = []
    likely = list(candidates(source["train"]))
    for number, candidate in enumerate(likely, 1):
        try:
            return _read(place, name, candidate, tuple(likely[number:]), source)
        except UserError as problem:
            problems.append(problem)
    raise problems[0] if problems else _not_understood(place, source["train"].column_names)


def _split_of(place: Path) -> str | None:
    """``reviews`` for reviews_test.csv, where another split lies beside it, but not reviews_train.csv."""
    part = _PART.fullmatch(place.stem) if place.is_file() else None
    beside = [_PART.fullmatch(file.stem) for file in place.parent.iterdir()] if part else []
    return (
        part["task"]
        if part and [match and match["task"] for match in beside].count(part["task"]) > 1
        else None
    )


def _read(
    place: Path, name: str, candidate: Candidate, others: tuple[Candidate, ...], source: Splits
) -> Guess:
    labels, untrained = _labels(candidate, source, name)
    columns = {"columns": candidate.columns, "metric": candidate.metric, "labels": labels or None}
    spec: dict[str, Any] = {"name": name, "path": str(place), "format": candidate.format, **columns}
    found = load_tasks(recipes.load({"tasks": [spec]}), allow_leakage=True)
    task = found.tasks[name]
    rows = sum(map(len, task.splits.values()))
    if len(task.labels) > MOST_LABELS and len(task.labels) > LABEL_SHARE * rows:
        raise _no_labels(place, task, rows)
    return Guess(name, place, candidate, others, task, found.audit.tasks[name].leaked, untrained)


def _labels(candidate: Candidate, source: Splits, name: str) -> tuple[list[str], tuple[str, ...]]:
    """All labels where validation or test has some that train has not, and those; else the train rows tell."""
    if candidate.format != "classification":
        return [], ()
    columns = map_columns(FORMATS["classification"], candidate.columns, source["train"].column_names, name)
    found = {
        split: {label_text(value) for value in rows[columns["label"]]} - {""}
        for split, rows in source.items()
        if columns["label"] in rows.column_names
    }
    every = set().union(*found.values())
    untrained = tuple(sorted(every - found["train"]))
    return (sorted(every) if untrained else []), untrained


def _one_split(place: Path, task: str) -> UserError:
    return UserError(
        f"{place} looks like one split of a task",
        given=place.name,
        expected=f"the train rows beside it, as {task}_train{place.suffix}",
        do="add them, or rename the file that holds them",
    )


def _no_labels(place: Path, task: Task, rows: int) -> UserError:
    return UserError(
        f"{place}: column '{task.format.columns['label']}' does not look like labels",
        given=f"{len(task.labels):,} different ones in {rows:,} rows",
        expected="a small closed set",
        do="write the task by hand, with `format: prompt_completion` perhaps",
    )


def _not_understood(place: Path, columns: Sequence[str]) -> UserError:
    return UserError(
        f"{place}: what is asked and what is answered cannot be told from the columns {', '.join(columns)}",
        given=f"columns {', '.join(columns)}",
        expected="a text and a label, a question and an answer, words and their tags, or a chat",
        do="write the task by hand: name, path, format, and columns: {field: column}; "
        "in a CSV, the columns' names belong in the first line",
    )
