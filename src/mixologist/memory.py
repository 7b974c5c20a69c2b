"""Habits of libraries on a CPU that cost time or make a long run's memory grow, and what is done about them.

oneDNN keeps the code that it makes for each shape of a product, 1,024 times, and PyTorch in front of it a description
of each, a quarter of a megabyte, 1,024 times in every thread that multiplies (LRU_CACHE_CAPACITY in its recipes for
CPUs). glibc's malloc keeps freed blocks that lie between ones in use, and packs of ever other sizes leave ever more of
them; large blocks it takes from the system anew each time. And the system hands out memory in pages of 4 KB, whose
addresses a processor looks up one by one, unless it is asked for large ones. docs/decisions/0016 and 0022 have times
and memory.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

KEPT = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": 512, "LRU_CACHE_CAPACITY": 1}
"""Shapes whose code oneDNN keeps, more than one pass through the blocks has; and those that PyTorch describes."""
LARGE = 2**21
"""A large page, in bytes, where it is asked for."""
SHARE = 4
"""One part in so many of the machine's memory is set aside as large pages; they take none before they are used."""
HABITS = ("GLIBC_TUNABLES", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
"""With any of these in the environment malloc's habits are the user's."""
M_TRIM_THRESHOLD, M_MMAP_MAX, MADV_HUGEPAGE = -1, -4, 14
"""Of malloc.h and sys/mman.h."""


def keep_few_shapes() -> None:
    """To be called before the first product; what the user's environment says stands."""
    for name, shapes in KEPT.items():
        os.environ.setdefault(name, str(shapes))


def give_back() -> None:
    """Free memory goes back to the system (milliseconds); nothing happens where the C library is not glibc."""
    if libc := _glibc():
        libc.malloc_trim(0)
        if in_large_pages.cache_info().currsize and _large_pages():  # they went back, too
            _set_aside(libc)


@cache
def in_large_pages() -> None:
    """From now on what malloc hands out to the main thread lies in large pages, up to a part of the machine's memory.

    Only where the system gives them to those that ask. For a process that is there to train: what it frees goes back
    to the system with `give_back` and not before.
    """
    if (libc := _glibc()) and _large_pages():
        libc.mallopt(M_MMAP_MAX, 0)  # no block from the system by itself
        libc.mallopt(M_TRIM_THRESHOLD, -1)
        _set_aside(libc)


def _set_aside(libc: Any) -> None:
    """The end of the heap, as yet unused, becomes large pages."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // SHARE
    if block := libc.malloc(size):
        start = -(-block // LARGE) * LARGE
        libc.madvise(start, (block + size - start) // LARGE * LARGE, MADV_HUGEPAGE)
        libc.free(block)


@cache
def _large_pages() -> bool:
    """Whether the system gives them to those that ask, and the user leaves malloc's habits to us."""
    if any(name in os.environ for name in HABITS):
        return False
    try:
        return "[madvise]" in Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text()
    except OSError:
        return False


@cache
def _glibc() -> Any:
    """The C library, if it is glibc."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "malloc_trim"):
        return None
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.malloc_trim.argtypes, libc.mallopt.argtypes = [ctypes.c_size_t], [ctypes.c_int, ctypes.c_int]
    return libc
