from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import scipy.stats

from mixologist import seeds
from mixologist.errors import UserError
from mixologist.evaluation.intervals import Difference, Interval, bootstrap, compare, difference, scope
from mixologist.evaluation.metrics import Floats, Mean, Metric, make
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
    return bootstrap(metric, [outcomes], samples=samples, confidence=0.95, seed=seed)


def compared(
    a: Sequence[Outcome], b: Sequence[Outcome], metric: Metric = ACCURACY, samples: int = 1000
) -> Difference:
    return compare(metric, [a], [b], samples=samples, confidence=0.95, seed=0)


def of_scores(a: Floats, b: Floats, samples: int = 2000, confidence: float = 0.95) -> Difference:
    """Two systems by their scores in [0, 1], (seeds, rows) each."""
    one, other = (np.stack([scores, np.ones_like(scores)], axis=-1) for scores in (a, b))
    metric = Mean("score", lambda prediction, reference: 0.0)
    return difference(metric, one, other, a.shape[1], samples=samples, confidence=confidence, seed=0)


def test_the_interval_has_the_normal_width() -> None:
    got = interval(answered([True] * 320 + [False] * 80), samples=4000)
    assert (got.value, got.n, got.clusters) == (0.8, 400, 400)
    half = 1.96 * (0.8 * 0.2 / 400) ** 0.5
    assert (got.low, got.high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.005)


def test_confidence_widens_the_interval() -> None:
    rows = answered([True] * 60 + [False] * 40)
    narrow, wide = (bootstrap(ACCURACY, [rows], samples=1000, confidence=c, seed=0) for c in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_seed_and_names_fix_the_result() -> None:
    rows = answered([True] * 60 + [False] * 41)
    assert interval(rows) == interval(rows)
    assert interval(rows) != interval(rows, seed=1)
    named = bootstrap(ACCURACY, [rows], samples=1000, confidence=0.95, seed=0, names=("tickets",))
    assert interval(rows) != named


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
    assert got.low <= got.value < got.high


def test_macro_f1_of_many_labels_lies_within_its_interval() -> None:
    """77 labels on 500 rows, as banking77: percentiles alone lie below the truth in every fourth test set."""
    rng, count = seeds.generator(0, "many labels"), 77
    labels, known = [str(label) for label in range(count)], np.clip(rng.normal(0.8, 0.12, count), 0.05, 0.98)
    predicted = (
        known + (1 - known).mean()
    )  # of rows: a label's own that are right, and its part of the wrong ones
    held, runs = 0, 60
    truth = float(np.mean(2 * (known + (1 - known) / count) / (1 + predicted)))
    for _ in range(runs):
        right = rng.integers(0, count, 500)
        said = np.where(rng.random(500) < known[right], right, rng.integers(0, count, 500))
        rows = [
            Outcome(f"test/{n}", labels[s], labels[r], "")
            for n, (s, r) in enumerate(zip(said, right, strict=True))
        ]
        got = interval(rows, make("macro_f1", labels=labels), samples=200)
        held += got.low <= truth <= got.high
    assert held >= 0.9 * runs


def test_the_paired_interval_is_narrower_than_the_two_apart() -> None:
    rng = seeds.generator(0, "paired")
    b = rng.random(200) < 0.7
    a = b | (rng.random(200) < 0.15)
    got = compared(answered(a), answered(b))
    assert got.value == pytest.approx(a.mean() - b.mean())
    apart = interval(answered(a)), interval(answered(b))
    assert got.high - got.low < min(one.high - one.low for one in apart)
    assert got.low > 0
    assert got.p_value < 0.05


def test_swapping_the_systems_turns_the_difference_round() -> None:
    a, b = answered([True] * 60 + [False] * 40), answered([False] * 50 + [True] * 50)
    there, back = compared(a, b), compared(b, a)
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))
    assert back.p_value == there.p_value


def test_identical_systems_do_not_differ_but_their_difference_has_a_width() -> None:
    rows = answered([True] * 70 + [False] * 30)
    got = compared(rows, rows)
    q = 1 - 0.05 ** (1 / 100)
    assert (got.value, got.low, got.high, got.p_value) == pytest.approx((0, -q, q, 1))


def test_pairs_must_be_the_same_rows() -> None:
    rows = answered([True, False])
    with pytest.raises(AssertionError, match="same rows"):
        compared(rows, rows[::-1])


def test_copies_of_a_turn_add_nothing() -> None:
    right = np.array([True] * 30 + [False] * 20)
    single, copied = interval(answered(right)), interval(answered(right.repeat(4), turns=4))
    assert (copied.n, copied.clusters) == (200, 50)
    assert (copied.value, copied.low, copied.high) == (single.value, single.low, single.high)
    pair = compared(answered(right.repeat(4), turns=4), answered(~right.repeat(4), turns=4))
    assert pair.clusters == 50
    assert pair.low == compared(answered(right), answered(~right)).low


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


def test_results_are_plain_numbers_for_json() -> None:
    rows = answered([True, False, True])
    for result in (
        interval(rows),
        compared(rows, rows),
        compared(rows, rows[:2] + answered([True] * 3)[2:]),
    ):
        json.dumps(dataclasses.asdict(result), allow_nan=False)


def test_the_p_value_never_falls_below_what_the_samples_can_tell() -> None:
    rows = answered([True] * 99 + [False])
    metric = make("macro_f1", labels=LABELS)
    got = compared(rows, answered([False] * 100), metric, samples=500)
    assert (got.p_value, got.test) == (1 / 501, "swap")


def test_accuracy_has_mcnemars_exact_p_and_turns_are_one_row() -> None:
    a, b = answered([True] * 60 + [False] * 40), answered([False] * 12 + [True] * 53 + [False] * 35)
    got = compared(a, b)
    assert got.p_value == pytest.approx(scipy.stats.binomtest(12, 12 + 5).pvalue)
    assert (got.test, got.p_these_weights) == ("exact_swap", got.p_value)
    copies = [answered(np.array([o.prediction == "yes" for o in rows]).repeat(4), turns=4) for rows in (a, b)]
    assert compared(copies[0], copies[1]).p_value == pytest.approx(got.p_value)


def test_limits_and_error_of_the_rows_are_scipys() -> None:
    rng = seeds.generator(0, "scipy")
    a, b = rng.beta(4, 2, (1, 150)), rng.beta(4, 3, (1, 150))
    got = of_scores(a, b, samples=4000)
    reference = scipy.stats.bootstrap(((a - b)[0],), np.mean, n_resamples=4000, method="percentile", rng=rng)
    assert got.rows_error == pytest.approx(reference.standard_error, rel=0.05)
    expected = reference.confidence_interval.low, reference.confidence_interval.high
    assert (got.low, got.high) == pytest.approx(expected, abs=0.2 * got.rows_error)
    permuted = scipy.stats.permutation_test(
        (a[0], b[0]),
        lambda x, y, axis: (x - y).mean(axis),
        permutation_type="samples",
        n_resamples=4000,
        rng=rng,
    )
    assert got.p_value == pytest.approx(permuted.pvalue, rel=0.5, abs=2e-3)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.05])
def test_seeds_alone_are_students_t_test(shift: float) -> None:
    """Rows that are all alike have next to no noise: what is left is the t-test of the seeds' differences."""
    by_seed = np.array([0.03, -0.01, 0.02]) + shift
    got = of_scores(0.5 + by_seed[:, None].repeat(1000, 1), np.full((3, 1000), 0.5))
    reference = scipy.stats.ttest_1samp(by_seed, 0)
    assert got.p_value == pytest.approx(reference.pvalue, abs=2e-3)
    expected = reference.confidence_interval(0.95)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high), abs=1e-3)
    assert got.seeds_error == pytest.approx(scipy.stats.sem(by_seed))
    assert got.rows_error == pytest.approx(0)
    assert got.test == "swap_with_seeds"


def test_both_noises_make_the_interval_wider_than_either() -> None:
    rng = seeds.generator(0, "both")
    base = np.full((3, 200), 0.5)
    rows, by_seed = rng.normal(0, 0.2, (1, 200)), np.array([[0.02], [-0.01], [0.03]])
    alone = [
        of_scores(base + part - part.mean() + 0.03, base) for part in (rows + 0 * by_seed, by_seed + 0 * rows)
    ]
    both = of_scores(base + rows - rows.mean() + by_seed - by_seed.mean() + 0.03, base)
    assert both.value == pytest.approx(0.03)
    widths = [one.high - one.low for one in alone]
    assert max(widths) < both.high - both.low < sum(widths)
    assert both.p_these_weights < both.p_value


def test_two_seeds_speak_of_these_weights() -> None:
    assert [scope(count) for count in (1, 2, 3, 5)] == ["these_weights"] * 2 + ["recipe"] * 2
    right, wrong = answered([True] * 40 + [False] * 20), answered([True] * 30 + [False] * 30)
    two = compare(ACCURACY, [right, right], [wrong, right], samples=500, confidence=0.95, seed=0)
    assert two.value == pytest.approx(1 / 12)
    assert (two.seeds, two.seeds_error) == (2, None)
    assert two.p_value == pytest.approx(scipy.stats.binomtest(10, 10).pvalue)


def test_a_system_of_one_seed_stands_beside_each_of_the_others() -> None:
    rng = seeds.generator(0, "broadcast")
    trained = [answered(rng.random(90) < 0.7) for _ in range(3)]
    base = answered(rng.random(90) < 0.4)
    one, three = (
        compare(ACCURACY, trained, runs, samples=300, confidence=0.95, seed=0)
        for runs in ([base], [base] * 3)
    )
    assert one == three
    assert one.seeds == 3


def test_the_value_of_a_system_is_the_mean_over_seeds_and_stays_in_its_bounds() -> None:
    runs = [answered([True] * right + [False] * (50 - right)) for right in (50, 49, 47)]
    got = bootstrap(ACCURACY, runs, samples=1000, confidence=0.95, seed=0)
    assert got.value == pytest.approx(146 / 150)
    assert got.high == 1
    middle = bootstrap(ACCURACY, runs[2:], samples=1000, confidence=0.95, seed=0)
    assert got.high - got.low < 0.2
    assert middle.n == got.n == 50


def test_seeds_must_answer_the_same_rows() -> None:
    rows = answered([True, False])
    with pytest.raises(AssertionError, match="same rows"):
        bootstrap(ACCURACY, [rows, rows[::-1]], samples=100, confidence=0.95, seed=0)
    with pytest.raises(AssertionError, match="same seeds"):
        compare(ACCURACY, [rows] * 3, [rows] * 2, samples=100, confidence=0.95, seed=0)


def test_rows_about_one_thing_are_drawn_as_a_whole() -> None:
    rows = seeds.generator(0, "clusters").random(60) < 0.7
    alike = [
        dataclasses.replace(outcome, cluster=f"c{number // 5}")
        for number, outcome in enumerate(answered(np.repeat(rows, 5)))
    ]
    got, alone = interval(alike), interval(answered(rows))
    assert (got.n, got.clusters, alone.clusters) == (300, 60, 60)
    assert (got.low, got.high) == (alone.low, alone.high)
    assert interval(answered(np.repeat(rows, 5))).low > got.low + 0.04
    wrong = [dataclasses.replace(outcome, prediction="no") for outcome in alike]
    by_row = compared(answered(np.repeat(rows, 5)), answered(np.zeros(300, dtype=bool)))
    assert compared(alike, wrong).low < by_row.low - 0.04
