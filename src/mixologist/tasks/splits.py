"""The splits of a task, made before any mixing: its own, or carved from its train rows by the hash of their input.

    u = hash(input text) in [0, 1):   test: u < 0.1   validation: 0.1 <= u < 0.2   train: the rest

A row's split depends on its input alone: other rows, the seed and the task do not move it, equal inputs stay
together, and one text never lies in the train rows of one task and in the carved test rows of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.errors import UserError, raise_all
from mixologist.records import Example
from mixologist.tasks.formats import Format

CARVED = {"test": (0.0, 0.1), "validation": (0.1, 0.2)}
"""Split -> its range of the inputs' hashes, where the data has no such split of its own."""
FEWEST_ROWS = 3
"""A split with fewer examples says nothing."""
MOST_PROBLEMS = 5
"""So many bad rows of a split are listed; the user sees what kind of mistake it is."""

Parts = NDArray[np.int32]


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
    carved = [split for split in CARVED if split not in source]
    places = _carve(task, source["train"], format) if carved else np.ones(len(source["train"]))
    splits: dict[str, Split] = {}
    left_out = 0
    for split in ("train", "validation", "test"):
        origin = split if split in source else "train"
        rows = np.arange(len(source[origin])) if origin == split else _within(places, *CARVED[split])
        if split == "train":
            rows = rows[~np.isin(rows, [row for name in carved for row in _within(places, *CARVED[name])])]
        chosen, empty = _choose(source[origin], rows, format, caps.get(split), (seed, task, origin))
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


def tolerant(examples: Iterable[int], make: Any) -> Iterator[Any]:
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


def _carve(task: str, rows: Any, format: Format) -> NDArray[np.float64]:
    """The hash of each row's input, in [0, 1); 1 for rows without an answer."""
    every = Split(task, "train", rows, np.array([[row, 0] for row in range(len(rows))], dtype=np.int32), format)

    def position(row: int) -> float:
        return hash_text(folded(every[row].text)) / 2**64 if format.parts(rows[row]) else 1.0

    return np.array(list(tolerant(range(len(rows)), position)))
