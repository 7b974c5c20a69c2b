"""Helped or hurt: a system that shares parameters between tasks, on one task, against that task's own adapter.

Paired bootstrap on the same test rows, Holm over the tasks of a run (Holm 1979), so that with ten tasks a chance of
one in twenty per task does not become one in two. It speaks of these weights (one seed): the noise of the test rows is
in it, that of training is not.
"""

from __future__ import annotations

from collections.abc import Mapping

from mixologist.evaluation.intervals import Difference

ENOUGH = 30
"""Clusters below which percentile intervals are too narrow to be believed (see `intervals`)."""


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values; family-wise error is bounded by the level they are compared with.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = running
    return adjusted


def verdicts(differences: Mapping[str, Difference], confidence: float) -> dict[str, str]:
    """Task -> verdict on (shared - single_task)."""
    enough = {task: d for task, d in differences.items() if d.clusters >= ENOUGH}
    adjusted = holm({task: d.p_value for task, d in enough.items()})
    return {task: _verdict(differences[task], adjusted.get(task), confidence) for task in differences}


def _verdict(difference: Difference, p_value: float | None, confidence: float) -> str:
    if p_value is None:
        return "not_enough_data"
    if p_value >= 1 - confidence:
        return "not_distinguishable"
    return "helped" if difference.value > 0 else "hurt"
