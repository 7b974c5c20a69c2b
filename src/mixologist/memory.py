"""Habits of libraries on a CPU that make a long run's memory grow, and what is done about them.

oneDNN keeps the code that it makes for each shape of a product, 1,024 times, and PyTorch in front of it a description
of each, a quarter of a megabyte, 1,024 times in every thread that multiplies (LRU_CACHE_CAPACITY in its recipes for
CPUs). Packs differ in their tokens, so that nearly every shape is new: what is kept is hardly used again once a pass
through the blocks is over, but all along it. glibc's malloc keeps freed blocks that lie between ones in use, and packs
of ever other sizes leave ever more of them. docs/decisions/0016 has times and memory.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any

KEPT = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": 256, "LRU_CACHE_CAPACITY": 1}
"""Shapes whose code oneDNN keeps, more than one pass through the blocks has; and those that PyTorch describes."""


def keep_few_primitives() -> None:
    """To be called before the first product; what the user's environment says stands."""
    for name, shapes in KEPT.items():
        os.environ.setdefault(name, str(shapes))


def give_back() -> None:
    """Free memory goes back to the system (milliseconds); nothing happens where the C library is not glibc."""
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Any:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
