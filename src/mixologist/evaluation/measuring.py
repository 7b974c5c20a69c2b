"""From answers to figures: every system of a task with its interval, and paired differences with verdicts.

Answers come once for each training seed, from as many sets of adapters; a system that has no training of its own
answers once and stands beside each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mixologist.evaluation.intervals import Difference, bootstrap, paired_bootstrap
from mixologist.evaluation.metrics import format_failures, metric_of
from mixologist.evaluation.verdicts import verdicts
from mixologist.recipe import schema
from mixologist.records import Outcome
from mixologist.tasks.task import Task

SHARING = ("shared", "groups")
"""Systems that share parameters between tasks: what a verdict is about."""
PAIRS = (("oracle", "base"), ("routed", "oracle"))
"""Further differences that every table shows."""

Answers = Mapping[str, Sequence[Sequence[Outcome]]]
"""System -> its outcomes for each training seed, on the same rows in the same order."""


def evaluation(
    tasks: Mapping[str, Task],
    answers: Mapping[str, Answers],
    options: schema.Evaluation,
    seed: int,
    split: str,
) -> dict[str, Any]:
    """The figures of evaluation.json."""
    return {
        "split": split,
        "scope": "these_weights",
        "tasks": measure(tasks, answers, options, seed, split),
    }


def regret(rows: Mapping[str, Any]) -> float:
    """Mean over tasks of (oracle - routed), in the tasks' metrics."""
    gaps = [row["systems"]["oracle"]["value"] - row["systems"]["routed"]["value"] for row in rows.values()]
    return float(sum(gaps) / len(gaps))


def measure(
    tasks: Mapping[str, Task],
    answers: Mapping[str, Answers],
    options: schema.Evaluation,
    seed: int,
    split: str,
) -> dict[str, dict[str, Any]]:
    """``tasks`` of evaluation.json (DESIGN: JSON shapes), task by task."""
    rows: dict[str, dict[str, Any]] = {}
    sharing: dict[str, dict[str, Difference]] = {}
    for name, task in tasks.items():
        found = answers[name]
        pairs = {
            (a, b): _compare(task, found[a], found[b], options, seed)
            for a, b in (*((system, "single_task") for system in SHARING), *PAIRS)
            if a in found and b in found
        }
        rows[name] = {
            "metric": task.metric,
            "n": len(task.splits[split]),
            "systems": {system: _system(task, each, options, seed) for system, each in found.items()},
            "paired": {f"{a} - {b}": asdict(difference) for (a, b), difference in pairs.items()},
        }
        for (system, _), difference in pairs.items():
            if system in SHARING:
                sharing.setdefault(system, {})[name] = difference
    for system, differences in sharing.items():
        for name, verdict in verdicts(differences, options.confidence).items():
            rows[name]["systems"][system]["verdict"] = verdict
    return rows


def _system(
    task: Task, answers: Sequence[Sequence[Outcome]], options: schema.Evaluation, seed: int
) -> dict[str, Any]:
    interval = bootstrap(
        metric_of(task), answers[0], samples=options.bootstrap_samples, confidence=options.confidence,
        seed=seed, names=(task.name,),
    )  # fmt: skip
    return {
        "value": interval.value, "low": interval.low, "high": interval.high, "seeds": len(answers),
        "format_failures": sum(map(format_failures, answers)), "verdict": None,
    }  # fmt: skip


def _compare(
    task: Task,
    a: Sequence[Sequence[Outcome]],
    b: Sequence[Sequence[Outcome]],
    options: schema.Evaluation,
    seed: int,
) -> Difference:
    return paired_bootstrap(
        metric_of(task), a[0], b[0], samples=options.bootstrap_samples, confidence=options.confidence,
        seed=seed, names=(task.name,),
    )  # fmt: skip
