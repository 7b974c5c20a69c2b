"""How a metric grows with the train rows: a power law through the sizes that were tried, and how far it can be off.

    score(n) = a - b n^-c    with a within the metric's bounds, c of ``EXPONENTS``

A common shape of learning curves (Viering & Loog 2023, The Shape of Learning Curves: a Review, arXiv 2103.10948). For
each c the least squares in a and b are closed; we take the c that leaves the least. Its uncertainty is that of the
scores: every draw of these, on other test rows and with other trainings, gets a law of its own. Scores that fall with
more rows have a law that falls (b < 0): to forbid it would call noise a plateau, and be sure of it. That another shape
were right is not in it, so what lies far beyond the sizes tried is a guess; through three sizes a law goes exactly.

K = sizes, B = draws
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixologist.evaluation.metrics import Floats

EXPONENTS = np.geomspace(0.05, 2, 60)


@dataclass(frozen=True)
class Laws:
    """A power law for each of B draws; all arrays (B,)."""

    a: Floats
    """What endless rows would come to."""
    b: Floats
    """What is missing of it at ``unit`` rows."""
    c: Floats
    unit: float

    def at(self, rows: float) -> Floats:
        """Scores (B,) at so many train rows."""
        return self.a - self.b * (rows / self.unit) ** -self.c


def fit(rows: Floats, scores: Floats, bounds: tuple[float, float]) -> Laws:
    """The laws nearest to scores (B, K) at sizes (K,), K >= 3; ``bounds``: the metric's lowest and highest value."""
    unit = float(rows.max())
    a, b, errors = (
        np.stack(part)
        for part in zip(*(_fit_at((rows / unit) ** -c, scores, bounds) for c in EXPONENTS), strict=True)
    )
    at = errors.argmin(0), np.arange(len(scores))
    return Laws(a[at], b[at], EXPONENTS[at[0]], unit)


def _fit_at(x: Floats, scores: Floats, bounds: tuple[float, float]) -> tuple[Floats, Floats, Floats]:
    """Least squares of ``scores`` = a - b x with a within ``bounds``, and the squares that are left, each (B,)."""
    centred = x - x.mean()
    free = scores.mean(1) - scores @ centred / (centred @ centred) * x.mean()
    a = free.clip(*bounds)
    b = (a[:, None] - scores) @ x / (x @ x)  # the best for any a
    return a, b, ((scores - a[:, None] + b[:, None] * x) ** 2).sum(1)
