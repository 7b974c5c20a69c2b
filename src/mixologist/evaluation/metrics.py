"""Every metric is a finish over a sum of per-row counts, so that a bootstrap sample is one matrix product.

Shapes: n outcomes, m counts of each, L labels; ``...`` any number of resamples. Values are in [0, 1], those of
correlations in [-1, 1]. None as prediction (a format failure) is wrong in every metric; a correlation takes it for
an answer that says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mixologist.errors import UserError
from mixologist.evaluation.correlation import Correlation
from mixologist.records import Outcome
from mixologist.registry import Registry
from mixologist.tasks.task import Task

Floats = NDArray[np.float64]

NEAR_ZERO = 1e-6
"""Absolute tolerance of ``numeric_match``, for references so small that a relative one means nothing."""


class Metric(Protocol):
    """``value(counts.sum(0))`` is the metric of all rows, ``value(weights @ counts)`` that of resamples."""

    @property
    def name(self) -> str:
        """The name in recipes and in ``evaluation.json``."""

    def counts(self, outcomes: Sequence[Outcome]) -> Floats:
        """What each outcome adds, (n, m)."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value there can be."""

    def value(self, totals: Floats) -> Floats:
        """Metric of summed counts: (..., m) -> (...)."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a task tells its metric."""

    labels: tuple[str, ...] = ()
    """The closed set of labels; ``macro_f1`` needs it."""
    tolerance: float = 0.01
    """Relative tolerance of ``numeric_match``, >= 0."""


METRICS: Registry[Callable[[Options], Metric]] = Registry("metric")


def make(name: str, *, labels: Sequence[str] = (), tolerance: float = 0.01) -> Metric:
    """The metric called ``name``. Raises `UserError` if unknown, and for ``macro_f1`` without labels."""
    return METRICS[name](Options(tuple(labels), tolerance))


def metric_of(task: Task) -> Metric:
    """The task's own metric."""
    return make(task.metric, labels=task.format.labels, tolerance=task.tolerance)


def score(metric: Metric, outcomes: Sequence[Outcome]) -> float:
    """The metric in [0, 1] of all outcomes."""
    return float(metric.value(metric.counts(outcomes).sum(0)))


def format_failures(outcomes: Sequence[Outcome]) -> int:
    """How many outputs could not be read as an answer at all."""
    return sum(outcome.prediction is None for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean over outcomes of a ``score(prediction, reference)`` in [0, 1]. Counts: score, 1."""

    name: str
    score: Callable[[Any, Any], float]
    zero_one: bool = False
    """Whether the score is always 0 or 1: two systems are then compared by an exact test."""
    bounds: tuple[float, float] = (0, 1)

    def counts(self, outcomes: Sequence[Outcome]) -> Floats:
        """(n, 2)."""
        assert all(o.reference is not None for o in outcomes), "a row without answer reached the metric"
        scores = [
            0.0 if o.prediction is None else float(self.score(o.prediction, o.reference)) for o in outcomes
        ]
        return np.stack([np.array(scores), np.ones(len(scores))], axis=1)

    def value(self, totals: Floats) -> Floats:
        """(..., 2) -> (...)."""
        return np.asarray(totals[..., 0] / totals[..., 1])


@dataclass(frozen=True, slots=True)
class MacroF1:
    """Unweighted mean of the labels' F1. Counts: per label right, predicted, in the reference.

    The mean runs over the labels that occur in the references of the (re)sample: two systems on the same rows
    are averaged over the same labels, whatever they predict. Equals scikit-learn's
    ``f1_score(average="macro", labels=<those in y_true>, zero_division=0)``; without ``labels`` that one
    averages over labels that are only predicted, too.
    """

    labels: tuple[str, ...]
    name: str = "macro_f1"
    bounds: tuple[float, float] = (0, 1)

    def counts(self, outcomes: Sequence[Outcome]) -> Floats:
        """(n, 3 L). A prediction outside the labels counts as None does: the reference's label is missed."""
        predicted = self._hot([o.prediction for o in outcomes])
        reference = self._hot([o.reference for o in outcomes])
        assert reference.any(axis=1).all(), (
            "a reference is not among the labels; the task checks that when loading"
        )
        return np.concatenate([predicted * reference, predicted, reference], axis=1)

    def value(self, totals: Floats) -> Floats:
        """(..., 3 L) -> (...)."""
        right, predicted, reference = np.split(totals, 3, axis=-1)
        # A label without reference rows has right = 0, so it adds nothing above and is not counted below.
        return np.asarray(_f1(right, predicted + reference).sum(-1) / (reference > 0).sum(-1))

    def _hot(self, answers: Sequence[str | list[str] | None]) -> Floats:
        """(n, L): 1 for the answer's label, or for each of its labels."""
        given = [answer if isinstance(answer, list) else [answer] for answer in answers]
        return np.array([[label in some for label in self.labels] for some in given], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class MicroF1:
    """Micro F1 over lists of labels, or of ``[type, text]`` pairs; what stands twice must be found twice.

    Counts: right, predicted + in the reference. An unreadable answer to a row with an empty list counts as one
    predicted wrongly, so that a format failure never costs nothing. Nothing anywhere: 1, all is right.
    """

    name: str
    bounds: tuple[float, float] = (0, 1)

    def counts(self, outcomes: Sequence[Outcome]) -> Floats:
        """(n, 2)."""
        return np.array([self._row(outcome) for outcome in outcomes], dtype=np.float64)

    def value(self, totals: Floats) -> Floats:
        """(..., 2) -> (...)."""
        right, pairs = totals[..., 0], totals[..., 1]
        return np.where(pairs > 0, _f1(right, pairs), 1.0)

    def _row(self, outcome: Outcome) -> tuple[int, int]:
        reference = Counter(map(_item, outcome.reference))
        if outcome.prediction is None:
            return 0, max(reference.total(), 1)
        predicted = Counter(map(_item, outcome.prediction))
        return (predicted & reference).total(), predicted.total() + reference.total()


@METRICS.register("accuracy")
def _accuracy(_options: Options) -> Metric:
    return Mean("accuracy", lambda prediction, reference: prediction == reference, zero_one=True)


@METRICS.register("macro_f1")
def _macro_f1(options: Options) -> Metric:
    if not options.labels:
        raise UserError(
            "metric macro_f1 needs a closed set of labels",
            given="a task without labels",
            expected="labels: [..] on the task",
            do="list the task's labels, or choose metric: exact_match",
        )
    return MacroF1(options.labels)


@METRICS.register("exact_match")
def _exact_match(_options: Options) -> Metric:
    return Mean(
        "exact_match", lambda prediction, reference: _folded(prediction) == _folded(reference), zero_one=True
    )


@METRICS.register("numeric_match")
def _numeric_match(options: Options) -> Metric:
    def close(prediction: float, reference: float) -> bool:
        return abs(prediction - reference) <= max(options.tolerance * abs(reference), NEAR_ZERO)

    return Mean("numeric_match", close, zero_one=True)


@METRICS.register("entity_f1")
def _entity_f1(_options: Options) -> Metric:
    return MicroF1("entity_f1")


@METRICS.register("micro_f1")
def _micro_f1(_options: Options) -> Metric:
    return MicroF1("micro_f1")


@METRICS.register("pearson")
def _pearson(_options: Options) -> Metric:
    return Correlation("pearson", ranked=False)


@METRICS.register("spearman")
def _spearman(_options: Options) -> Metric:
    return Correlation("spearman", ranked=True)


@METRICS.register("rouge_l")
def _rouge_l(_options: Options) -> Metric:
    """Mean ROUGE-L F-measure (Lin 2004) of Porter stems of words of a-z and 0-9: other scripts score 0."""
    # Imported here because it loads nltk, which takes longer than all else in this module.
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    return Mean(
        "rouge_l", lambda prediction, reference: scorer.score(reference, prediction)["rougeL"].fmeasure
    )


def _f1(right: Floats, pairs: Floats) -> Floats:
    """F1 = 2 right / (predicted + in the reference), (...); 0 where there is neither."""
    return np.divide(2 * right, pairs, out=np.zeros_like(right), where=pairs > 0)


def _item(item: str | Sequence[str]) -> str | tuple[str, ...]:
    """A label, or a pair that a set can hold."""
    return item if isinstance(item, str) else tuple(item)


def _folded(text: str) -> str:
    """Case and white space do not matter."""
    return " ".join(text.casefold().split())
