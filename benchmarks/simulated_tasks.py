"""Made-up test sets of two systems whose true difference is known, as counts that the library's functions take.

A row is as hard for both systems as it is (60% of the variance of a latent score), suits one of them more in every
training (15%), or happens to come out right in one training (25%). A training seed moves all rows of a system. Labels
are of unequal size (1 to 1/L) and difficulty (70% to 50% known); who does not know guesses by size, both systems the
same guess on half of the rows. So both are right on 77% of the rows (3 labels); on 21% one is right and the other is
wrong, and on 18% two trainings of one system.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist.evaluation.metrics import Floats, Metric, make
from mixologist.records import Outcome

HARD, SUITED, CHANCE = 0.6, 0.15, 0.25
"""Shares of a latent score's variance: of the row, of row and system, of row, system and seed."""


@dataclass(frozen=True)
class World:
    """Two systems, a and b, on rows without end."""

    metric_name: str = "accuracy"
    labels: int = 3
    effect: float = 0.0
    """Metric of a minus metric of b, on all rows and over all seeds."""
    seed_sd: float = 0.0
    """Standard deviation over seeds of a system's accuracy."""
    crossed: bool = False
    """Whether a knows best what b knows worst."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Labels."""
        return tuple(f"label{i}" for i in range(self.labels))

    @cached_property
    def metric(self) -> Metric:
        """The library's."""
        return make(self.metric_name, labels=self.names)

    @cached_property
    def share(self) -> Floats:
        """Of each label, (L,)."""
        sizes = 1 / np.arange(1, self.labels + 1)
        return np.asarray(sizes / sizes.sum())

    @cached_property
    def table(self) -> Floats:
        """What an answer adds, by reference and prediction, (L * L, m)."""
        pairs = [Outcome("", p, r, "") for r in self.names for p in self.names]
        return self.metric.counts(pairs)

    def true_value(self, scores: Floats) -> float:
        """The metric on rows without end, of a system with these mean scores by label, (L,)."""
        knows = _below(scores)
        answers = np.diag(knows) + (1 - knows)[:, None] * self.share
        return float(self.metric.value((self.share[:, None] * answers).reshape(-1) @ self.table))

    @cached_property
    def scores(self) -> Floats:
        """Mean latent scores of a and b by label, (2, L): right where positive."""
        b = np.array([NormalDist().inv_cdf(p) for p in np.linspace(0.7, 0.5, self.labels)])
        a = b[::-1] if self.crossed else b
        target, low, high = self.true_value(b) + self.effect, -3.0, 3.0
        while high - low > 1e-9:
            middle = (low + high) / 2
            low, high = (middle, high) if self.true_value(a + middle) < target else (low, middle)
        return np.stack([a + low, b])

    def _shifts(self, runs: int, seeds: int, rng: np.random.Generator) -> Floats:
        """What training does to all scores of a system, (runs, seeds, 2, 1)."""
        slope = (self.share * (1 - self.share) * np.exp(-(self.scores[1] ** 2) / 2)).sum() / (
            2 * np.pi
        ) ** 0.5
        return np.asarray(self.seed_sd / slope * rng.standard_normal((runs, seeds, 2, 1)))

    def draw(self, runs: int, seeds: int, n: int, rng: np.random.Generator) -> Floats:
        """Counts of both systems on ``runs`` test sets of n rows, (runs, seeds, 2, n, m)."""
        reference = rng.choice(self.labels, p=self.share, size=(runs, 1, 1, n))
        latent = (
            np.where([[True], [False]], self.scores[0][reference], self.scores[1][reference])
            + HARD**0.5 * rng.standard_normal((runs, 1, 1, n))
            + SUITED**0.5 * rng.standard_normal((runs, 1, 2, n))
            + CHANCE**0.5 * rng.standard_normal((runs, seeds, 2, n))
            + self._shifts(runs, seeds, rng)
        )
        both, own = (self._guesses((runs, *shape, n), rng) for shape in ((1, 1), (seeds, 2)))
        guess = np.where(rng.random((runs, 1, 1, n)) < 0.5, both, own)
        answers = np.where(latent > 0, reference, guess)
        return np.asarray(self.table[reference * self.labels + answers])

    def _guesses(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[Any]:
        return rng.choice(self.labels, p=self.share, size=shape)


class Even(World):
    """The same with labels of equal size."""

    @cached_property
    def share(self) -> Floats:
        """Of each label, (L,)."""
        return np.full(self.labels, 1 / self.labels)


def _below(scores: Floats) -> Floats:
    return np.array([NormalDist().cdf(score) for score in scores])
