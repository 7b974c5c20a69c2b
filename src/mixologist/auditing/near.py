"""Questions that are nearly the same: MinHash finds candidates without comparing all pairs, the texts decide.

Two questions are *near* when the same numbers stand in them and at least 80 % of their character 5-grams are common
(Jaccard), in the context that several questions may share and in the rest alike. So neither two questions over one
page nor rows of a template that differ in a number are near.

The signature has 9 bands of 7 values: a pair at 0.8 shares one with probability 0.88, at 0.9 with 0.997, at 0.5
with 0.07 (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4). Signatures come from datasketch; its own
index would take kilobytes a row, sorted band keys take 72 bytes.
"""

from __future__ import annotations

import re

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from mixologist.records import Example
from mixologist.tasks.keys import asked, folded, hash_text

BANDS, VALUES = 9, 7
GRAM = 5
"""Characters of a gram."""
SIMILAR = 0.8

_EMPTY = MinHash(num_perm=BANDS * VALUES, seed=1, hashfunc=int, scheme="affine32")
_MIXER = np.random.default_rng(0).integers(1, 2**63, GRAM + VALUES, dtype=np.uint64) * np.uint64(
    2
) + np.uint64(1)
_DIGITS = re.compile(r"\d+")


def bands(example: Example) -> NDArray[np.uint64]:
    """(9,) keys; near questions are likely to have one in common, others are not."""
    sketch = _EMPTY.copy()
    sketch.update_batch(grams(asked(example)).tolist())
    values = sketch.hashvalues.astype(np.uint64).reshape(BANDS, VALUES)
    keys: NDArray[np.uint64] = (values * _MIXER[GRAM:]).sum(axis=1, dtype=np.uint64)
    return keys ^ np.uint64(hash_text(str(_numbers(asked(example)))))


def near(one: Example, other: Example) -> bool:
    """Whether two questions are near (see the module)."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    same = _numbers(asked(one)) == _numbers(asked(other))
    return same and all(jaccard(grams(a), grams(b)) >= SIMILAR for a, b in pairs)


def grams(text: str) -> NDArray[np.uint32]:
    """Distinct 32-bit hashes of the folded text's character 5-grams; a shorter text is one gram."""
    letters = np.frombuffer(folded(text).ljust(GRAM).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    windows = np.lib.stride_tricks.sliding_window_view(letters, GRAM).astype(np.uint64)
    return np.unique(
        ((windows * _MIXER[:GRAM]).sum(axis=1, dtype=np.uint64) >> np.uint64(32)).astype(np.uint32)
    )


def jaccard(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """Share of the grams of both that are in each, in [0, 1]."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


def _numbers(text: str) -> list[str]:
    return sorted(_DIGITS.findall(text))


def _parts(example: Example) -> tuple[str, str]:
    """The context that questions may share, and the rest."""
    whole = asked(example)
    return example.context, whole.replace(example.context, "", 1) if example.context else whole
