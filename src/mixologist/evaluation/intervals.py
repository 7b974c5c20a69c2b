"""Bootstrap intervals: how far a metric, or a difference of two systems, would move with other test rows.

Percentile bootstrap over rows (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13); two
systems are compared on the same resamples (Koehn 2004, Statistical Significance Tests for Machine Translation
Evaluation). It knows the noise of the test rows only, not that of training seeds. With fewer than about 30
clusters percentile intervals are too narrow: read ``clusters`` before believing one.

Turns of one conversation ("test/17.0", "test/17.2") are not independent: rows are drawn with all their turns
(cluster bootstrap; Davison & Hinkley 1997, section 3.8). A row without turns is a cluster by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.errors import UserError
from mixologist.evaluation.metrics import Floats, Metric
from mixologist.records import Outcome

BLOCK_BYTES = 32 * 2**20
"""Most memory for the weights drawn at once; their float copy takes as much. Changes no draw."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A metric in [0, 1] with its confidence limits, ``low <= value <= high``."""

    value: float
    low: float
    high: float
    n: int
    """Outcomes."""
    clusters: int
    """Independent ones among them; n where no row has several turns."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Metric of a minus metric of b in [-1, 1], with its confidence limits, ``low <= value <= high``."""

    value: float
    low: float
    high: float
    n: int
    clusters: int
    p_value: float
    """Two-sided, of "no difference"; in [1 / samples, 1]."""


def bootstrap(
    metric: Metric,
    outcomes: Sequence[Outcome],
    *,
    samples: int,
    confidence: float,
    seed: int,
    names: Sequence[object] = (),
) -> Interval:
    """``metric`` with percentile limits at ``confidence`` in (0, 1), from ``samples`` resamples.

    The stream of random numbers is fixed by ``(seed, *names)``. Raises `UserError` when there is no outcome.
    """
    counts = _clustered(metric, outcomes)
    rng = seeds.generator(seed, "bootstrap", *names)
    value = float(metric.value(counts.sum(0)))
    values = metric.value(_resampled(counts, samples, rng))
    low, high = limits(value, values, (0, 1), len(counts), confidence)
    return Interval(value, low, high, len(outcomes), len(counts))


def paired_bootstrap(
    metric: Metric,
    a: Sequence[Outcome],
    b: Sequence[Outcome],
    *,
    samples: int,
    confidence: float,
    seed: int,
    names: Sequence[object] = (),
) -> Difference:
    """``metric`` of ``a`` minus that of ``b``: the same rows in the same order, on the same resamples.

    p = 2 min(P(d* <= 0), P(d* >= 0)) over resampled differences d*: the level at which the percentile
    interval just touches 0. Raises `UserError` when there is no outcome.
    """
    assert [outcome.id for outcome in a] == [outcome.id for outcome in b], (
        "paired systems must answer the same rows"
    )
    counts = np.concatenate([_clustered(metric, a), _clustered(metric, b)], axis=1)
    rng = seeds.generator(seed, "bootstrap", *names)
    value = float(_difference(metric, counts.sum(0)))
    values = _difference(metric, _resampled(counts, samples, rng))
    low, high = limits(value, values, (-1, 1), len(counts), confidence)
    return Difference(value, low, high, len(a), len(counts), _p_value(value, values, len(counts)))


def cluster_of(id: str) -> str:
    """The row that an outcome belongs to.

    >>> cluster_of("test/17.2"), cluster_of("test/17"), cluster_of("v1.0/17")
    ('test/17', 'test/17', 'v1.0/17')
    """
    row, _, turn = id.rpartition(".")
    return row if turn.isdigit() else id


def _clustered(metric: Metric, outcomes: Sequence[Outcome]) -> Floats:
    """Counts summed by cluster, (clusters, m)."""
    if not outcomes:
        raise UserError(
            f"there is nothing to compute {metric.name} on",
            given="0 rows",
            expected="at least 1",
            do="give the task rows in this split, or evaluate another split",
        )
    counts = metric.counts(outcomes)
    place: dict[str, int] = {}
    rows = [place.setdefault(cluster_of(outcome.id), len(place)) for outcome in outcomes]
    sums = np.zeros((len(place), counts.shape[1]))
    np.add.at(sums, rows, counts)
    return sums


def _resampled(counts: Floats, samples: int, rng: np.random.Generator) -> Floats:
    """Totals of ``samples`` draws of n clusters with replacement: (n, m) -> (samples, m)."""
    return np.concatenate([weights @ counts for weights in draws(len(counts), samples, rng)])


def draws(n: int, samples: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """How often each of n clusters is drawn, in blocks (b, n) of bounded size."""
    rows = max(1, BLOCK_BYTES // (8 * n))
    for start in range(0, samples, rows):
        yield rng.multinomial(n, np.full(n, 1 / n), size=min(rows, samples - start))


def _difference(metric: Metric, totals: Floats) -> Floats:
    a, b = np.split(totals, 2, axis=-1)
    return metric.value(a) - metric.value(b)


def limits(
    value: float, values: Floats, bounds: tuple[int, int], clusters: int, confidence: float
) -> tuple[float, float]:
    """Percentiles of ``values``; where these are all the same, the limits of what n rows alike can tell.

    Rows of a kind with share q in the world are missed by n draws with probability (1 - q)^n. So at this
    confidence what was not seen has a share of at most q = 1 - (1 - confidence)^(1/n), about 3/n at 95% (the
    rule of three, Hanley & Lippman-Hand 1983), and the metric there may be anything within its bounds. Exact
    for means over rows, an approximation for F1 and for clusters. So no interval has zero width.
    """
    if _constant(values):
        q = 1 - (1 - confidence) ** (1 / clusters)
        low, high = (float((1 - q) * value + q * bound) for bound in bounds)
    else:
        low, high = (
            float(limit) for limit in np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
        )
    # With many rare labels macro-F1 is higher on resamples than on all rows: percentiles may miss the value.
    return min(low, value), max(high, value)


def _p_value(value: float, values: Floats, clusters: int) -> float:
    """Where all ``values`` are one d, the level at which `limits` touch 0: (1 + |d|)^-n."""
    if _constant(values):
        p = (1 + abs(value)) ** -clusters
    else:
        p = 2 * float(min(np.mean(values <= 0), np.mean(values >= 0)))
    return min(max(p, 1 / len(values)), 1.0)


def _constant(values: Floats) -> bool:
    """Equal up to rounding."""
    return bool(np.ptp(values) < 1e-9)
