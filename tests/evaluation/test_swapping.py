from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from mixologist import seeds
from mixologist.evaluation.metrics import make
from mixologist.evaluation.swapping import exact_p, sampled_p, swapped


@pytest.mark.parametrize(
    ("better", "worse"), [(0, 0), (5, 0), (6, 0), (1, 1), (9, 2), (2, 9), (40, 61), (700, 820)]
)
def test_one_turn_a_row_is_mcnemars_exact_test(better: int, worse: int) -> None:
    differences = np.array([1] * better + [-1] * worse + [0] * 30)
    expected = scipy.stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert exact_p(differences) == pytest.approx(expected)


def test_several_turns_are_swapped_together() -> None:
    rng = seeds.generator(0, "swaps")
    for _ in range(20):
        differences = rng.integers(-3, 4, size=9)
        signs = np.array(list(itertools.product((-1, 1), repeat=9)))
        expected = np.mean(np.abs(signs @ differences) >= abs(differences.sum()))
        assert exact_p(differences) == pytest.approx(expected)


def test_sampled_swaps_agree_with_all_of_them() -> None:
    rng = seeds.generator(0, "sampled")
    a, b = (np.stack([rng.random(60) < p, np.ones(60)], axis=-1)[None] for p in (0.8, 0.65))
    null = swapped(make("accuracy"), a, b, 20_000, 0, ())
    value = float((a - b)[..., 0].mean())
    assert sampled_p(value, null) == pytest.approx(exact_p((a - b)[0, :, 0].astype(np.int64)), abs=0.01)
    assert null.mean() == pytest.approx(0, abs=0.002)


def test_a_sampled_p_value_is_never_zero() -> None:
    assert sampled_p(0.5, np.zeros(99)) == 1 / 100
    assert sampled_p(0.0, np.zeros(99)) == 1
