"""How well predicted numbers follow the right ones: Pearson's coefficient, and Spearman's.

    r = cov(x, y) / sqrt(var(x) var(y))        0 where one of them does not vary

An unreadable answer counts as the mean of the right numbers, which says nothing: where all are unreadable r is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixologist.records import Outcome

Floats = NDArray[np.float64]

VARIES = 1e-9
"""Share of the variance below which the numbers of a resample are all the same, up to rounding."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A metric (`metrics.Metric`) of n outcomes. Counts: 1, x, y, x x, y y, x y of predictions x, right numbers y.

    With ``ranked`` x and y are their ranks among all outcomes, ties sharing the mean rank: Spearman's coefficient.
    Resamples are not ranked anew. On 200 normal pairs that makes intervals 1% (r = 0.3) to 9% (r = 0.9) narrower.
    """

    name: str
    ranked: bool
    bounds: tuple[float, float] = (-1, 1)

    def counts(self, outcomes: Sequence[Outcome]) -> Floats:
        """(n, 6)."""
        y = np.array([o.reference for o in outcomes], dtype=np.float64)
        x = np.array([y.mean() if o.prediction is None else o.prediction for o in outcomes], dtype=np.float64)
        if self.ranked:
            x, y = ranks(x), ranks(y)
        x, y = _standard(x), _standard(y)
        return np.stack([np.ones(len(y)), x, y, x * x, y * y, x * y], axis=1)

    def value(self, totals: Floats) -> Floats:
        """(..., 6) -> (...)."""
        n, x, y, xx, yy, xy = np.moveaxis(totals, -1, 0)
        spread_x, spread_y = n * xx - x * x, n * yy - y * y
        varies = np.minimum(spread_x, spread_y) > VARIES * n * n
        scale = np.sqrt(np.where(varies, spread_x * spread_y, 1.0))
        return np.asarray(np.clip(np.where(varies, (n * xy - x * y) / scale, 0.0), *self.bounds))


def ranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean, (n,)."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((times.cumsum() - (times - 1) / 2)[place])


def _standard(values: Floats) -> Floats:
    """Mean 0, deviation 1 (or 0), so that sums of squares lose no digits."""
    deviation = values.std()
    return np.asarray((values - values.mean()) / (deviation or 1.0))
