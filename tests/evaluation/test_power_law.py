"""A power law through scores: exact where there is one, within its bounds, and its interval holds what it says."""

from __future__ import annotations

import numpy as np
import pytest

from mixologist.evaluation.power_law import EXPONENTS, fit

ROWS = np.array([75.0, 150, 300, 600, 1200])


def test_a_law_without_noise_is_found() -> None:
    c = EXPONENTS[30]
    law = fit(ROWS, (0.9 - 2 * ROWS**-c)[None], (0, 1))
    assert law.c == pytest.approx(c)
    assert law.a == pytest.approx(0.9)
    assert law.at(4800) == pytest.approx(0.9 - 2 * 4800**-c)


def test_a_stays_within_the_bounds_and_nothing_else_fits_better() -> None:
    random = np.random.default_rng(0)
    scores = np.concatenate([random.uniform(0, 1, (50, 5)), np.array([[0.2, 0.4, 0.6, 0.8, 1.0]])])
    laws = fit(ROWS, scores, (0, 1))
    assert ((laws.a >= 0) & (laws.a <= 1)).all()
    left = ((np.stack([laws.at(n) for n in ROWS], axis=1) - scores) ** 2).sum(1)
    for a in np.linspace(0, 1, 21):
        for c in EXPONENTS[::6]:
            x = (ROWS / 1200) ** -c
            b = (a - scores) @ x / (x @ x)
            assert (left <= ((a - b[:, None] * x - scores) ** 2).sum(1) + 1e-9).all()


def test_falling_scores_have_a_falling_law() -> None:
    laws = fit(ROWS, np.array([[0.9, 0.8, 0.7, 0.6, 0.5]]), (0, 1))
    assert laws.at(2400) < 0.5 < laws.at(300) < laws.at(75)


def test_intervals_cover() -> None:
    """Redrawn scores spread like the scores themselves: nine of ten intervals at twice the rows hold the truth."""
    random = np.random.default_rng(1)
    truth = 0.85 - 0.5 * (ROWS / 75) ** -0.6
    beyond = 0.85 - 0.5 * (2400 / 75) ** -0.6
    hits = 0
    for _ in range(200):
        seen = truth + 0.02 * random.standard_normal(5)
        drawn = seen + 0.02 * random.standard_normal((200, 5))
        low, high = np.quantile(fit(ROWS, drawn, (0, 1)).at(2400), [0.05, 0.95])
        hits += low <= beyond <= high
    assert 170 <= hits <= 199, "90% of 200, and four standard errors below; the bounds' pull may raise it"
