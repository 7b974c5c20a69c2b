"""Does a task train on what it is tested on, or on what another task is tested on?

A row is the same as another when they ask the same (`keys`): *exactly*, or when only case and spaces differ.

    exactly the same in a task's train and in its own validation or test      stops, or is allowed and counted
    nearly the same there                                                     removed from train, counted
    the same or nearly so in ANOTHER task's validation or test                removed from train, counted

Where rows have clusters (`Format.cluster`), those whose cluster stands on both sides are counted, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist.errors import UserError
from mixologist.tasks.splits import Split
from mixologist.tasks.survey import Survey

HELD_OUT = ("validation", "test")
MOST_SHOWN = 10
"""Rows that a message lists."""

Hashes = NDArray[np.uint64]
Splits = Mapping[str, Split]


@dataclass(frozen=True)
class TaskAudit:
    """What was found in one task's rows. Counts are examples (turns, for a conversation)."""

    rows: dict[str, int]
    """Split -> examples that remain."""
    duplicates: int
    """Train examples that ask what an earlier one asks; they stay."""
    leaked: int
    """Train examples that also stand in the task's own validation or test; they stay (allowed)."""
    near: int
    """Train examples removed because the task's own validation or test differs in case or spaces alone."""
    removed: dict[str, int] = field(default_factory=dict)
    """Other task -> train examples removed because they stand in its validation or test."""
    left_out: int = 0
    """Rows of data without an answer."""
    straddling: int = 0
    """Train examples of clusters that the task's own validation or test has, too; they stay."""
    shared: int = 0
    """Examples left out where splits were carved by cluster: another split has their text (`splits.on_one_side`)."""


@dataclass(frozen=True)
class Audit:
    """What was found in all tasks, in recipe order."""

    tasks: dict[str, TaskAudit]

    def as_json(self) -> dict[str, Any]:
        """Task -> its counts."""
        return {name: asdict(audit) for name, audit in self.tasks.items()}

    def warnings(self) -> list[str]:
        """What a user should know, a sentence each."""
        return [f"{name}: {line}" for name, audit in self.tasks.items() for line in _sentences(audit)]


def audit(
    tasks: Mapping[str, Splits], *, left_out: Mapping[str, int], allow_leakage: bool = False
) -> tuple[Audit, dict[str, dict[str, Split]], list[UserError]]:
    """Compare the train rows of every task with what all of them are tested on.

    Args:
        tasks: task -> train, validation and test; general and math data among them.
        left_out: task -> rows without an answer, for the record.

    Returns:
        What was found; the tasks without the removed train rows; the problems (leaks).
    """
    keys = {name: {split: one.survey for split, one in splits.items()} for name, splits in tasks.items()}
    problems: list[UserError] = []
    found: dict[str, TaskAudit] = {}
    kept: dict[str, dict[str, Split]] = {}
    for name in keys:
        problems += [] if allow_leakage else _leaks(name, tasks[name], keys[name])
        found[name], keep = _compare(name, keys, left_out.get(name, 0))
        kept[name] = {**tasks[name], "train": tasks[name]["train"].only(keep)}
    return Audit(found), kept, problems


def _compare(
    name: str, keys: Mapping[str, Mapping[str, Survey]], left_out: int
) -> tuple[TaskAudit, NDArray[np.bool_]]:
    """The task's record, and which of its train examples stay, (n,)."""
    train = keys[name]["train"]
    leaked = np.isin(train.exact, _held_out(keys[name], "exact"))
    near = np.isin(train.near, _held_out(keys[name], "near")) & ~leaked
    keep, removed = ~near, dict[str, int]()
    for other in keys:
        if other != name:
            also = np.isin(train.near, _held_out(keys[other], "near")) & keep
            keep &= ~also
            removed |= {other: int(also.sum())} if also.any() else {}
    rows = {split: len(found.near) for split, found in keys[name].items()} | {"train": int(keep.sum())}
    remaining = train.near[keep]
    duplicates = len(remaining) - len(np.unique(remaining))
    counts = duplicates, int((leaked & keep).sum()), int(near.sum())
    straddle = int((straddling(keys[name]) & keep).sum())
    shared = sum(found.shared for found in keys[name].values())
    return TaskAudit(rows, *counts, removed, left_out, straddle, shared), keep


def straddling(keys: Mapping[str, Survey]) -> NDArray[np.bool_]:
    """Which train examples are of clusters that held-out ones have, too, (n,)."""
    train = keys["train"].cluster
    both: NDArray[np.bool_] = np.isin(train, _held_out(keys, "cluster")) & (train != 0)
    return both


def _held_out(keys: Mapping[str, Survey], kind: str) -> Hashes:
    return np.concatenate([getattr(keys[split], kind) for split in HELD_OUT])


def _leaks(name: str, splits: Splits, keys: Mapping[str, Survey]) -> list[UserError]:
    """One problem for each two splits that share rows."""
    problems = []
    for first, split in (("train", "validation"), ("train", "test"), ("validation", "test")):
        shared = np.flatnonzero(np.isin(keys[first].exact, keys[split].exact))
        if len(shared):
            pairs = _pairs(splits, keys, (first, split), shared[:MOST_SHOWN])
            more = f", and {len(shared) - MOST_SHOWN} more" if len(shared) > MOST_SHOWN else ""
            problems.append(
                UserError(
                    f"task '{name}': {len(shared)} {first} rows also stand in its {split}",
                    given=", ".join(pairs) + more,
                    expected=f"no row of {split} among the {first} rows; scores would be too good to be true",
                    do=f"remove them from the {first} file; or keep them, and know it, with --allow-leakage",
                )
            )
    return problems


def _pairs(
    splits: Splits,
    keys: Mapping[str, Survey],
    names: tuple[str, str],
    shared: Sequence[int] | NDArray[np.int64],
) -> list[str]:
    """``train/3 = test/1`` for the examples ``shared`` of the first split."""
    first, second = names
    twin = {int(key): index for index, key in enumerate(keys[second].exact)}
    return [
        f"{splits[first][int(index)].id} = {splits[second][twin[int(keys[first].exact[index])]].id}"
        for index in shared
    ]


def _sentences(audit: TaskAudit) -> list[str]:
    counts = {
        f"{audit.leaked} train rows also stand in its own validation or test (allowed)": audit.leaked,
        f"{audit.near} train rows removed: its own validation or test has them in other case": audit.near,
        f"{audit.duplicates} train rows ask what an earlier one asks": audit.duplicates,
        f"{audit.left_out} rows without an answer left out": audit.left_out,
        f"{audit.straddling} train rows are of a cluster that its own validation or test has, too": (
            audit.straddling
        ),
        f"{audit.shared} rows left out: clusters in another split have the same text": audit.shared,
    }
    removed = [
        f"{n} train rows removed: they are validation or test rows of {other}"
        for other, n in audit.removed.items()
    ]
    return [sentence for sentence, count in counts.items() if count] + removed
