"""Randomness is an argument: every stream of random numbers is named, and the name is its seed."""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed fixed by ``(seed, *names)`` alone, so that a new stream reseeds no other.

    >>> derive(0, "fpb", 1) == derive(0, "fpb", 1), derive(0, "fpb", 1) == derive(0, "fpb", 2)
    (True, False)
    """
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def replicate(seed: int, number: int) -> int:
    """The seed of a repetition of a training; repetition 0 is the training itself.

    >>> replicate(7, 0), replicate(7, 1) != replicate(7, 2)
    (7, True)
    """
    return derive(seed, "replicate", number) % 2**31 if number else seed


def generator(seed: int, *names: object) -> np.random.Generator:
    """A NumPy generator for the stream ``names``."""
    return np.random.default_rng(derive(seed, *names))


def pick(rows: int, most: int, seed: int, *names: str) -> list[int]:
    """At most so many row numbers, drawn by seed, in order."""
    if rows <= most:
        return list(range(rows))
    return sorted(generator(seed, "pick", *names).choice(rows, most, replace=False).tolist())
