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

    All are (n,); every resample draws the same items of both.
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
        found[name] = {
            "value": float(reading.mean()), "n": n,
            "minus_base": {"value": float(change.mean()), "low": float(low), "high": float(high)},
        }  # fmt: skip
    return found
