from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import pearsonr, rankdata, spearmanr

from mixologist import seeds
from mixologist.evaluation.correlation import ranks
from mixologist.evaluation.intervals import bootstrap, compare
from mixologist.evaluation.metrics import make
from mixologist.records import Outcome

REFERENCE = {"pearson": pearsonr, "spearman": spearmanr}


def outcomes(predicted: Sequence[float | None], right: Sequence[float]) -> list[Outcome]:
    pairs = zip(predicted, right, strict=True)
    return [Outcome(f"test/{number}", x, y, "") for number, (x, y) in enumerate(pairs)]


def total(name: str, predicted: Sequence[float | None], right: Sequence[float]) -> float:
    metric = make(name)
    return float(metric.value(metric.counts(outcomes(predicted, right)).sum(0)))


def drawn(case: int, n: int = 40) -> tuple[list[float], list[float]]:
    """Numbers of a scale with ties, related more or less."""
    rng = seeds.generator(case, "correlation")
    right = rng.normal(size=n)
    predicted = right * rng.normal() + rng.normal(size=n)
    return np.round(predicted * 2).tolist(), (np.round(right * 4) / 4).tolist()


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("case", range(20))
def test_it_agrees_with_scipy(name: str, case: int) -> None:
    predicted, right = drawn(case)
    assert total(name, predicted, right) == pytest.approx(REFERENCE[name](predicted, right)[0], abs=1e-12)
    shifted = [1e6 + x / 1e3 for x in predicted]
    assert total(name, shifted, right) == pytest.approx(REFERENCE[name](predicted, right)[0], abs=1e-6)


def test_ranks_agree_with_scipy() -> None:
    values = np.array(drawn(3)[0])
    assert ranks(values).tolist() == rankdata(values).tolist()


@pytest.mark.parametrize("name", REFERENCE)
def test_from_wrong_to_right_by_way_of_nothing(name: str) -> None:
    right = [0.0, 1.5, 2.0, 5.0]
    assert total(name, right, right) == pytest.approx(1)
    assert total(name, [-x for x in right], right) == pytest.approx(-1)
    assert total(name, [None] * 4, right) == 0
    assert total(name, [3.0] * 4, right) == 0
    assert total(name, right, [3.0] * 4) == 0
    assert total(name, [1.0], [1.0]) == 0


@pytest.mark.parametrize("name", REFERENCE)
def test_an_unreadable_answer_counts_as_the_mean_of_the_right_numbers(name: str) -> None:
    predicted, right = drawn(1)
    some: list[float | None] = [None if n % 3 == 0 else x for n, x in enumerate(predicted)]
    filled = [float(np.mean(right)) if x is None else x for x in some]
    assert total(name, some, right) == pytest.approx(REFERENCE[name](filled, right)[0])
    assert total(name, [None if n % 2 else x for n, x in enumerate(right)], right) < 0.9


def test_a_resample_of_pearson_is_that_of_the_repeated_rows() -> None:
    metric, (predicted, right) = make("pearson"), drawn(5, n=12)
    weights = seeds.generator(0, "weights").multinomial(12, [1 / 12] * 12, size=6)
    values = metric.value(weights @ metric.counts(outcomes(predicted, right)))
    for row, value in zip(weights, values, strict=True):
        again = [number for number, times in enumerate(row) for _ in range(times)]
        repeated = pearsonr([predicted[n] for n in again], [right[n] for n in again])[0]
        assert value == pytest.approx(repeated)


def test_a_resample_of_one_row_says_nothing() -> None:
    metric = make("pearson")
    counts = metric.counts(outcomes([0.1, 0.7, 0.3], [0.2, 0.9, 0.1]))
    assert metric.value(np.array([[3, 0, 0], [0, 0, 7]]) @ counts).tolist() == [0, 0]


def test_intervals_reach_below_zero() -> None:
    _, right = drawn(2)
    against = outcomes([-x for x in right], right)
    interval = bootstrap(make("pearson"), [against], samples=200, confidence=0.95, seed=0)
    assert interval.value == pytest.approx(-1)
    assert interval.low == pytest.approx(-1)
    for_it = outcomes(right, right)
    interval = bootstrap(make("pearson"), [for_it], samples=200, confidence=0.95, seed=0)
    difference = compare(make("pearson"), [for_it], [against], samples=200, confidence=0.95, seed=0)
    assert difference.value == pytest.approx(2)
    unseen = 1 - 0.05 ** (1 / len(right))  # the rule of three: such a share of rows may turn 2 into -2
    assert (interval.low, interval.high) == pytest.approx((1 - 2 * unseen, 1))
    assert (difference.low, difference.high) == pytest.approx((2 - 4 * unseen, 2))


def test_who_always_answers_the_same_may_follow_anything_or_nothing() -> None:
    """Predictions that vary on rows that 200 draws miss may correlate: 200 zeros do not say that they do not."""
    _, right = drawn(3)
    interval = bootstrap(
        make("pearson"), [outcomes([0.5] * len(right), right)], samples=200, confidence=0.95, seed=0
    )
    assert (interval.low, interval.value, interval.high) == (-1, 0, 1)
