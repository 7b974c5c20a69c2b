"""The cheapest honest rival: TF-IDF with logistic regression, on the rows that the adapters see.

Word 1- and 2-grams, sublinear term frequency (Manning, Raghavan, Schütze 2008, section 6.4.1), multinomial logistic
regression fitted on the train rows; its one knob C is chosen by the task's metric on the validation rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mixologist import seeds
from mixologist.records import Example, Outcome
from mixologist.tasks.task import Task

STRENGTHS = (10.0, 100.0, 1000.0, 10000.0)
"""Values of C tried, the inverse of the L2 penalty's weight; where several are level, the smallest."""
MOST = 20_000
"""Train rows that it is fitted on, drawn at random: more take gigabytes and minutes, and words hardly tell more."""

Score = Callable[[Sequence[Outcome]], float]


def applies(task: Task) -> bool:
    """Whether every answer of the task is one label of a closed set."""
    return bool(task.format.choices)


def tfidf(task: Task, split: str, score: Score) -> tuple[list[Outcome], float]:
    """Answers to the task's rows of a split, and the C that was chosen. The instruction is not read, only the input."""
    train, validation = _drawn(task.splits["train"]), list(task.splits["validation"])
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    features = words.fit_transform([example.text for example in train])
    labels = [example.reference for example in train]
    models = {C: LogisticRegression(C=C, max_iter=5000).fit(features, labels) for C in STRENGTHS}
    reached = {C: score(_answers(words, model, validation)) for C, model in models.items()}
    best = max(STRENGTHS, key=reached.__getitem__)
    return _answers(words, models[best], list(task.splits[split])), best


def _drawn(rows: Sequence[Example]) -> list[Example]:
    """At most `MOST` of the rows, in their order; always the same ones."""
    if len(rows) <= MOST:
        return list(rows)
    return [
        rows[i] for i in sorted(seeds.generator(0, "tfidf").choice(len(rows), MOST, replace=False).tolist())
    ]


def _answers(words: Any, model: Any, examples: Sequence[Example]) -> list[Outcome]:
    predicted = model.predict(words.transform([example.text for example in examples]))
    return [
        Outcome(example.id, str(label), example.reference, str(label), example.cluster)
        for example, label in zip(examples, predicted, strict=True)
    ]
