"""A task's metric on parts of its test rows, from the answers that are there: no forward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mixologist.evaluation.intervals import Interval
from mixologist.evaluation.metrics import Mean, Metric, metric_of
from mixologist.evaluation.resampling import Row, Runs, cluster_of
from mixologist.evaluation.verdicts import ENOUGH
from mixologist.tasks.slices import LABEL, cut
from mixologist.tasks.task import Task


def sliced(
    task: Task, split: str, answers: Mapping[str, Runs], score: Callable[[Metric, Runs], Interval]
) -> list[dict[str, Any]]:
    """Every slice of a task with n, and each system's metric with its interval.

    Rows of one label are judged by accuracy, the share of the label that is found, where the task's metric is
    ``macro_f1``: what is taken for that label wrongly stands in other slices, so that F1 would look too good.
    """
    found = []
    for by in task.slices:
        for name, numbers in cut(task.splits[split], by).items():
            metric = _found(name) if by.by == LABEL and task.metric == "macro_f1" else metric_of(task)
            parts = {
                system: [[run[number] for number in numbers] for run in runs]
                for system, runs in answers.items()
            }
            part = {"by": by.by, "slice": name, "metric": metric.name} | size(next(iter(parts.values()))[0])
            found.append(part | {"systems": {s: values(score(metric, own)) for s, own in parts.items()}})
    return found


def _found(label: str) -> Metric:
    """Whether an answer, or one of its labels, is this one."""

    def says(answer: str | list[str], _: object) -> bool:
        return label in answer if isinstance(answer, list) else label == answer

    return Mean("accuracy", says, zero_one=True)


def size(rows: Sequence[Row]) -> dict[str, Any]:
    """How many rows, and whether that is enough for an interval to be believed."""
    return {"n": len(rows), "enough": len({cluster_of(one) for one in rows}) >= ENOUGH}


def values(interval: Interval) -> dict[str, float]:
    """The part of an interval that a system's entry has."""
    return {"value": interval.value, "low": interval.low, "high": interval.high}
