"""An index of the n-grams of all validation and test rows, and the passages of other texts that share one.

Two texts overlap where they share 13 words in a row (words: ``\\w+``, lower-cased; lengths as in the GPT-3 paper,
arXiv:2005.14165, appendix C). A field of 8 to 12 words has no such 13-gram and counts as one n-gram of its own length,
counted apart; a field of fewer words is not looked for, since everyday phrases would match.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tools.pretrain.rows import evaluation_files, texts
from tools.pretrain.sources import DATA

LONG, SHORT = 13, 8
"""Words of an n-gram; the fewest words of a field that is looked for as a whole."""
BORDERS = ((r"\n\s*\n", "\n\n"), (r"\n", "\n"), (r"(?<=[.!?])\s+", " "))
"""Where a text is parted into passages (paragraphs, else lines, else sentences), and what joins them again."""
FACTOR = np.uint64(0x9E3779B97F4A7C15)
SKETCH_BITS = 26

Hashes = NDArray[np.uint64]
Kind = tuple[str, str, bool]
"""Data set, split, and whether the n-gram is a whole short field."""


class Hit(NamedTuple):
    """An n-gram of a text, from word ``start``, that stands in a row of ``split`` of ``data_set``."""

    data_set: str
    split: str
    start: int
    length: int

    @property
    def kind(self) -> Kind:
        """What it is counted under."""
        return self.data_set, self.split, self.length < LONG


@dataclass(frozen=True)
class Index:
    """The n-grams of all validation and test rows: sorted 64-bit hashes and, for each, the split that it stems from.

    ``ids``: word -> place in ``values``, a random number a word; words of no row share place 0, which is in no key.
    ``sketch``: whether any key has these leading bits, which spares nearly all searches. ``sizes``: n-grams of a kind.
    """

    splits: Sequence[tuple[str, str]]
    ids: dict[str, int]
    values: Hashes
    keys: Hashes
    owners: NDArray[np.int64]
    sketch: NDArray[np.bool_]
    sizes: dict[Kind, int]

    @staticmethod
    def of(data: Path = DATA) -> Index:
        """Read all rows: 30 MB of text take three seconds and 0.25 GB. About 6 MB a second then stream past it."""
        files, ids = evaluation_files(data), defaultdict[str, int](itertools.count(1).__next__)
        read = [_read(file, ids) for file in files]
        values = np.random.default_rng(0).integers(0, 2**64, len(ids) + 1, dtype=np.uint64)
        found, sizes = [np.empty(0, dtype=np.uint64)], dict[Kind, int]()
        for file, (words, lengths) in zip(files, read, strict=True):
            long, short = _of_fields(values[words], lengths)
            sizes |= {
                (file.parent.name, file.stem, False): len(long),
                (file.parent.name, file.stem, True): len(short),
            }
            found.append(np.concatenate([long, short]))
        keys, owners = np.concatenate(found), np.repeat(np.arange(len(files)), [len(k) for k in found[1:]])
        order = np.argsort(keys)
        sketch = np.zeros(2**SKETCH_BITS, dtype=np.bool_)
        sketch[_leading(keys)] = True
        splits = [(file.parent.name, file.stem) for file in files]
        return Index(splits, dict(ids), values, keys[order], owners[order], sketch, sizes)

    def hits(self, text: str) -> list[Hit]:
        """Every n-gram of the text that stands in a row, once for each split that has it."""
        ids = map(self.ids.get, _words(text), itertools.repeat(0))
        values = self.values[np.fromiter(ids, dtype=np.int32)]
        return [hit for length, hashes in _grams(values) for hit in self._search(length, hashes)]

    def clean(self, text: str) -> tuple[str, int]:
        """The text without the passages that hold a part of such an n-gram; how many n-grams were hit.

        Looked through again afterwards, since what is left may form one across a gap.
        """
        count = 0
        while spans := {(hit.start, hit.length) for hit in self.hits(text)}:
            count += len(spans)
            text = _without(text, spans)
        return text, count

    def _search(self, length: int, hashes: Hashes) -> Iterator[Hit]:
        starts = np.flatnonzero(self.sketch[_leading(hashes)])
        low = np.searchsorted(self.keys, hashes[starts], side="left")
        high = np.searchsorted(self.keys, hashes[starts], side="right")
        for i in np.flatnonzero(high > low):
            for owner in self.owners[low[i] : high[i]]:
                yield Hit(*self.splits[int(owner)], int(starts[i]), length)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _leading(hashes: Hashes) -> Hashes:
    return hashes >> np.uint64(64 - SKETCH_BITS)


def _grams(values: Hashes) -> Iterator[tuple[int, Hashes]]:
    """(n, hashes of all n-grams), n = 8..13: polynomials of the words' values modulo 2^64, each from the one before."""
    sums = values
    for length in range(2, LONG + 1):
        sums = sums[:-1] * FACTOR + values[length - 1 :]
        if length >= SHORT:
            yield length, sums


def _read(file: Path, ids: dict[str, int]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Word ids of a split's fields, end to end, and the words in each field; new words get the next id."""
    fields = [np.fromiter(map(ids.__getitem__, _words(text)), dtype=np.int32) for text in texts(file)]
    return np.concatenate([np.empty(0, dtype=np.int32), *fields]), np.array(
        [len(f) for f in fields], dtype=np.int64
    )


def _of_fields(values: Hashes, lengths: NDArray[np.int64]) -> tuple[Hashes, Hashes]:
    """The different 13-grams within fields laid end to end, and the different whole fields of 8 to 12 words."""
    ends = np.cumsum(lengths)
    left = np.repeat(ends, lengths) - np.arange(len(values))
    grams = dict(_grams(values))
    short = [grams[n][(ends - lengths)[lengths == n]] for n in range(SHORT, LONG)]
    return np.unique(grams[LONG][left[: len(grams[LONG])] >= LONG]), np.unique(np.concatenate(short))


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without the passages that (first word, words) touch, in the coarsest parting that gives two or more."""
    parted = ((re.split(pattern, text.strip()), joint) for pattern, joint in BORDERS)
    passages, joint = next((found for found in parted if len(found[0]) > 1), ([text], ""))
    passage_of = np.repeat(np.arange(len(passages)), [len(_words(passage)) for passage in passages])
    dropped = {int(n) for start, length in spans for n in passage_of[start : start + length]}
    return joint.join(passage for n, passage in enumerate(passages) if n not in dropped)
