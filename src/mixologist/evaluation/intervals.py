"""How far a metric, or a difference of two systems, would move with other test rows and other training seeds.

Rows: percentile bootstrap (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13), two systems on
the same resamples (Koehn 2004, Statistical Significance Tests for Machine Translation Evaluation). Where these lean
to one side, as those of macro-F1 with many labels do, it is widened to the other (`limits.widened`). On few rows or
rare labels it is still too narrow, so p-values are not read off it: `swapping`.

Seeds: with one or two, nothing is known of them, and all is about these weights. From three on it is about the
recipe, and the mean over S seeds has two noises. With d_s the value of seed s on the n rows that all seeds share,

    d_s = delta + rows + seed_s + (rows x seed)_s,    Var mean = var_rows / n + (var_seed + var_both / n) / S.

The rows' noise is resampled, all seeds on the same rows. The rest shows in the variance s^2 of d_s over seeds, known
from S - 1 degrees of freedom only, so its draws are s / sqrt(S) times Student's t. The sum of two such draws has the
distribution of Behrens (1929) and Fisher (1935), whose limits are conservative (Robinson 1976, Properties of Student's
t and of the Behrens-Fisher Solution to the Two Means Problem); limits from Satterthwaite's degrees of freedom are
not on three seeds. Both parts hold var_both / (n S), which errs to the wide side.

That training belongs into the error: Bouthillier et al. 2021, Accounting for Variance in Machine Learning Benchmarks;
Dror et al. 2019, Deep Dominance. Unlike these we ask for the mean, pair the seeds (one seed trains both systems), and
keep rows and seeds apart, because more rows do not help where seeds are the noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from mixologist import seeds
from mixologist.evaluation.correlation import Correlation
from mixologist.evaluation.limits import widened
from mixologist.evaluation.metrics import Floats, Mean, Metric
from mixologist.evaluation.resampling import Runs, cluster_of, clustered, resampled
from mixologist.evaluation.swapping import exact_p, sampled_p, swapped

ENOUGH_SEEDS = 3
"""Seeds from which on all is about the recipe. With two, 95% of Student's t are 12.7 standard errors wide each way."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A metric, mean over seeds, with its confidence limits, ``low <= value <= high``."""

    value: float
    low: float
    high: float
    n: int
    """Outcomes of a seed."""
    clusters: int
    """Independent ones among them; n where no row has several turns."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Metric of a minus metric of b, mean over seeds, with its limits, ``low <= value <= high``."""

    value: float
    low: float
    high: float
    n: int
    clusters: int
    p_value: float
    """Two-sided, of "no difference"; in (0, 1], at least 1 / (samples + 1) where ``test`` is not exact."""
    p_these_weights: float
    """The same of these trainings' mean alone, as if there were no others: ``p_value`` itself with one or two seeds."""
    seeds: int
    test: Literal["exact_swap", "swap", "swap_with_seeds"]
    """``exact_swap`` on one turn a row and one seed is McNemar's exact test."""
    rows_error: float
    """Standard error that the test rows leave; falls with more rows."""
    seeds_error: float | None
    """Standard error that training leaves; falls with more seeds. None: with fewer than three it is not known."""


def scope(seeds: int) -> Literal["these_weights", "recipe"]:
    """What results of so many training seeds are about."""
    return "recipe" if seeds >= ENOUGH_SEEDS else "these_weights"


def bootstrap(
    metric: Metric,
    runs: Runs,
    *,
    samples: int,
    confidence: float,
    seed: int,
    names: Sequence[object] = (),
) -> Interval:
    """``metric`` of a system, one sequence of outcomes a seed, with limits at ``confidence`` in (0, 1).

    The stream of random numbers is fixed by ``(seed, *names)``. Raises `UserError` when there is no outcome.
    """
    value, drawn = redrawn(metric, runs, samples=samples, seed=seed, names=names)
    clusters = len({cluster_of(outcome) for outcome in runs[0]})
    constant = isinstance(metric, Correlation) and value == 0  # an answer that varies may turn it anywhere
    low, high = widened(value, drawn, metric.bounds, 0 if constant else clusters, confidence)
    return Interval(value, low, high, len(runs[0]), clusters)


def redrawn(
    metric: Metric,
    runs: Runs,
    *,
    samples: int,
    seed: int,
    names: Sequence[object] = (),
    training: Sequence[object] = (),
) -> tuple[float, Floats]:
    """``metric``, mean over seeds, and draws (B,) of it on other rows and, from three seeds on, with other trainings.

    Rows drawn are fixed by ``(seed, *names)``, trainings by ``training`` beside these: systems that differ in it are
    on the same rows, while their trainings vary on their own.
    """
    counts = clustered(metric, runs)
    values = metric.value(counts.sum(1))
    rows = metric.value(resampled(counts, samples, seed, names)).mean(-1)
    return float(values.mean()), rows + seed_noise(values, samples, seed, (*names, *training))


def compare(
    metric: Metric,
    a: Runs,
    b: Runs,
    *,
    samples: int,
    confidence: float,
    seed: int,
    names: Sequence[object] = (),
) -> Difference:
    """``metric`` of ``a`` minus that of ``b``: the same rows in the same order, the same seeds.

    A system that was not trained has one run, which stands beside each of the other's. Raises `UserError` when there
    is no outcome.
    """
    counts = clustered(metric, a), clustered(metric, b)
    assert [(one.id, one.cluster) for one in a[0]] == [(one.id, one.cluster) for one in b[0]], (
        "paired systems must answer the same rows"
    )
    assert len(a) == len(b) or 1 in (len(a), len(b)), "paired systems must have the same seeds"
    left, right = np.broadcast_arrays(*counts)
    return difference(
        metric, left, right, len(a[0]), samples=samples, confidence=confidence, seed=seed, names=names
    )


def difference(
    metric: Metric,
    a: Floats,
    b: Floats,
    n: int,
    *,
    samples: int,
    confidence: float,
    seed: int,
    names: Sequence[object] = (),
) -> Difference:
    """`compare` of counts by seed and cluster, two of (S, c, m), of n outcomes a seed."""
    count, clusters, _ = a.shape
    values, rows = _differences(metric, a, b, samples, seed, names)
    value = float(values.mean())
    noise = seed_noise(values, samples, seed, names)
    most = metric.bounds[1] - metric.bounds[0]
    low, high = widened(value, rows + noise, (-most, most), clusters, confidence)
    recipe, exact = scope(count) == "recipe", isinstance(metric, Mean) and metric.zero_one
    null = swapped(metric, a, b, samples, seed, names) if recipe or not exact else noise
    p_weights = exact_p(_right(a - b)) if exact else sampled_p(value, null)
    return Difference(
        value, low, high, n, clusters,
        p_value=sampled_p(value, null + noise) if recipe else p_weights,
        p_these_weights=p_weights,
        seeds=count,
        test="swap_with_seeds" if recipe else "exact_swap" if exact else "swap",
        rows_error=float(rows.std()),
        seeds_error=float(values.std(ddof=1) / count**0.5) if recipe else None,
    )  # fmt: skip


def mean_difference(
    pairs: Mapping[str, tuple[Metric, Runs, Runs]], *, samples: int, confidence: float, seed: int
) -> tuple[float, float, float]:
    """The mean over tasks of a's metric minus b's, and its limits: of these tasks, not of others like them.

    Rows of different tasks are drawn independently. What training adds is seen in the mean's own values over seeds, so
    that what a seed does to all tasks at once is in it.

    Args:
        pairs: task -> its metric and two systems' runs, with the same number of seeds in every task.
    """
    found, clusters = [], 0
    for name, (metric, a, b) in pairs.items():
        left, right = np.broadcast_arrays(clustered(metric, a), clustered(metric, b))
        found.append(_differences(metric, left, right, samples, seed, (name,)))
        clusters += left.shape[1]
    values = np.mean([values for values, _ in found], axis=0)
    drawn = np.mean([rows for _, rows in found], axis=0) + seed_noise(values, samples, seed, ("mean",))
    most = float(np.mean([metric.bounds[1] - metric.bounds[0] for metric, _, _ in pairs.values()]))
    value = float(values.mean())
    return value, *widened(value, drawn, (-most, most), clusters, confidence)


def mean_value(
    found: Mapping[str, tuple[Metric, Runs]], *, samples: int, confidence: float, seed: int
) -> tuple[float, float, float]:
    """The mean over tasks of a system's metric, and its limits: as `mean_difference`, of one training."""
    redraws = [
        redrawn(metric, runs[:1], samples=samples, seed=seed, names=(name,))
        for name, (metric, runs) in found.items()
    ]
    value = float(np.mean([value for value, _ in redraws]))
    drawn = np.mean([rows for _, rows in redraws], axis=0)
    bounds = np.mean([metric.bounds for metric, _ in found.values()], axis=0)
    clusters = sum(clustered(metric, runs[:1]).shape[1] for metric, runs in found.values())
    return value, *widened(value, drawn, (float(bounds[0]), float(bounds[1])), clusters, confidence)


def _differences(
    metric: Metric, a: Floats, b: Floats, samples: int, seed: int, names: Sequence[object]
) -> tuple[Floats, Floats]:
    """Metric of a minus that of b, two of (S, c, m): by seed (S,), and mean over seeds on resampled rows (B,)."""
    m = a.shape[2]
    totals = resampled(np.concatenate([a, b], axis=2), samples, seed, names)
    rows = (metric.value(totals[..., :m]) - metric.value(totals[..., m:])).mean(-1)
    return metric.value(a.sum(1)) - metric.value(b.sum(1)), rows


def _right(scores: Floats) -> NDArray[np.int64]:
    """Of counts of a `Mean` of 0 and 1, how many were right by cluster, all seeds together: (S, c, m) -> (c,)."""
    return np.asarray(scores[..., 0].sum(0).round(), dtype=np.int64)


def seed_noise(values: Floats, samples: int, seed: int, names: Sequence[object]) -> Floats:
    """Draws of the mean's error from training, (B,): Student's t at evenly spaced levels, in random order."""
    count = len(values)
    if scope(count) != "recipe":
        return np.zeros(samples)
    levels = seeds.generator(seed, "seeds", *names).permutation((np.arange(samples) + 0.5) / samples)
    return np.asarray(values.std(ddof=1) / count**0.5 * stdtrit(count - 1, levels))
