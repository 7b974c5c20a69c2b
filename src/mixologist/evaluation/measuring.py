"""From answers to figures: every system of a task with its interval, and paired differences with verdicts.

Answers come once for each training seed, from as many sets of adapters; a system that has no training of its own
answers once and stands beside each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mixologist.evaluation.intervals import Difference, bootstrap, compare, mean_difference, scope
from mixologist.evaluation.metrics import format_failures, metric_of
from mixologist.evaluation.power import detectable
from mixologist.evaluation.resampling import Runs, cluster_of
from mixologist.evaluation.verdicts import ENOUGH, holm, verdicts
from mixologist.recipe import schema
from mixologist.tasks.task import Task

SHARING = ("shared", "groups")
"""Systems that share parameters between tasks: what a verdict is about."""
PAIRS = (
    ("oracle", "base"), ("routed", "oracle"), ("oracle", "tfidf"), ("shared", "single_task_total_steps"),
    ("single_task", "full_single_task"), ("shared", "full_multi_task"), ("full_multi_task", "full_single_task"),
)  # fmt: skip
"""Further differences that every table shows."""

Answers = Mapping[str, Runs]
"""System -> its outcomes for each training seed, on the same rows in the same order."""


def evaluation(
    tasks: Mapping[str, Task],
    answers: Mapping[str, Answers],
    options: schema.Evaluation,
    seed: int,
    split: str,
) -> dict[str, Any]:
    """The figures of evaluation.json."""
    rows = measure(tasks, answers, options, seed)
    trained = max(len(runs) for found in answers.values() for runs in found.values())
    return {
        "split": split,
        "scope": scope(trained),
        "seeds": trained,
        "confidence": options.confidence,
        "least_n": ENOUGH,
        "smallest_effect": options.smallest_effect,
        "tasks": rows,
        "cocktail": {
            system: effect
            for system in SHARING
            if (effect := cocktail(system, tasks, answers, rows, options, seed))
        },
    }


def cocktail(
    system: str,
    tasks: Mapping[str, Task],
    answers: Mapping[str, Answers],
    rows: Mapping[str, Any],
    options: schema.Evaluation,
    seed: int,
) -> dict[str, Any]:
    """The cocktail effect: what sharing gave the tasks on average over their own adapters, and whom it hurt most.

    ``value`` in the metrics' units with its limits, ``relative`` to the own adapters' mean; tasks by verdict. Empty
    where no task has both systems. A mean hides whom it hurts, so the worst task stands beside it.
    """
    pairs = {
        name: (metric_of(task), answers[name][system], answers[name]["single_task"])
        for name, task in tasks.items()
        if system in answers[name] and "single_task" in answers[name]
    }
    if not pairs:
        return {}
    value, low, high = mean_difference(
        pairs, samples=options.bootstrap_samples, confidence=options.confidence, seed=seed
    )
    own = sum(rows[name]["systems"]["single_task"]["value"] for name in pairs) / len(pairs)
    gains = {name: rows[name]["paired"][f"{system} - single_task"]["value"] for name in pairs}
    found = Counter(rows[name]["systems"][system]["verdict"] for name in pairs)
    return {
        "value": value, "low": low, "high": high, "relative": value / own if own > 0 else None, "tasks": len(pairs),
        "worst": min(gains, key=gains.__getitem__), "verdicts": dict(found),
    }  # fmt: skip


def regret(
    tasks: Mapping[str, Task], answers: Mapping[str, Answers], options: schema.Evaluation, seed: int
) -> dict[str, float]:
    """Mean over tasks of (oracle - routed), in the tasks' metrics, with its limits.

    A task that was added to a run of several trainings has one: then the first of all tasks are taken.
    """
    seeds = min(len(answers[name]["oracle"]) for name in tasks)
    pairs = {
        name: (metric_of(task), answers[name]["oracle"][:seeds], answers[name]["routed"][:seeds])
        for name, task in tasks.items()
    }
    value, low, high = mean_difference(
        pairs, samples=options.bootstrap_samples, confidence=options.confidence, seed=seed,
    )  # fmt: skip
    return {"regret": value, "regret_low": low, "regret_high": high}


def measure(
    tasks: Mapping[str, Task],
    answers: Mapping[str, Answers],
    options: schema.Evaluation,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """``tasks`` of evaluation.json (DESIGN: JSON shapes), task by task."""
    rows: dict[str, dict[str, Any]] = {}
    found_in: dict[str, dict[str, Difference]] = {}
    for name, task in tasks.items():
        found = answers[name]
        pairs = {
            (a, b): _compare(task, found[a], found[b], options, seed)
            for a, b in (*((system, "single_task") for system in SHARING), *PAIRS)
            if a in found and b in found
        }
        first = next(iter(found.values()))[0]
        rows[name] = {
            "metric": task.metric,
            "n": len(first),
            "clusters": len(set(map(cluster_of, first))),
            "systems": {system: _system(task, runs, options, seed) for system, runs in found.items()},
            "paired": {f"{a} - {b}": _record(difference, options) for (a, b), difference in pairs.items()},
        }
        for (a, b), difference in pairs.items():
            found_in.setdefault(f"{a} - {b}", {})[name] = difference
    for pair, differences in found_in.items():
        for name, p_value in holm({name: d.p_value for name, d in differences.items()}).items():
            rows[name]["paired"][pair]["p_holm"] = p_value
    for system in SHARING:
        _judge(system, rows, found_in.get(f"{system} - single_task", {}), options)
    return rows


def _judge(
    system: str, rows: Mapping[str, Any], differences: Mapping[str, Difference], options: schema.Evaluation
) -> None:
    judge = options.confidence, options.smallest_effect, options.bootstrap_samples
    for name, judged in verdicts(differences, *judge).items():
        rows[name]["systems"][system]["verdict"] = judged.verdict
        rows[name]["paired"][f"{system} - single_task"] |= {
            "p_holm": judged.p_holm, "detectable": judged.detectable,
        }  # fmt: skip


def _system(task: Task, runs: Runs, options: schema.Evaluation, seed: int) -> dict[str, Any]:
    interval = bootstrap(
        metric_of(task), runs, samples=options.bootstrap_samples, confidence=options.confidence,
        seed=seed, names=(task.name,),
    )  # fmt: skip
    return {
        "value": interval.value, "low": interval.low, "high": interval.high, "seeds": len(runs),
        "format_failures": sum(map(format_failures, runs)), "verdict": None,
    }  # fmt: skip


def _compare(task: Task, a: Runs, b: Runs, options: schema.Evaluation, seed: int) -> Difference:
    return compare(
        metric_of(task), a, b, samples=options.bootstrap_samples, confidence=options.confidence,
        seed=seed, names=(task.name,),
    )  # fmt: skip


def _record(difference: Difference, options: schema.Evaluation) -> dict[str, Any]:
    """Of one difference alone; a verdict's ``detectable`` is at the level of its family of tasks."""
    return asdict(difference) | {"detectable": detectable(difference, 1 - options.confidence)}
