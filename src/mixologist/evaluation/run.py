"""Evaluation of a run, task by task: base, single_task, shared or groups, oracle, routed; each with n and interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mixologist.evaluation.answers import BASE, Answerer, Prompt
from mixologist.evaluation.intervals import Difference, bootstrap, paired_bootstrap
from mixologist.evaluation.metrics import Metric, format_failures, make
from mixologist.evaluation.routing import RouterReport
from mixologist.evaluation.verdicts import verdicts
from mixologist.recipe import schema
from mixologist.records import Outcome
from mixologist.tasks.task import Task
from mixologist.tasks.wordings import KINDS

SHARING = ("shared", "groups")
"""Systems that share parameters between tasks: what a verdict is about."""


@dataclass
class Evaluator:
    """What all evaluations of one run have in common."""

    answerer: Answerer
    feeds: Mapping[str, Sequence[str]]
    """Adapter -> the tasks that feed it."""
    options: schema.Evaluation
    seed: int

    def systems(self, task: str) -> dict[str, str]:
        """System -> adapter that answers in it, for one task."""
        found = {"base": BASE} if "base" in self.options.baselines else {}
        for adapter, tasks in self.feeds.items():
            if task in tasks:
                found[_system(adapter, task, tasks, self.feeds)] = adapter
        return found

    def work(self, tasks: Mapping[str, Task], general: Mapping[str, Task], split: str) -> int:
        """How many prompts `evaluate` will answer or route: what progress is counted in."""
        answered = sum(
            len(task.splits[split]) * (len(self.systems(name)) + 2) for name, task in tasks.items()
        )
        routed = sum(len(task.splits[split]) for task in tasks.values()) * len(KINDS)
        return answered + routed + sum(len(task.splits[split]) for task in general.values())

    def metric(self, task: Task) -> Metric:
        """The task's metric."""
        return make(task.metric, labels=task.format.labels, tolerance=task.tolerance)

    def choose(self, tasks: Mapping[str, Task], split: str = "validation") -> dict[str, str]:
        """The adapter that serves each task: the better one on its validation rows; ties go to the shared one."""
        return {name: self._choose(task, split) for name, task in tasks.items()}

    def _choose(self, task: Task, split: str) -> str:
        adapters = [adapter for system, adapter in self.systems(task.name).items() if system != "base"]
        if len(adapters) == 1:
            return adapters[0]
        metric, prompts = self.metric(task), self.answerer.prompts(task, split)
        values = {}
        for adapter in adapters:
            outcomes = self.answerer.answer(task, split, prompts, [adapter] * len(prompts))
            values[adapter] = float(metric.value(metric.counts(outcomes).sum(0)))
        shared = [adapter for adapter in adapters if len(self.feeds[adapter]) > 1]
        return max([*shared, *adapters], key=values.__getitem__)

    def evaluate(
        self,
        tasks: Mapping[str, Task],
        general: Mapping[str, Task],
        served_by: Mapping[str, str],
        router: RouterReport | None,
        split: str,
    ) -> dict[str, Any]:
        """The contents of evaluation.json (DESIGN: JSON shapes)."""
        rows: dict[str, Any] = {}
        sharing: dict[str, dict[str, Difference]] = {}
        for name, task in tasks.items():
            rows[name], difference = self._task(task, served_by[name], router, split)
            for system, value in difference.items():
                sharing.setdefault(system, {})[name] = value
        for system, differences in sharing.items():
            for name, verdict in verdicts(differences, self.options.confidence).items():
                rows[name]["systems"][system]["verdict"] = verdict
        result: dict[str, Any] = {"split": split, "scope": "these_weights", "tasks": rows}
        if router is not None:
            report = router.report(tasks, general, split, self.answerer.advance)
            result["router"] = report | {"regret": _regret(rows)}
        return result

    def _task(
        self, task: Task, served: str, router: RouterReport | None, split: str
    ) -> tuple[dict[str, Any], dict[str, Difference]]:
        prompts = self.answerer.prompts(task, split)
        asked = {
            system: adapter
            for system, adapter in self.systems(task.name).items()
            if system != "single_task" or system in self.options.baselines
        }
        outcomes = {
            system: self.answerer.answer(task, split, prompts, [adapter] * len(prompts))
            for system, adapter in (asked | {"oracle": served}).items()
        }
        if router is not None:
            routes = [route.adapter for route in router.routes([prompt.encoded for prompt in prompts])]
            outcomes["routed"] = self.answerer.answer(task, split, prompts, routes)
        systems = {name: self._system(task, found) for name, found in outcomes.items()}
        compared = {
            system: self._compare(task, found, outcomes["single_task"])
            for system, found in outcomes.items()
            if system in SHARING and "single_task" in outcomes
        }
        paired = {f"{system} - single_task": asdict(value) for system, value in compared.items()}
        for better, worse in (("oracle", "base"), ("routed", "oracle")):
            if better in outcomes and worse in outcomes:
                paired[f"{better} - {worse}"] = asdict(self._compare(task, outcomes[better], outcomes[worse]))
        row = {
            "metric": task.metric,
            "n": len(prompts),
            "served_by": served,
            "systems": systems,
            "paired": paired,
        }
        return row | _shortened(prompts), compared

    def _system(self, task: Task, outcomes: list[Outcome]) -> dict[str, Any]:
        interval = bootstrap(
            self.metric(task), outcomes, samples=self.options.bootstrap_samples,
            confidence=self.options.confidence, seed=self.seed, names=(task.name,),
        )  # fmt: skip
        return {
            "value": interval.value, "low": interval.low, "high": interval.high, "seeds": 1,
            "format_failures": format_failures(outcomes), "verdict": None,
        }  # fmt: skip

    def _compare(self, task: Task, a: list[Outcome], b: list[Outcome]) -> Difference:
        return paired_bootstrap(
            self.metric(task), a, b, samples=self.options.bootstrap_samples,
            confidence=self.options.confidence, seed=self.seed, names=(task.name,),
        )  # fmt: skip


def _system(adapter: str, task: str, tasks: Sequence[str], feeds: Mapping[str, Sequence[str]]) -> str:
    """``single_task`` for an adapter of this task alone, ``shared`` for one fed by all tasks, else ``groups``."""
    if tuple(tasks) == (task,):
        return "single_task"
    every = {name for fed in feeds.values() for name in fed}
    return "shared" if adapter == "shared" or set(tasks) == every else "groups"


def _regret(rows: Mapping[str, Any]) -> float:
    """Mean over tasks of (oracle - routed), in the tasks' metrics."""
    gaps = [row["systems"]["oracle"]["value"] - row["systems"]["routed"]["value"] for row in rows.values()]
    return float(sum(gaps) / len(gaps))


def _shortened(prompts: Sequence[Prompt]) -> dict[str, int]:
    """How many prompts were shortened, and how many lack evidence of their answer for it; nothing where none."""
    counts = {
        "shortened_prompts": sum(prompt.encoded.shortened for prompt in prompts),
        "lost_evidence": sum(prompt.encoded.lost for prompt in prompts),
    }
    return {name: count for name, count in counts.items() if count}
