"""From draws of a metric to its confidence limits: percentiles, and what they cannot see."""

from __future__ import annotations

import numpy as np

from mixologist.evaluation.metrics import Floats

LEANING = 3.0
"""Standard errors of the draws' mean beyond which it lies beside the value for more than the draws' own noise."""


def widened(
    value: float, drawn: Floats, bounds: tuple[float, float], clusters: int, confidence: float
) -> tuple[float, float]:
    """`limits` of draws of a metric; where these lean to one side of ``value``, also of draws that lean as far to the
    other.

    Macro-F1 of many labels comes out low on a sample, whose rare labels are all right or all wrong, and lower again on
    resamples of it. Their mean minus the value estimates that bias (Efron & Tibshirani 1993, ch. 10), by which the
    value itself is too low: percentiles lie off by twice as much. Moving them would trust the estimate, so both are
    held.
    """
    bias = float(drawn.mean()) - value
    leans = abs(bias) > LEANING * float(drawn.std()) / len(drawn) ** 0.5
    low, high = limits(value, drawn, bounds, clusters, confidence)
    if not leans:
        return low, high
    other = limits(value, drawn - 2 * bias, bounds, clusters, confidence)
    return min(low, other[0]), max(high, other[1])


def limits(
    value: float, values: Floats, bounds: tuple[float, float], clusters: int, confidence: float
) -> tuple[float, float]:
    """Percentiles of ``values``; where these are all the same, the limits of what n rows alike can tell.

    Rows of a kind with share q in the world are missed by n draws with probability (1 - q)^n. So at this
    confidence what was not seen has a share of at most q = 1 - (1 - confidence)^(1/n), about 3/n at 95% (the
    rule of three, Hanley & Lippman-Hand 1983), and the metric there may be anything within its bounds. Exact
    for means over rows, an approximation for F1 and for clusters. So no interval has zero width. 0 ``clusters`` say
    nothing of what was not seen.
    """
    if np.ptp(values) < 1e-9:
        q = 1 - (1 - confidence) ** (1 / clusters) if clusters else 1.0
        low, high = (float((1 - q) * value + q * bound) for bound in bounds)
    else:
        low, high = (
            float(limit) for limit in np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
        )
    # With many rare labels macro-F1 is higher on resamples than on all rows: percentiles may miss the value.
    return max(min(low, value), bounds[0]), min(max(high, value), bounds[1])
