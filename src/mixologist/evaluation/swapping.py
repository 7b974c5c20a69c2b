"""The swap test: were two systems alike, swapping their answers to a row would change nothing but chance.

Each cluster's answers are swapped or left, by a fair coin; p is the share of swaps that differ at least as much as the
systems do (Fisher 1935; for this use Noreen 1989 and Yeh 2000, More accurate tests for the statistical significance of
result differences: "approximate randomization"). It holds for any metric and any number of rows, where a bootstrap's
p-value is too small on few rows or rare labels (docs/verdicts.md has figures).

For scores of 0 or 1 all swaps are counted, not sampled. With one turn a row and one seed that is McNemar's exact test,
a binomial test of the rows on which the systems disagree. With several turns a row, or several seeds, a cluster counts
with the sum of its differences, and the share of swaps that reach a total is a convolution of binomials.

What is tested is that the two answers to a row are exchangeable. Two systems of the same metric that err differently
are not; for these the test is approximate, as the bootstrap is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from mixologist.evaluation.metrics import Floats, Metric
from mixologist.evaluation.resampling import signed

ROUNDING = 1e-9
"""Differences closer than this are equal."""


def exact_p(differences: NDArray[np.int64]) -> float:
    """Two-sided p in (0, 1] of the sum of ``differences``, (c,): right answers of a minus those of b, by cluster.

    >>> round(exact_p(np.array([1, 1, 1, 1, 1, 1, 0, 0])), 9)  # six rows to none: 2 / 2**6
    0.03125
    """
    total = int(np.abs(differences).sum())
    chance = np.ones(1)
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        step = np.zeros(size * count + 1)
        step[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chance = np.convolve(chance, step)
    sums = 2 * np.arange(total + 1) - total  # of the swapped differences: as often + as -
    extreme = np.abs(sums) >= abs(int(differences.sum()))
    return min(1.0, float(chance[extreme].sum()))


def swapped(metric: Metric, a: Floats, b: Floats, samples: int, seed: int, names: Sequence[object]) -> Floats:
    """Mean difference over seeds after each of B random swaps: two of (S, c, m) -> (B,)."""
    middle, half = (a + b).sum(1) / 2, signed((a - b) / 2, samples, seed, names)
    found: Floats = (metric.value(middle + half) - metric.value(middle - half)).mean(-1)
    return found


def sampled_p(value: float, null: Floats) -> float:
    """Share of ``null`` at least as far from 0 as ``value``, which counts as one of them: never 0.

    (1 + k) / (1 + B): Davison & Hinkley 1997, section 4.2; Phipson & Smyth 2010.
    """
    return (1 + int((np.abs(null) >= abs(value) - ROUNDING).sum())) / (1 + len(null))
