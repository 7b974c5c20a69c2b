"""A mean over items, of the base and of others on the same items: their differences, paired.

n = items
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.recipe import schema

Floats = NDArray[np.float64]


def against_base(
    systems: Mapping[str, Floats], base: Floats, options: schema.Evaluation, seed: int
) -> dict[str, Any]:
    """``base`` and each system -> ``value`` and ``n``, of a system also ``minus_base`` with its percentile limits.

    All are (n,); every resample draws the same items of both. Where none of n answers, right or wrong, changes, there
    may still be such as do, of a share that n draws miss (`limits.limits`).
    """
    n = len(base)
    weights = seeds.generator(seed, "forgetting", n).multinomial(
        n, np.full(n, 1 / n), size=options.bootstrap_samples
    )
    tail = (1 - options.confidence) / 2
    found: dict[str, Any] = {"base": {"value": float(base.mean()), "n": n}}
    for name, reading in systems.items():
        change = reading - base
        low, high = np.quantile(weights @ change / n, [tail, 1 - tail])
        answers = np.isin((base, reading), (0, 1)).all()
        unseen = 1 - (1 - options.confidence) ** (1 / n) if answers and not change.any() else 0.0
        found[name] = {
            "value": float(reading.mean()), "n": n,
            "minus_base": {"value": float(change.mean()), "low": float(low - unseen), "high": float(high + unseen)},
        }  # fmt: skip
    return found
