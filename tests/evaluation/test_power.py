from __future__ import annotations

import pytest
import scipy.stats

from benchmarks.simulated_tasks import World
from benchmarks.verdict_simulation import simulate
from mixologist.evaluation.intervals import Difference
from mixologist.evaluation.power import detectable


def noisy(rows: float, seeds: float | None = None, count: int = 1, clusters: int = 400) -> Difference:
    return Difference(0.0, -0.1, 0.1, clusters, clusters, 1.0, 1.0, count, "swap", rows, seeds)


def test_one_noise_alone_has_the_textbook_formula() -> None:
    z, t = scipy.stats.norm, scipy.stats.t(2)
    assert detectable(noisy(0.02), 0.05) == pytest.approx(0.02 * (z.ppf(0.975) + z.ppf(0.8)))
    assert detectable(noisy(0.02), 0.01, power=0.9) == pytest.approx(0.02 * (z.ppf(0.995) + z.ppf(0.9)))
    expected = 0.02 * (t.ppf(0.975) + t.ppf(0.8))
    assert detectable(noisy(0.0, 0.02, count=3, clusters=10_000), 0.05) == pytest.approx(expected)


def test_more_tasks_less_data_and_seed_noise_each_cost_power() -> None:
    alone = detectable(noisy(0.02), 0.05)
    assert detectable(noisy(0.02), 0.05 / 8) > alone
    assert detectable(noisy(0.03), 0.05) > alone
    assert detectable(noisy(0.02, 0.01, count=3), 0.05) > detectable(noisy(0.02, 0.01, count=5), 0.05) > alone


def test_systems_that_agree_everywhere_are_no_proof_of_small_noise() -> None:
    """The share that shows six disagreements with probability 80%: six on one side is what McNemar's test needs."""
    share = detectable(noisy(0.0, clusters=200), 0.05)
    assert share == pytest.approx(7.85 / 200, rel=0.01)
    assert scipy.stats.binom.sf(5, 200, share) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_what_is_called_detectable_is_found_four_times_in_five(metric: str) -> None:
    seen = detectable(simulate(World(metric), 1, 200, 1, "size")[0], 0.05)
    found = simulate(World(metric, effect=seen), 1, 200, 300, "power")
    share = sum(d.p_value < 0.05 for d in found) / len(found)
    assert share == pytest.approx(0.8, abs=0.1)
