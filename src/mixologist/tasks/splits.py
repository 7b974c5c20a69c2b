"""The splits of a task, made before any mixing: its own, or carved from train by the hash of the input.

    u = hash(input text) in [0, 1):   test: u < 0.1   validation: 0.1 <= u < 0.2   train: the rest

A row's split depends on its input alone: other rows, the seed and the task do not move it, equal inputs stay
together, and one text never lies in the train rows of one task and in the carved test rows of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.errors import UserError, raise_all
from mixologist.records import Example
from mixologist.tasks.formats import Format
from mixologist.tasks.keys import folded, hash_text

CARVED = {"test": (0.0, 0.1), "validation": (0.1, 0.2)}
"""Split -> its range of the inputs' hashes, where the data has no such split of its own."""
FEWEST_ROWS = 3
"""A split with fewer examples says nothing."""
MOST_PROBLEMS = 5
"""So many bad rows of a split are listed; the user sees what kind of mistake it is."""

T = TypeVar("T")
Parts = NDArray[np.int32]
Rows = NDArray[np.int64]


class Split(Sequence[Example]):
    """Examples of one split, made from the rows on disk at each access; only (row, part) pairs are held."""

    def __init__(self, task: str, origin: str, rows: Any, parts: Parts, format: Format) -> None:
        self.task = task
        self.origin = origin
        """The split of the data that the rows come from; ids begin with it."""
        self.rows = rows
        self.parts = parts  # (n, 2): row, part
        self.format = format

    def __len__(self) -> int:
        return len(self.parts)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Split: ...
    def __getitem__(self, index: int | slice) -> Example | Split:
        """One example, or the split of several."""
        if isinstance(index, slice):
            return self.only(self.parts[index])
        return self._example(index, None)

    def reworded(self, index: int, instruction: str) -> Example:
        """The example with another instruction (``{labels}`` in it stands for the labels)."""
        return self._example(index, instruction)

    def only(self, parts: Parts) -> Split:
        """The same split with these (row, part) pairs alone, (n, 2)."""
        return Split(self.task, self.origin, self.rows, parts, self.format)

    def _example(self, index: int, instruction: str | None) -> Example:
        row, part = map(int, self.parts[index])
        id = f"{self.origin}/{row}.{part}" if self.format.numbered_parts else f"{self.origin}/{row}"
        return self.format.example(self.rows[row], part, task=self.task, id=id, instruction=instruction)


def make_splits(
    task: str, source: Mapping[str, Any], format: Format, *, caps: Mapping[str, int | None], seed: int
) -> tuple[dict[str, Split], int]:
    """Train, validation and test, and how many rows were left out because they have no answer.

    Args:
        source: split -> rows (`sources.open_source`).
        caps: split -> the most rows of it to take, drawn by ``seed``. A conversation is one row.

    Raises:
        UserError: a row that cannot be read as an example, or a split with fewer than 3 examples.
        UserErrors: several of them.
    """
    splits: dict[str, Split] = {}
    left_out = 0
    homes = _homes(task, source, format)
    for split in ("train", "validation", "test"):
        origin = split if split in source else "train"
        random = seeds.generator(seed, "rows", task, origin)
        chosen, empty = _choose(source[origin], homes[split], format, caps.get(split), random)
        splits[split] = Split(task, origin, source[origin], chosen, format)
        left_out += empty
    raise_all([problem for split, made in splits.items() for problem in too_few(task, split, made)])
    return splits, left_out


def too_few(task: str, split: str, examples: Split) -> Iterator[UserError]:
    """The problem of a split with fewer than 3 examples."""
    if len(examples) < FEWEST_ROWS:
        carved = f", carved from {examples.origin}" if examples.origin != split else ""
        yield UserError(
            f"task '{task}': {split} has {len(examples)} examples{carved}",
            given=f"{len(examples)} examples from {len(examples.rows)} rows of data",
            expected=f"at least {FEWEST_ROWS} in every split",
            do=f"add rows, or a {split} file beside the train file",
        )


def tolerant(examples: Iterable[int], make: Callable[[int], T]) -> Iterator[T]:
    """``make(i)`` of each; bad rows are collected and raised together, the first 5 of them.

    Raises `UserError` or `UserErrors` at the end, or as soon as there are too many.
    """
    problems: list[UserError] = []
    for index in examples:
        try:
            yield make(index)
        except UserError as problem:
            problems.append(problem)
        if len(problems) == MOST_PROBLEMS:
            break
    raise_all(problems)


def _homes(task: str, source: Mapping[str, Any], format: Format) -> dict[str, Rows]:
    """Split -> the rows that belong to it, numbered as in the data they come from."""
    missing = [split for split in CARVED if split not in source]
    positions = _positions(task, source["train"], format) if missing else np.ones(len(source["train"]))
    carved = {
        split: np.flatnonzero((CARVED[split][0] <= positions) & (positions < CARVED[split][1]))
        for split in missing
    }
    own = {split: np.arange(len(source[split])) for split in ("validation", "test") if split in source}
    train = np.setdiff1d(
        np.arange(len(positions)), np.concatenate([*carved.values(), np.array([], dtype=int)])
    )
    return {"train": train, **own, **carved}


def _positions(task: str, rows: Any, format: Format) -> NDArray[np.float64]:
    """The hash of each train row's input, in [0, 1); 1 for rows without an answer, which are left out."""
    pairs = np.stack([np.arange(len(rows)), np.zeros(len(rows))], axis=1).astype(np.int32)
    every = Split(task, "train", rows, pairs, format)

    def position(row: int) -> float:
        return hash_text(folded(every[row].text)) / 2**64 if format.parts(rows[row]) else 1.0

    return np.array(list(tolerant(range(len(rows)), position)), dtype=np.float64)


def _choose(
    data: Any, rows: Rows, format: Format, cap: int | None, random: np.random.Generator
) -> tuple[Parts, int]:
    """(row, part) pairs of at most ``cap`` of the rows, in the data's order, and how many had no answer.

    Each row draws a rank, and the lowest are taken: rows added at the end leave most of the choice as it was.
    """
    if cap is not None:
        rows = rows[np.argsort(random.random(len(data))[rows])]
    pairs: list[tuple[int, int]] = []
    taken = empty = 0
    for row in map(int, rows):
        if taken == cap:
            break
        parts = format.parts(data[row])
        pairs += [(row, part) for part in range(parts)]
        taken, empty = (taken + 1, empty) if parts else (taken, empty + 1)
    return np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2), empty
