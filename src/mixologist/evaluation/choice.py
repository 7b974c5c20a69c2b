"""How much choosing the served adapter flatters it: on the validation rows it was chosen by, and no others.

The best of k scores on the same rows is on average higher than what the chosen one is worth, by at most

    sd / sqrt(2) e_k      sd = standard error of their difference, e_k = mean of the largest of k normal numbers

(reached where all are equally good; for more than two sd is that of the pair that differs most: Sudakov-Fernique, in
Vershynin 2018, High-Dimensional Probability, section 7.2). Test rows took no part, so that what is reported there
is not flattered; the drop from validation to test holds the choice, that of the best state, and both samples' noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import log, sqrt
from typing import Any

from mixologist.evaluation.intervals import bootstrap, compare, redrawn
from mixologist.evaluation.limits import widened
from mixologist.evaluation.metrics import metric_of
from mixologist.recipe import schema
from mixologist.records import Outcome
from mixologist.tasks.task import Task

LARGEST = {2: 0.5642, 3: 0.8463, 4: 1.0294, 5: 1.1630}
"""Mean of the largest of k independent standard normal numbers (Harter 1961, Biometrika 48)."""


def choice(
    task: Task,
    validation: Mapping[str, Sequence[Outcome]],
    served: str,
    test: Sequence[Outcome],
    options: schema.Evaluation,
    seed: int,
) -> dict[str, Any]:
    """Each candidate's validation metric, the chosen one's drop on test rows, and what the choice adds at most.

    Args:
        validation: candidate adapter -> its answers to the validation rows, of the first training; two or more.
        test: the ``served`` one's answers to the test rows.
    """
    metric = metric_of(task)
    how: Any = {"samples": options.bootstrap_samples, "seed": seed}
    level: Any = {"confidence": options.confidence}
    values = {
        name: bootstrap(metric, [rows], names=(task.name, "validation"), **how, **level)
        for name, rows in validation.items()
    }
    gaps = [
        compare(metric, [validation[a]], [validation[b]], names=(task.name, "validation"), **how, **level)
        for a, b in combinations(validation, 2)
    ]
    chosen, seen = redrawn(metric, [validation[served]], names=(task.name, "validation"), **how)
    reported, redraws = redrawn(metric, [test], names=(task.name,), **how)
    span = metric.bounds[1] - metric.bounds[0]
    clusters = values[served].clusters
    low, high = widened(chosen - reported, seen - redraws, (-span, span), clusters, options.confidence)
    k = len(validation)
    largest = LARGEST.get(k, sqrt(2 * log(k)))
    return {
        "n": values[served].n,
        "validation": {n: {"value": v.value, "low": v.low, "high": v.high} for n, v in values.items()},
        "drop": {"value": chosen - reported, "low": low, "high": high},
        "by_choice_at_most": max(gap.rows_error for gap in gaps) / sqrt(2) * largest,
    }  # fmt: skip
