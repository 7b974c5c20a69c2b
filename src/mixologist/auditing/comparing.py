"""Which examples are the same as others: in what a task is tested on, in what another is tested on, in its own train.

Exactly and up to case and spaces by sorted hashes; nearly the same by MinHash candidates, read again and compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixologist.auditing.looking import Hashes, Keys, Looked, Stage
from mixologist.auditing.near import BANDS, near

HELD_OUT = ("validation", "test")
MOST_TRIED = 4
"""Candidates of one band that are compared with an example."""

_MIXER = np.uint64(0x9E3779B97F4A7C15)

Block = tuple[str, str]
"""Task and split."""
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Twin:
    """Why an example is found: it is like another one."""

    kind: str
    block: Block
    index: int


Twins = dict[Block, dict[int, Twin]]
"""Task and split -> example -> the first reason found."""


def compare(tasks: Mapping[str, Looked], stage: Stage = lambda name, total: lambda count: None) -> Twins:
    """Everything that is the same as something else; an example has the gravest reason only."""
    twins: Twins = {(name, split): {} for name in tasks for split in ("train", *HELD_OUT)}
    advance = stage("comparing", len(tasks))
    for name in tasks:
        _compare(name, tasks, twins)
        advance(1)
    return twins


def conflicts(looked: Looked) -> Numbers:
    """Train examples that ask what an earlier one asks and have another answer than the first of them."""
    keys = looked.keys["train"]
    first = _first(keys.folded)
    return np.flatnonzero(keys.answer != keys.answer[first])


def _compare(name: str, tasks: Mapping[str, Looked], twins: Twins) -> None:
    own = [(name, split) for split in HELD_OUT]
    others = [(other, split) for other in tasks if other != name for split in HELD_OUT]
    train = (name, "train")
    _same(train, own, tasks, "leak", "asked", twins)
    _same(train, own, tasks, "near_leak", "folded", twins)
    _same(train, others, tasks, "other_leak", "folded", twins)
    _same((name, "validation"), [(name, "test")], tasks, "overlap", "asked", twins)
    for split, kind in (("train", "duplicate"), ("validation", "repeated"), ("test", "repeated")):
        _repeated((name, split), tasks[name], kind, twins)
    _near(train, own, tasks, "near_leak", twins)
    _near(train, others, tasks, "near_other_leak", twins)
    _near_repeated(train, tasks, twins)


def _same(
    block: Block, others: Sequence[Block], tasks: Mapping[str, Looked], kind: str, key: str, twins: Twins
) -> None:
    mine = getattr(_keys(block, tasks), key)
    for other in others:
        places = _find(mine, getattr(_keys(other, tasks), key))
        for index in np.flatnonzero(places >= 0):
            twins[block].setdefault(int(index), Twin(kind, other, int(places[index])))


def _repeated(block: Block, looked: Looked, kind: str, twins: Twins) -> None:
    keys = looked.keys[block[1]]
    first = _first(keys.folded * _MIXER + keys.answer)
    for index in np.flatnonzero(first < np.arange(len(first))):
        twins[block].setdefault(int(index), Twin(kind, block, int(first[index])))


def _near(
    block: Block, others: Sequence[Block], tasks: Mapping[str, Looked], kind: str, twins: Twins
) -> None:
    """Held-out examples that are near. In the same task the answer must be the same too: else it helps nobody."""
    for other in others:
        for index, place in _candidates(_keys(block, tasks).bands, _keys(other, tasks).bands):
            answers = [_keys(which, tasks).answer[n] for which, n in ((block, index), (other, place))]
            if index not in twins[block] and (other[0] != block[0] or answers[0] == answers[1]):
                _mark(block, index, Twin(kind, other, place), tasks, twins)


def _near_repeated(block: Block, tasks: Mapping[str, Looked], twins: Twins) -> None:
    keys = _keys(block, tasks)
    for band in range(BANDS):
        order = np.argsort(keys.bands[:, band], kind="stable")
        values, answers = keys.bands[order, band], keys.answer[order]
        for place in np.flatnonzero((values[1:] == values[:-1]) & (answers[1:] == answers[:-1])):
            earlier, later = int(order[place]), int(order[place + 1])
            if later not in twins[block]:
                _mark(block, later, Twin("near_duplicate", block, earlier), tasks, twins)


def _mark(block: Block, index: int, twin: Twin, tasks: Mapping[str, Looked], twins: Twins) -> None:
    (name, split), (other, part) = block, twin.block
    if near(tasks[name].splits[split][index], tasks[other].splits[part][twin.index]):
        twins[block][index] = twin


def _candidates(mine: Hashes, others: Hashes) -> Iterator[tuple[int, int]]:
    """Pairs that share a band, (n, 9) with (m, 9): at most four of a band for each of mine."""
    for band in range(BANDS):
        order = np.argsort(others[:, band], kind="stable")
        values = others[order, band]
        begins = np.searchsorted(values, mine[:, band])
        for step in range(MOST_TRIED):
            places = begins + step
            inside = places < len(values)
            same = inside & (values[np.where(inside, places, 0)] == mine[:, band])
            yield from ((int(n), int(order[places[n]])) for n in np.flatnonzero(same))


def _find(mine: Hashes, others: Hashes) -> Numbers:
    """For each of mine the first equal one of the others, -1 where there is none, (n,)."""
    order = np.argsort(others, kind="stable")
    places = np.searchsorted(others[order], mine)
    inside = places < len(others)
    candidate = order[np.where(inside, places, 0)]
    return np.where(inside & (others[candidate] == mine), candidate, -1)


def _first(keys: Hashes) -> Numbers:
    """For each the number of the first equal one, (n,)."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], dtype=np.int64)


def _keys(block: Block, tasks: Mapping[str, Looked]) -> Keys:
    return tasks[block[0]].keys[block[1]]
