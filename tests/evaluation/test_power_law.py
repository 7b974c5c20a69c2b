"""A power law through scores: exact where there is one, within its bounds, and its interval holds what it says."""

from __future__ import annotations

import numpy as np
import pytest

from mixologist.evaluation.power_law import EXPONENTS, fit

ROWS = np.array([75.0, 150, 300, 600, 1200])


def test_a_law_without_noise_is_found() -> None:
    c = EXPONENTS[30]
    law = fit(ROWS, (0.9 - 2 * ROWS**-c)[None], best=1)
    assert law.c == pytest.approx(c)
    assert law.a == pytest.approx(0.9)
    assert law.at(4800) == pytest.approx(0.9 - 2 * 4800**-c)


def test_it_never_falls_and_never_passes_the_best() -> None:
    random = np.random.default_rng(0)
    scores = np.concatenate([random.uniform(0, 1, (200, 5)), np.array([[0.2, 0.4, 0.6, 0.8, 1.0]])])
    laws = fit(ROWS, scores, best=1)
    reached = np.stack([laws.at(n) for n in (75, 1200, 2400, 1e9)])
    assert (np.diff(reached, axis=0) >= -1e-12).all()
    assert (reached <= 1 + 1e-12).all()


def test_falling_scores_are_their_mean() -> None:
    laws = fit(ROWS, np.array([[0.9, 0.8, 0.7, 0.6, 0.5]]), best=1)
    assert laws.at(75) == pytest.approx(0.7)
    assert laws.at(4800) == pytest.approx(0.7)


def test_intervals_cover() -> None:
    """Redrawn scores spread like the scores themselves: nine of ten intervals at twice the rows hold the truth."""
    random = np.random.default_rng(1)
    truth = 0.85 - 0.5 * (ROWS / 75) ** -0.6
    beyond = 0.85 - 0.5 * (2400 / 75) ** -0.6
    hits = 0
    for _ in range(200):
        seen = truth + 0.02 * random.standard_normal(5)
        drawn = seen + 0.02 * random.standard_normal((200, 5))
        low, high = np.quantile(fit(ROWS, drawn, best=1).at(2400), [0.05, 0.95])
        hits += low <= beyond <= high
    assert 160 <= hits <= 196
