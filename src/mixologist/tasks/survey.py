"""One pass over rows of data: which examples they hold, and hashes of what these ask.

Rows are read in blocks, since one at a time costs ten times as much; about 15 microseconds and 40 bytes an example.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist.errors import UserError, raise_all
from mixologist.records import Example
from mixologist.tasks.encoding import Advance, silent
from mixologist.tasks.formats import Format
from mixologist.tasks.keys import asked, folded, hash_text

BLOCK = 1000
"""Rows in memory at once."""
MOST_PROBLEMS = 5
"""So many bad rows of a split are listed; the user sees what kind of mistake it is."""

ARRAYS = ("parts", "exact", "near", "position", "cluster")
Key = tuple[int, int, int, int, float, int]
"""Row, part, exact, near, position and cluster of an example."""
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Survey:
    """Examples of one split of the data, n of them, by row and part."""

    parts: NDArray[np.int32]  # (n, 2): row, part
    exact: NDArray[np.uint64]  # (n,) hash of what the example asks
    near: NDArray[np.uint64]  # (n,) the same without case and spaces
    position: NDArray[np.float64]  # (n,) hash of its row's cluster, or of its input alone, in [0, 1)
    cluster: NDArray[np.uint64]  # (n,) hash of its row's cluster, 0 for none
    empty: int
    """Rows that hold no example, since they have no answer."""
    shared: int = 0
    """Examples left out, whose text stands in another split (`splits.on_one_side`)."""

    def take(self, which: NDArray[np.bool_] | Rows) -> Survey:
        """These examples alone."""
        return replace(self, **{name: getattr(self, name)[which] for name in ARRAYS})

    def lowest(self, ranks: NDArray[np.float64], cap: int | None) -> Survey:
        """The examples of the ``cap`` rows of lowest rank; ``ranks``: one a row of the data."""
        rows = np.unique(self.parts[:, 0])
        if cap is None or len(rows) <= cap:
            return self
        return self.take(np.isin(self.parts[:, 0], rows[np.argsort(ranks[rows])[:cap]]))


def survey(
    data: Any,
    rows: Rows,
    format: Format,
    *,
    task: str,
    origin: str,
    most: int | None = None,
    advance: Advance = silent,
) -> Survey:
    """Survey rows of a split in the given order, no further than ``most`` rows with an answer.

    Raises `UserError` for a row that cannot be read as an example, `UserErrors` for the first 5 of several.
    """
    found: list[Key] = []
    blocks: list[Survey] = []
    problems: list[UserError] = []
    taken = empty = 0
    for block in np.split(rows, range(BLOCK, len(rows), BLOCK)):
        for number, row in zip(block.tolist(), _read(data, block), strict=True):
            if taken == most or len(problems) == MOST_PROBLEMS:
                break
            try:
                keys = list(_keys(format, row, number, task, origin))
            except UserError as problem:
                problems.append(problem)
                continue
            found += keys
            taken, empty = (taken + 1, empty) if keys else (taken, empty + 1)
        blocks.append(_arrays(found))
        found.clear()
        advance(len(block))
    raise_all(problems)
    return replace(_joined(blocks), empty=empty)


def _read(data: Any, block: Rows) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries. A run of neighbours is a slice of the table on disk."""
    neighbours = len(block) and block[-1] - block[0] == len(block) - 1 and (np.diff(block) == 1).all()
    columns = data[int(block[0]) : int(block[-1]) + 1] if neighbours else data[block.tolist()]
    return (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def _keys(format: Format, row: dict[str, Any], number: int, task: str, origin: str) -> Iterator[Key]:
    """The keys of the examples of a row."""
    position, cluster = 0.0, 0
    for part in range(format.parts(row)):
        example = format.of_row(row, part, task=task, id=example_id(format, origin, number, part))
        text = asked(example)
        near = hash_text(folded(text))
        if part == 0:
            cluster = hash_text(example.cluster) if example.cluster else 0
            position = cluster / 2**64 if cluster else _position(example, near)
        yield number, part, hash_text(text), near, position, cluster


def _position(example: Example, near: int) -> float:
    """The hash of the input alone; it is what is asked where nothing was said before."""
    return (near if len(example.messages) == 1 else hash_text(folded(example.text))) / 2**64


def example_id(format: Format, origin: str, row: int, part: int) -> str:
    """``train/17``, or ``train/17.2`` where a row holds several examples."""
    return f"{origin}/{row}.{part}" if format.numbered_parts else f"{origin}/{row}"


def _arrays(found: list[Key]) -> Survey:
    rows, parts, exact, near, position, cluster = zip(*found, strict=True) if found else ((),) * 6
    return Survey(
        np.array([rows, parts], dtype=np.int32).T.reshape(-1, 2),
        np.array(exact, dtype=np.uint64),
        np.array(near, dtype=np.uint64),
        np.array(position, dtype=np.float64),
        np.array(cluster, dtype=np.uint64),
        0,
    )


def _joined(blocks: list[Survey]) -> Survey:
    """All examples, sorted by row and part."""
    every: dict[str, Any] = {
        name: np.concatenate([getattr(block, name) for block in blocks]) for name in ARRAYS
    }
    parts = every["parts"]
    return replace(blocks[0], **every).take(np.lexsort((parts[:, 1], parts[:, 0])))
