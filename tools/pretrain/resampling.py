"""Systems compared over tasks and seeds: macro-F1 with intervals, and paired differences.

95% intervals of the mean over seeds are those of `mixologist.evaluation.intervals`: percentiles of 2,000 draws of test
rows with replacement, plus, from three seeds on, Student's t for the seeds. All systems share the draws, so that
differences are paired; a row that several seeds have is drawn for all of them at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mixologist import seeds
from mixologist.evaluation.intervals import seed_noise
from mixologist.evaluation.metrics import Floats, Metric
from mixologist.records import Outcome

TFIDF = "TF-IDF"
DRAWS = 2000

BySeed = Mapping[int, Sequence[Outcome]]
Answers = dict[str, dict[str, dict[int, list[Outcome]]]]
"""Task -> system -> seed -> outcomes on the seed's test rows."""


def drawn(n: int, *names: object) -> Floats:
    """How often each of n things is drawn, (1 + DRAWS, n); the first draw is each of them once."""
    counts = seeds.generator(0, "compare", *names).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    return np.concatenate([np.ones((1, n)), counts])


def reached(metric: Metric, by_seed: BySeed, task: str) -> Floats:
    """The metric on each draw of the task's rows, by seed, (1 + DRAWS, seeds)."""
    place = {id: n for n, id in enumerate(sorted({o.id for outcomes in by_seed.values() for o in outcomes}))}
    weights = drawn(len(place), "rows", task)

    def one(outcomes: Sequence[Outcome]) -> Floats:
        return metric.value(weights[:, [place[o.id] for o in outcomes]] @ metric.counts(outcomes))

    return np.stack([one(outcomes) for outcomes in by_seed.values()], axis=1)


def interval(values: Floats) -> dict[str, Any]:
    """Mean over seeds with its limits, and each seed's value. ``values``: (1 + DRAWS, seeds), all rows first."""
    by_seed, means = values[0], values.mean(1)
    drawn = means[1:] + seed_noise(by_seed, DRAWS, 0, ("compare",))
    low, high = np.quantile(drawn, [0.025, 0.975])
    # Macro-F1 of rare labels is higher on resamples than on all rows: percentiles may miss the value.
    limits = {"low": min(float(low), means[0]), "high": max(float(high), means[0])}
    return {"value": float(means[0]), **limits, "by_seed": by_seed.tolist()}


def figures(values: Mapping[str, Floats]) -> dict[str, Any]:
    """Systems, each base minus the first one, and each base minus TF-IDF. ``values``: system -> (1 + DRAWS, seeds)."""
    first, *others = [system for system in values if system != TFIDF]
    pairs = [*((base, first) for base in others), *((base, TFIDF) for base in (first, *others))]
    return {
        "systems": {system: interval(found) for system, found in values.items()},
        "differences": {f"{a} - {b}": interval(values[a] - values[b]) for a, b in pairs},
    }


def compare(answers: Answers, metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """The figures of every task, and of the mean over tasks."""
    values = {
        task: {system: reached(metrics[task], by_seed, task) for system, by_seed in systems.items()}
        for task, systems in answers.items()
    }
    systems = next(iter(values.values()))
    mean = {system: np.mean([found[system] for found in values.values()], axis=0) for system in systems}
    counts = {task: [len(rows) for rows in systems[TFIDF].values()] for task, systems in answers.items()}
    tasks = {task: {"test_rows": counts[task]} | figures(found) for task, found in values.items()}
    return {"tasks": tasks, "mean": figures(mean)}
