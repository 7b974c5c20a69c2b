"""The splits of a task, made before any mixing: its own, or carved from train by the hash of the input.

    u = hash(input text) in [0, 1):   test: u < 0.1   validation: 0.1 <= u < 0.2   train: the rest

A row's split depends on its input alone: other rows, the seed and the task do not move it, equal inputs stay
together, and one text never lies in the train rows of one task and in the carved test rows of another. Where the data
has clusters (`Format.cluster`) their names are hashed instead, so that each lies in one split, and a text that several
splits would have is kept in one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.errors import UserError, raise_all
from mixologist.records import Example
from mixologist.tasks.encoding import Advance, silent
from mixologist.tasks.formats import Format
from mixologist.tasks.survey import Survey, example_id, survey

SPLITS = ("train", "validation", "test")
CARVED = {"test": (0.0, 0.1), "validation": (0.1, 0.2)}
"""Split -> its range of the inputs' hashes, where the data has no such split of its own."""
FEWEST_ROWS = 3
"""A split with fewer examples says nothing."""


class Split(Sequence[Example]):
    """Examples of one split, made from the rows on disk at each access; only their survey is held."""

    def __init__(self, task: str, origin: str, rows: Any, survey: Survey, format: Format) -> None:
        self.task = task
        self.origin = origin
        """The split of the data that the rows come from; ids begin with it."""
        self.rows = rows
        self.survey = survey
        self.format = format

    def __len__(self) -> int:
        return len(self.survey.parts)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Split: ...
    def __getitem__(self, index: int | slice) -> Example | Split:
        """One example, or the split of several."""
        if isinstance(index, slice):
            return self.only(np.arange(len(self))[index])
        return self._example(index, None)

    def reworded(self, index: int, instruction: str) -> Example:
        """The example with another instruction (``{labels}`` in it stands for the labels)."""
        return self._example(index, instruction)

    def only(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Split:
        """The same split with these examples alone, by mask or by number."""
        return Split(self.task, self.origin, self.rows, self.survey.take(which), self.format)

    def _example(self, index: int, instruction: str | None) -> Example:
        row, part = map(int, self.survey.parts[index])
        id = example_id(self.format, self.origin, row, part)
        return self.format.of_row(self.rows[row], part, task=self.task, id=id, instruction=instruction)


def make_splits(
    task: str,
    source: Mapping[str, Any],
    format: Format,
    *,
    caps: Mapping[str, int | None],
    seed: int,
    rows: Mapping[str, NDArray[np.int64]] | None = None,
    fewest: int = FEWEST_ROWS,
    advance: Advance = silent,
) -> tuple[dict[str, Split], int]:
    """Train, validation and test, and how many rows were left out because they have no answer.

    Args:
        source: split -> rows (`sources.open_source`).
        rows: split of the data -> the numbers of the rows to take from it, ascending; None: all.
        fewest: examples that every split must have.
        caps: split -> the most rows of it to take. Each row draws a rank by ``seed`` and the lowest are taken, so
            that rows added at the end leave most of the choice as it was. A conversation is one row.
        advance: told how many rows have been read.

    Raises:
        UserError: a row that cannot be read as an example, or a split with too few examples.
        UserErrors: several of them.
    """
    numbers = rows or {origin: np.arange(len(data)) for origin, data in source.items()}
    ranks = {
        origin: seeds.generator(seed, "rows", task, origin).random(len(data))
        for origin, data in source.items()
    }
    found: dict[str, Survey] = {}
    if carved := [split for split in CARVED if split not in source]:
        every = survey(
            source["train"],
            numbers["train"],
            format,
            task=task,
            origin="train",
            advance=advance,
        )
        homes = dict(reversed(list(_homes(every, carved))))  # train first
        homes = on_one_side(homes) if format.cluster else homes
        found = {split: home.lowest(ranks["train"], caps.get(split)) for split, home in homes.items()}
    for split in source.keys() - found.keys():
        cap = caps.get(split)
        order = numbers[split]
        if cap is not None:
            order = order[np.argsort(ranks[split][order])]
        found[split] = survey(
            source[split], order, format, task=task, origin=split, most=cap, advance=advance
        )
    splits = {}
    for split in SPLITS:
        origin = split if split in source else "train"
        splits[split] = Split(task, origin, source[origin], found[split], format)
    raise_all([problem for split, made in splits.items() for problem in too_few(task, split, made, fewest)])
    surveyed = [found[split] for split in SPLITS if split in source]
    return splits, sum(one.empty for one in surveyed)


def _homes(every: Survey, carved: Sequence[str]) -> Iterator[tuple[str, Survey]]:
    """The examples of train parted between train itself and the splits that the data lacks."""
    rest = np.ones(len(every.parts), dtype=np.bool_)
    for split in carved:
        low, high = CARVED[split]
        here = (low <= every.position) & (every.position < high)
        rest &= ~here
        yield split, every.take(here)
    yield "train", every.take(rest)


def on_one_side(sides: Mapping[str, Survey]) -> dict[str, Survey]:
    """Carved splits, each text in one of them: where its own hash would have it, or in the first that has it.

    So as many texts stay in train as without clusters, and every label among them. What is left out is counted.
    """
    near = np.concatenate([found.near for found in sides.values()])
    side = np.repeat(np.arange(len(sides)), [len(found.near) for found in sides.values()])
    texts, which = np.unique(near, return_inverse=True)
    stands = np.zeros((len(texts), len(sides)), dtype=np.bool_)
    stands[which, side] = True
    wanted = np.zeros(len(texts), dtype=np.int64)
    for number, split in enumerate(sides):
        low, high = CARVED.get(split, (1.0, 1.0))
        wanted[(low <= texts / 2**64) & (texts / 2**64 < high)] = number
    home = np.where(stands[np.arange(len(texts)), wanted], wanted, stands.argmax(1))
    kept = np.split(side == home[which], np.cumsum([len(found.near) for found in sides.values()])[:-1])
    return {
        split: replace(found.take(keep), shared=int((~keep).sum()))
        for (split, found), keep in zip(sides.items(), kept, strict=True)
    }


def too_few(task: str, split: str, examples: Split, fewest: int = FEWEST_ROWS) -> Iterator[UserError]:
    """The problem of a split with fewer examples."""
    if len(examples) < fewest:
        carved = f", carved from {examples.origin}" if examples.origin != split else ""
        carved += f" by cluster ('{examples.format.cluster}')" if carved and examples.format.cluster else ""
        yield UserError(
            f"task '{task}': {split} has {len(examples)} examples{carved}",
            given=f"{len(examples)} examples from {len(examples.rows)} rows of data",
            expected=f"at least {fewest} in every split",
            do="add rows" if split == "train" else f"add rows, or a {split} file beside the train file",
        )
