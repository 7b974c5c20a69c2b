from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from mixologist import seeds
from mixologist.errors import UserError
from mixologist.evaluation import intervals
from mixologist.evaluation.intervals import Difference, Interval, bootstrap, cluster_of, paired_bootstrap
from mixologist.evaluation.metrics import Metric, make
from mixologist.records import Outcome

ACCURACY = make("accuracy")
LABELS = ("no", "yes")


def answered(right: Sequence[bool] | np.ndarray[Any, Any], turns: int = 1) -> list[Outcome]:
    """Outcomes right or wrong as told, ``turns`` in a row of one conversation."""
    ids = [f"test/{i // turns}.{i % turns}" if turns > 1 else f"test/{i}" for i in range(len(right))]
    return [Outcome(id, "yes" if ok else "no", "yes", "") for id, ok in zip(ids, right, strict=True)]


def interval(
    outcomes: Sequence[Outcome], metric: Metric = ACCURACY, samples: int = 1000, seed: int = 0
) -> Interval:
    return bootstrap(metric, outcomes, samples=samples, confidence=0.95, seed=seed)


def difference(
    a: Sequence[Outcome], b: Sequence[Outcome], metric: Metric = ACCURACY, samples: int = 1000
) -> Difference:
    return paired_bootstrap(metric, a, b, samples=samples, confidence=0.95, seed=0)


def test_the_interval_has_the_normal_width() -> None:
    got = interval(answered([True] * 320 + [False] * 80), samples=4000)
    assert (got.value, got.n, got.clusters) == (0.8, 400, 400)
    half = 1.96 * (0.8 * 0.2 / 400) ** 0.5
    assert (got.low, got.high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.005)


def test_confidence_widens_the_interval() -> None:
    rows = answered([True] * 60 + [False] * 40)
    narrow, wide = (bootstrap(ACCURACY, rows, samples=1000, confidence=c, seed=0) for c in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_seed_and_names_fix_the_result() -> None:
    rows = answered([True] * 60 + [False] * 41)
    assert interval(rows) == interval(rows)
    assert interval(rows) != interval(rows, seed=1)
    named = bootstrap(ACCURACY, rows, samples=1000, confidence=0.95, seed=0, names=("tickets",))
    assert interval(rows) != named


@pytest.mark.parametrize("block", [1, 8 * 90 * 7])
def test_the_block_size_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = answered([True] * 60 + [False] * 30), answered([False] * 10 + [True] * 60 + [False] * 20)
    whole = interval(a), difference(a, b)
    monkeypatch.setattr(intervals, "BLOCK_BYTES", block)
    assert (interval(a), difference(a, b)) == whole


def test_no_rows_is_the_users_to_know() -> None:
    with pytest.raises(UserError, match="nothing to compute accuracy on"):
        interval([])


@pytest.mark.parametrize(
    "metric", [ACCURACY, make("macro_f1", labels=LABELS), make("exact_match")], ids=lambda m: m.name
)
def test_all_right_or_all_wrong_still_has_a_width(metric: Metric) -> None:
    right, wrong = interval(answered([True] * 100), metric), interval(answered([False] * 100), metric)
    assert (right.value, right.high) == (1, 1)
    assert right.low == pytest.approx(
        0.05 ** (1 / 100)
    )  # all 100 right: the 5% point of the share p is p^100 = 0.05
    assert (wrong.value, wrong.low) == (0, 0)
    assert wrong.high == pytest.approx(1 - right.low)


def test_one_row_says_almost_nothing() -> None:
    got = interval([Outcome("test/0", "the cat", "the dog", "")], make("rouge_l"))
    assert (got.value, got.n) == (0.5, 1)
    assert (got.low, got.high) == pytest.approx((0.025, 0.975))


def test_the_value_lies_within_its_limits_where_resamples_lean_to_one_side() -> None:
    """Each label once, every second row answered as the one before: resamples often drop just that row."""
    labels = [str(i) for i in range(400)]
    rows = [Outcome(f"test/{i}", str(i - i % 2), str(i), "") for i in range(400)]
    got = interval(rows, make("macro_f1", labels=labels), samples=200)
    assert got.value == pytest.approx(1 / 3)
    assert got.low == got.value < got.high


def test_the_paired_interval_is_narrower_than_the_two_apart() -> None:
    rng = seeds.generator(0, "paired")
    b = rng.random(200) < 0.7
    a = b | (rng.random(200) < 0.15)
    got = difference(answered(a), answered(b))
    assert got.value == pytest.approx(a.mean() - b.mean())
    apart = interval(answered(a)), interval(answered(b))
    assert got.high - got.low < min(one.high - one.low for one in apart)
    assert got.low > 0
    assert got.p_value < 0.05


def test_swapping_the_systems_turns_the_difference_round() -> None:
    a, b = answered([True] * 60 + [False] * 40), answered([False] * 50 + [True] * 50)
    there, back = difference(a, b), difference(b, a)
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))
    assert back.p_value == there.p_value


def test_the_p_value_is_two_sided_and_at_most_one() -> None:
    b = answered([True] * 50 + [False] * 50)
    better, as_good = (
        answered([True] * 40 + [False] * 10 + [True] * 20 + [False] * 30),
        answered([False] * 50 + [True] * 50),
    )
    error = ((0.3 - 0.1**2) / 100) ** 0.5
    expected = 2 * NormalDist().cdf(-0.1 / error)
    assert difference(better, b, samples=8000).p_value == pytest.approx(expected, abs=0.02)
    assert difference(as_good, b).p_value == 1


def test_p_value_and_interval_agree() -> None:
    rng = seeds.generator(0, "agree")
    for shift in np.linspace(0, 0.3, 13):
        got = difference(answered(rng.random(80) < 0.5 + shift), answered(rng.random(80) < 0.5))
        assert (got.p_value < 0.05) == (got.low > 0 or got.high < 0)


def test_the_p_value_never_falls_below_what_the_samples_can_tell() -> None:
    rows = [True] * 99 + [False]
    got = difference(answered(rows), answered([False] * 100), samples=500)
    assert got.p_value == 1 / 500


def test_identical_systems_do_not_differ_but_their_difference_has_a_width() -> None:
    rows = answered([True] * 70 + [False] * 30)
    got = difference(rows, rows)
    q = 1 - 0.05 ** (1 / 100)
    assert (got.value, got.low, got.high, got.p_value) == pytest.approx((0, -q, q, 1))


def test_two_rows_are_too_few_and_five_enough_for_all_against_none() -> None:
    two, five = (difference(answered([True] * n), answered([False] * n)) for n in (2, 5))
    assert (two.value, five.value) == (1, 1)
    assert two.low < 0 < five.low
    assert (two.p_value, five.p_value) == (1 / 4, 1 / 32)


def test_pairs_must_be_the_same_rows() -> None:
    rows = answered([True, False])
    with pytest.raises(AssertionError, match="same rows"):
        difference(rows, rows[::-1])


@pytest.mark.parametrize(
    ("id", "cluster"),
    [
        ("test/17.2", "test/17"),
        ("test/17", "test/17"),
        ("v1.0/17", "v1.0/17"),
        ("v1.0/17.3", "v1.0/17"),
        ("a", "a"),
    ],
)
def test_turns_belong_to_their_row(id: str, cluster: str) -> None:
    assert cluster_of(id) == cluster


def test_copies_of_a_turn_add_nothing() -> None:
    right = np.array([True] * 30 + [False] * 20)
    single, copied = interval(answered(right)), interval(answered(right.repeat(4), turns=4))
    assert (copied.n, copied.clusters) == (200, 50)
    assert (copied.value, copied.low, copied.high) == (single.value, single.low, single.high)
    pair = difference(answered(right.repeat(4), turns=4), answered(~right.repeat(4), turns=4))
    assert pair.clusters == 50
    assert pair.low == difference(answered(right), answered(~right)).low


def coverage(share: float, turns: int) -> float:
    """How often the 95% interval from 100 rows holds the true share; turns of a row go together."""
    rng = seeds.generator(0, "coverage", share, turns)
    covered = 0
    for seed in range(300):
        got = interval(answered((rng.random(100) < share).repeat(turns), turns), samples=400, seed=seed)
        covered += got.low <= share <= got.high
    return covered / 300


@pytest.mark.parametrize("turns", [1, 4])
def test_coverage_of_the_nominal_95_percent(turns: int) -> None:
    assert 0.90 <= coverage(0.8, turns) <= 0.99


def test_coverage_holds_where_a_third_of_the_samples_are_all_right() -> None:
    assert coverage(0.99, turns=1) >= 0.95


def test_the_p_value_is_below_5_percent_as_often_as_it_says() -> None:
    rng = seeds.generator(0, "null")
    pairs = [(answered(rng.random(100) < 0.7), answered(rng.random(100) < 0.7)) for _ in range(300)]
    share = np.mean([difference(a, b, samples=400).p_value < 0.05 for a, b in pairs])
    assert 0.01 <= share <= 0.10


def test_results_are_plain_numbers_for_json() -> None:
    rows = answered([True, False, True])
    for result in (
        interval(rows),
        difference(rows, rows),
        difference(rows, rows[:2] + answered([True] * 3)[2:]),
    ):
        json.dumps(dataclasses.asdict(result), allow_nan=False)
