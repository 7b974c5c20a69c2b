"""Slices: the examples of a split parted by length, by label or by a column; numbers go into bands with given edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist.errors import UserError, nearest
from mixologist.recipe.schema import Slice
from mixologist.tasks.formats import Format
from mixologist.tasks.formats.base import label_text
from mixologist.tasks.splits import Split

LENGTH, LABEL = "length", "label"
"""What a slice can be by that is no column."""
NOTHING = "nothing"
"""The slice of examples with an empty cell, or without a number where there are bands."""
MOST_VALUES = 50
"""Different values of a column beyond which its slices say nothing."""


def cut(split: Split, by: Slice) -> dict[str, NDArray[np.int64]]:
    """Slice -> numbers of its examples in the split, ascending; bands in their order, values in the alphabet's.

    An example with several labels (or a list in its cell) is in each of their slices. Empty slices are left out.
    """
    found: dict[str, list[int]] = {}
    for number, value in enumerate(_values(split, by)):
        names = [_band(value, by.edges)] if by.edges else _names(value)
        for name in names:
            found.setdefault(name, []).append(number)
    order = (
        [*_bands(by.edges), NOTHING] if by.edges else sorted(found, key=lambda name: (name == NOTHING, name))
    )
    return {name: np.array(found[name], dtype=np.int64) for name in order if name in found}


def problems(slices: Sequence[Slice], test: Split, columns: Sequence[str]) -> Iterator[UserError]:
    """What is wrong with a task's slices, seen on its test rows, whose columns are ``columns``."""
    for number, by in enumerate(slices):
        where = f"task '{test.task}': slices[{number}]"
        if by in slices[:number]:
            yield UserError(
                f"{where} stands twice", given=f"by: {by.by}", expected="each once", do="remove one"
            )
        elif list(by.edges) != sorted(set(by.edges)):
            yield _wrong(where, by, "edges that ascend, such as [50, 100]", "sort them, each once")
        elif by.by == LENGTH and not by.edges:
            yield _wrong(where, by, "edges, in characters of the input", "add edges, such as [50, 100]")
        elif by.by == LABEL:
            yield from _label(where, by, test.format)
        elif by.by != LENGTH:
            yield from _column(where, by, test, columns)


def _label(where: str, by: Slice, format: Format) -> Iterator[UserError]:
    if not format.labels:
        yield _wrong(where, by, f"a format with labels, not {format.name}", "slice by length or by a column")
    elif by.edges:
        yield _wrong(where, by, "no edges: labels are no numbers", "remove edges")


def _column(where: str, by: Slice, test: Split, columns: Sequence[str]) -> Iterator[UserError]:
    if by.by not in columns:
        known = (LENGTH, LABEL, *columns)
        yield _wrong(where, by, f"one of {', '.join(known)}", nearest(by.by, known))
        return
    found = cut(test, by)
    if by.edges and set(found) <= {NOTHING}:
        yield _wrong(where, by, f"numbers in column '{by.by}' of the test rows", "remove edges")
    elif len(found) > MOST_VALUES:
        yield UserError(
            f"{where}: column '{by.by}' has {len(found)} different values in the test rows",
            given=f"by: {by.by}, no edges",
            expected=f"at most {MOST_VALUES} values, or numbers with edges",
            do="add edges where these are numbers, or name another column",
        )


def _wrong(where: str, by: Slice, expected: str, do: str) -> UserError:
    edges = f", edges: {[float(f'{edge:g}') for edge in by.edges]}" if by.edges else ""
    return UserError(f"{where} cannot be cut", given=f"by: {by.by}{edges}", expected=expected, do=do)


def _values(split: Split, by: Slice) -> Iterator[Any]:
    """What each example is sliced by."""
    if by.by in (LENGTH, LABEL):
        yield from (len(e.text) if by.by == LENGTH else e.reference for e in split)
    elif len(split):
        yield from split.rows[by.by][split.survey.parts[:, 0].tolist()]


def _names(value: Any) -> list[str]:
    items = value if isinstance(value, list | tuple | set | frozenset) else [value]
    return sorted({label_text(item) or NOTHING for item in items}) or [NOTHING]


def _band(value: Any, edges: Sequence[float]) -> str:
    """The band of a number, or of a text that is one."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return NOTHING
    return NOTHING if math.isnan(number) else _bands(edges)[int(np.searchsorted(edges, number, side="right"))]


def _bands(edges: Sequence[float]) -> list[str]:
    """``below 50``, ``50 to below 100``, ``100 and more``."""
    between = [f"{low:g} to below {high:g}" for low, high in itertools.pairwise(edges)]
    return [f"below {edges[0]:g}", *between, f"{edges[-1]:g} and more"]
