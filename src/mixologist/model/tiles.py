"""An adapter's rows cut into one or two pieces of few sizes, so that its products have few shapes.

On a CPU oneDNN makes code for every new shape of a bfloat16 product, in 0.4 to 1 ms and up to a megabyte: ten times
what a product of low rank takes. An adapter's rows in a pack are ever other numbers of rows; pieces have powers of two
of them, or three quarters of one, and the code of all is soon there. The second may begin before the first ends.
"""

from __future__ import annotations

from bisect import bisect
from functools import cache

import torch
from torch import Tensor

SIZES = [size for power in range(5, 20) for size in (2**power, 3 * 2 ** (power - 1))]
"""32, 48, 64, 96, ...; fewer rows are taken as they are."""
FEW = 64
"""Most rows of a batch that is decoded (`generate.MAX_ROWS`)."""


@cache
def pieces(rows: int) -> tuple[tuple[int, int, int], ...]:
    """(start, end, first rows that belong to the piece before) of each.

    >>> pieces(700)
    ((0, 512, 0), (508, 700, 4))
    >>> pieces(20), pieces(64)
    (((0, 20, 0),), ((0, 64, 0),))
    """
    if rows <= SIZES[0]:
        return ((0, rows, 0),)
    first = SIZES[bisect(SIZES, rows) - 1]
    if first == rows:
        return ((0, rows, 0),)
    second = next(size for size in SIZES if size >= rows - first)
    return (0, first, 0), (rows - second, rows, first + second - rows)


def cut(like: Tensor, rows: int) -> tuple[tuple[int, int, int], ...]:
    """`pieces` where shapes cost something, and all rows as one elsewhere.

    So are up to ``FEW`` without gradients: answers are written in steps of as few rows, many of them with the same
    number, and there a second piece costs more than now and then a new shape.
    """
    few = rows <= FEW and not torch.is_grad_enabled()
    costly = like.device.type == "cpu" and like.dtype == torch.bfloat16 and not few
    return pieces(rows) if costly else ((0, rows, 0),)
