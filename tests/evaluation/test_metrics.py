from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from mixologist import seeds
from mixologist.errors import UserError
from mixologist.evaluation.metrics import METRICS, Metric, format_failures, make
from mixologist.records import Outcome

LABELS = ("buy", "hold", "sell", "wait")


def outcomes(*pairs: tuple[Any, Any]) -> list[Outcome]:
    return [
        Outcome(f"test/{i}", prediction, reference, "") for i, (prediction, reference) in enumerate(pairs)
    ]


def total(metric: Metric, *pairs: tuple[Any, Any]) -> float:
    return float(metric.value(metric.counts(outcomes(*pairs)).sum(0)))


def random_labels(case: int, n: int) -> tuple[list[str | None], list[str]]:
    """Few rows and four labels: often one is missing in the references, the predictions or both."""
    rng = seeds.generator(case, "labels")
    predictions = [(None, *LABELS)[i] for i in rng.integers(0, 5, n)]
    return predictions, [LABELS[i] for i in rng.integers(0, 4, n)]


@pytest.mark.parametrize("case", range(40))
def test_label_metrics_agree_with_scikit_learn(case: int) -> None:
    predictions, references = random_labels(case, n=1 + case)
    text = [prediction or "(unreadable)" for prediction in predictions]
    pairs = list(zip(predictions, references, strict=True))
    f1 = f1_score(references, text, average="macro", labels=sorted(set(references)), zero_division=0)
    assert total(make("macro_f1", labels=LABELS), *pairs) == pytest.approx(f1, abs=1e-12)
    assert total(make("accuracy"), *pairs) == pytest.approx(accuracy_score(references, text))


def random_label_sets(case: int, n: int) -> tuple[list[list[str] | None], list[list[str]]]:
    """Any number of labels each, ``wait`` where there would be none; every sixth prediction is unreadable."""
    rng = seeds.generator(case, "label sets")

    def draw() -> list[list[str]]:
        return [
            [label for label, there in zip(LABELS, row, strict=True) if there] or ["wait"]
            for row in rng.random((n, len(LABELS))) < 0.4
        ]

    return [one if number % 6 else None for number, one in enumerate(draw())], draw()


@pytest.mark.parametrize("case", range(20))
def test_metrics_of_several_labels_agree_with_scikit_learn(case: int) -> None:
    predictions, references = random_label_sets(case, n=1 + case)
    hot = [
        [[label in (some or []) for label in LABELS] for some in side] for side in (references, predictions)
    ]
    present = np.flatnonzero(np.array(hot[0]).any(0))
    pairs = list(zip(predictions, references, strict=True))
    for average, labels in (("macro", present), ("micro", None)):
        f1 = f1_score(*map(np.array, hot), average=average, labels=labels, zero_division=0)
        assert total(make(f"{average}_f1", labels=LABELS), *pairs) == pytest.approx(f1, abs=1e-12)


def test_macro_f1_of_a_resample_is_that_of_the_repeated_rows() -> None:
    metric = make("macro_f1", labels=LABELS)
    rows = outcomes(*zip(*random_labels(7, n=9), strict=True))
    weights = np.array([[0, 3, 1, 0, 0, 2, 0, 3, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1]])
    values = metric.value(weights @ metric.counts(rows))
    for row, value in zip(weights, values, strict=True):
        repeated = [outcome for outcome, times in zip(rows, row, strict=True) for _ in range(times)]
        assert value == pytest.approx(float(metric.value(metric.counts(repeated).sum(0))))


def test_macro_f1_without_labels_says_what_to_do() -> None:
    with pytest.raises(UserError, match="closed set of labels") as error:
        make("macro_f1")
    assert "exact_match" in error.value.do


def test_a_prediction_outside_the_labels_counts_as_unreadable() -> None:
    metric = make("macro_f1", labels=LABELS)
    unknown, unreadable = (total(metric, ("buy", "buy"), (wrong, "sell")) for wrong in ("short", None))
    assert unknown == unreadable == 0.5


@pytest.mark.parametrize(
    ("prediction", "reference", "right"),
    [
        ("Net  income\n", "net income", 1),
        ("STRASSE", "straße", 1),
        ("net-income", "net income", 0),
        ("", "net income", 0),
        (None, "none", 0),
    ],
)
def test_exact_match(prediction: str | None, reference: str, right: float) -> None:
    assert total(make("exact_match"), (prediction, reference)) == right


@pytest.mark.parametrize(
    ("prediction", "reference", "right"),
    [
        (101.0, 100.0, 1),
        (99.0, 100.0, 1),
        (101.1, 100.0, 0),
        (-101.0, -100.0, 1),
        (100.0, -100.0, 0),
        (5e-7, 0.0, 1),
        (2e-6, 0.0, 0),
        (float("nan"), 100.0, 0),
        (float("inf"), 100.0, 0),
        (None, 0.0, 0),
    ],
)
def test_numeric_match_at_one_percent(prediction: float | None, reference: float, right: float) -> None:
    assert total(make("numeric_match"), (prediction, reference)) == right


def test_numeric_match_tolerance_is_relative_to_the_reference() -> None:
    assert total(
        make("numeric_match", tolerance=0.2), (120.0, 100.0), (80.0, 100.0), (100.0, 80.0)
    ) == pytest.approx(2 / 3)


@pytest.mark.parametrize("prediction", [1.0, None])
def test_a_row_without_an_answer_is_our_bug(prediction: float | None) -> None:
    with pytest.raises(AssertionError, match="without answer"):
        make("numeric_match").counts(outcomes((prediction, None)))


def test_entity_f1_pools_pairs_of_all_rows() -> None:
    bank, lender, town = ["ORG", "Harbour Bank"], ["ORG", "Lender"], ["LOC", "Millbrook"]
    first = ([bank, town, ["PER", "Lender"]], [bank, lender])  # 1 right of 3 predicted, 2 in the reference
    second = ([town], [town, bank])  # 1 right of 1 predicted, 2 in the reference
    assert total(make("entity_f1"), first, second) == pytest.approx(2 * 2 / (4 + 4))


def test_entity_f1_counts_a_repeated_pair_as_often_as_it_stands() -> None:
    bank = ["ORG", "Harbour Bank"]
    assert total(make("entity_f1"), ([bank, bank], [bank, bank])) == 1
    assert total(make("entity_f1"), ([bank], [bank, bank])) == pytest.approx(2 / 3)
    assert total(make("entity_f1"), ([bank, bank, bank], [bank])) == pytest.approx(2 / 4)


def test_entity_f1_where_there_is_nothing_to_find() -> None:
    bank = ["ORG", "Harbour Bank"]
    assert total(make("entity_f1"), ([], [])) == 1
    assert total(make("entity_f1"), (None, [])) == 0
    assert total(make("entity_f1"), ([bank], [bank]), (None, [])) == pytest.approx(2 / 3)
    assert total(make("entity_f1"), ([bank], [bank]), (None, [bank])) == pytest.approx(2 / 3)


def test_rouge_l_by_hand() -> None:
    # Longest common subsequence "the cat the mat": 4 of 5 predicted words, 4 of 6 in the reference.
    pair = ("The cat under the mat", "the cat sat on the mat")
    f = 2 * (4 / 5) * (4 / 6) / (4 / 5 + 4 / 6)
    assert total(make("rouge_l"), pair, (None, "anything")) == pytest.approx(f / 2)
    assert total(make("rouge_l"), ("He was running", "he was runs")) == 1


EXAMPLES: dict[str, tuple[Any, Any]] = {
    "accuracy": ("buy", "sell"),
    "macro_f1": ("buy", "sell"),
    "exact_match": ("a", "b"),
    "numeric_match": (1.0, 2.0),
    "entity_f1": ([["ORG", "a"]], [["ORG", "b"]]),
    "rouge_l": ("profit", "loss"),
    "micro_f1": (["buy"], ["sell"]),
}
CORRELATIONS = {"pearson", "spearman"}
"""They need several rows to say anything: `test_correlation`."""


def test_every_metric_has_an_example() -> None:
    assert set(METRICS) == set(EXAMPLES) | CORRELATIONS


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_metric_runs_from_unreadable_to_right(name: str) -> None:
    metric = make(name, labels=LABELS)
    wrong, reference = EXAMPLES[name]
    assert metric.name == name
    assert [total(metric, (p, reference)) for p in (None, wrong, reference)] == [0, 0, 1]
    counts = metric.counts(outcomes((None, reference), (wrong, reference), (reference, reference)))
    batch: NDArray[np.float64] = np.array([[[1, 1, 0], [0, 0, 1]], [[1, 0, 2], [3, 0, 0]]]) @ counts
    values = metric.value(batch)
    assert values.shape == (2, 2)
    assert values[0].tolist() == [0, 1]
    assert values[1, 1] == 0
    assert 0 < values[1, 0] < 1


def test_an_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(UserError) as error:
        make("macro-f1")
    assert error.value.do == "did you mean 'macro_f1'?"


def test_format_failures_are_counted_apart_from_wrong_answers() -> None:
    assert format_failures(outcomes((None, "buy"), ("sell", "buy"), ("buy", "buy"), (None, "sell"))) == 2
