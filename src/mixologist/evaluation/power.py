"""How large a difference would have been seen: the other half of "no difference was found".

The smallest effect that is found with probability 80% at this number of rows (and seeds), with the noise that the
paired systems showed and the level at which they are tested (Card et al. 2020, With Little Power Comes Great
Responsibility, who ask for it before the experiment). It is no power "at the observed effect", which says nothing
that p does not (Hoenig & Heisey 2001, The Abuse of Power).
"""

from __future__ import annotations

from math import hypot
from statistics import NormalDist

from scipy.special import stdtrit

from mixologist.evaluation.intervals import Difference

POWER = 0.8


def detectable(difference: Difference, level: float, power: float = POWER) -> float:
    """The smallest effect, in units of the metric, that a two-sided test at ``level`` finds with ``power``.

    delta = reach(level / 2) + reach(1 - power), where reach(q) adds the upper q-quantiles of the two noises in
    squares: z(q) times the rows' standard error, t(q) times the seeds'. Above 1: nothing could have been seen.

    Systems that differ by delta disagree on a share delta of the rows at least, so the rows' standard error is at least
    sqrt(delta / c) on c clusters, and delta at least (z(level / 2) + z(1 - power))^2 / c, about 8 / c, however well the
    systems happen to agree (Connor 1987, Sample Size for Testing Differences in Proportions for the Paired-Sample
    Design; for metrics other than accuracy, and for clusters of several rows, an approximation that asks too much).
    """
    tails = (level / 2, 1 - power)
    least = sum(-NormalDist().inv_cdf(tail) for tail in tails) ** 2 / difference.clusters
    return max(sum(_reach(difference, tail) for tail in tails), least)


def _reach(difference: Difference, tail: float) -> float:
    rows = -NormalDist().inv_cdf(tail) * difference.rows_error
    if difference.seeds_error is None:
        return rows
    return hypot(rows, float(-stdtrit(difference.seeds - 1, tail)) * difference.seeds_error)
