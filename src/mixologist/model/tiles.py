"""Few numbers of rows, so that products have few shapes.

On a CPU oneDNN makes code for every new shape of a bfloat16 product, in 0.4 to 3 ms and up to a megabyte: ten times
what a product of low rank takes. Packs, and an adapter's rows in them, are ever other numbers of rows. So packs get
fillers behind (`forward`), and an adapter's rows are read through windows of few sizes. Rows in a window that are not
the adapter's, or were in the window before, count as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SMALL = 32
"""Most rows that one window of its own takes as they are."""
FEW = 64
"""Most rows of a batch that is decoded (`generate.MAX_ROWS`)."""


def shapes_cost(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether every new shape of a product has its price there."""
    return device.type == "cpu" and dtype == torch.bfloat16


def rounded(rows: int, octave: int = 8, least: int = 16) -> int:
    """The next of so many numbers of rows in each octave, all of them multiples of ``least``.

    >>> [rounded(rows) for rows in (1, 100, 300, 3000, 4096)]
    [16, 112, 320, 3072, 4096]
    >>> [rounded(rows, 4, 1) for rows in (1, 5, 9, 13, 17)]
    [1, 5, 10, 14, 20]
    """
    step = max(least, (1 << (rows - 1).bit_length()) // (2 * octave))
    return -(-rows // step) * step


def rounded_down(rows: int, octave: int = 8, least: int = 16) -> int:
    """The most of these numbers that is not above ``rows``; ``least`` at least.

    >>> [rounded_down(rows) for rows in (1, 55, 262, 1024)]
    [16, 48, 256, 1024]
    """
    step = max(least, (1 << rows.bit_length()) // (2 * octave))
    return max(least, rows // step * step)


def filled(tensor: Tensor, rows: int, value: int = 0) -> Tensor:
    """(n, ...) -> (rows, ...), with ``value`` behind; itself where it has as many."""
    if rows == len(tensor):
        return tensor
    return functional.pad(tensor, (0, 0) * (tensor.dim() - 1) + (0, rows - len(tensor)), value=value)


@dataclass(frozen=True, slots=True)
class Window:
    """Rows ``start`` to ``end`` of a batch; those from ``first`` to ``last``, counted from ``start``, count."""

    start: int
    end: int
    first: int
    last: int

    @property
    def rows(self) -> slice:
        """Of the batch."""
        return slice(self.start, self.end)

    def only(self, made: Tensor) -> Tensor:
        """What was made of the window's rows (n, r), with zeros in place where a row does not count.

        Set and not multiplied: a neighbour's numbers may not be finite.
        """
        if self.first:
            made[: self.first].zero_()
        if self.last < len(made):
            made[self.last :].zero_()
        return made


def windows(
    total: int, start: int, end: int, *, apart: bool, trained: bool, few_shapes: bool
) -> list[Window]:
    """Windows over rows ``start`` to ``end`` of ``total``: one or two where shapes are to be few, else one.

    One that reaches over neighbours' rows and fillers, up to the whole batch, or, where these are to be left ``apart``,
    two of own rows. Without gradients neighbours are always left apart (what serves may have been read from any file),
    and up to ``FEW`` rows are taken as they are: answers are written in steps of as few, many with the same number.
    """
    few = end - start <= FEW and not trained
    if few or not few_shapes:
        return [Window(start, end, 0, end - start)]
    return _own(start, end) if apart or not trained else _wide(start, end, total)


def _wide(start: int, end: int, total: int) -> list[Window]:
    """One window of the next size, or the whole batch.

    >>> _wide(100, 800, 4000), _wide(3900, 4000, 4000)
    ([Window(start=100, end=868, first=0, last=700)], [Window(start=3888, end=4000, first=12, last=112)])
    """
    size = min(rounded(end - start, 4), total)
    left = min(start, total - size)
    return [Window(left, left + size, start - left, end - left)]


def _own(start: int, end: int) -> list[Window]:
    """One or two windows; the second may begin before the first ends.

    >>> _own(100, 800)
    [Window(start=100, end=612, first=0, last=512), Window(start=608, end=800, first=4, last=192)]
    >>> _own(0, 20), _own(0, 64)
    ([Window(start=0, end=20, first=0, last=20)], [Window(start=0, end=64, first=0, last=64)])
    """
    rows = end - start
    first = rows if rows <= SMALL else rounded_down(rows, 2)
    found = [Window(start, start + first, 0, first)]
    if first < rows:
        second = rounded(rows - first, 2)
        found.append(Window(end - second, end, first + second - rows, second))
    return found
