"""The answers of a run, task by task: base, single_task, shared or groups, oracle, routed, and their rivals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mixologist.evaluation.answers import BASE, Answerer, Prompt
from mixologist.evaluation.edge_cases import EdgeCases
from mixologist.evaluation.metrics import metric_of, score
from mixologist.evaluation.routing import RouterReport
from mixologist.evaluation.systems import Rivals
from mixologist.recipe import schema
from mixologist.records import Outcome
from mixologist.tasks.task import Task
from mixologist.tasks.wordings import KINDS


@dataclass
class Evaluator:
    """Answers of one set of adapters, trained with one seed, and of what stands beside them."""

    answerer: Answerer
    feeds: Mapping[str, Sequence[str]]
    """Adapter -> the tasks that feed it."""
    options: schema.Evaluation
    seed: int
    shortened: dict[str, dict[str, int]] = field(default_factory=dict)
    """Task -> how many prompts were cut to fit, of those asked so far."""

    @cached_property
    def rivals(self) -> Rivals:
        """The systems beside the run's own."""
        return Rivals(self.answerer, self.options, self.seed)

    @property
    def edge_cases(self) -> EdgeCases:
        """Slices and challenge sets of the tasks."""
        return EdgeCases(self.answerer, self.options, self.seed)

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
            len(task.splits[split]) * (len(self.systems(name)) + len(self.rivals.of(task)) + 2)
            for name, task in tasks.items()
        )
        chosen = sum(
            len(task.splits["validation"]) * len(adapters)
            for task in tasks.values()
            if split == "test" and len(adapters := self._candidates(task)) > 1
        )
        altered = sum(self.edge_cases.work(task, split) for task in tasks.values())
        outside = [task.out_of_scope for task in tasks.values() if task.out_of_scope]
        routed = sum(len(task.splits[split]) for task in [*tasks.values(), *outside]) * len(KINDS)
        return (
            answered + chosen + altered + routed + sum(len(task.splits[split]) for task in general.values())
        )

    def choose(self, tasks: Mapping[str, Task], split: str = "validation") -> dict[str, str]:
        """The adapter that serves each task: the better one on its validation rows; ties go to the shared one."""
        return {name: self._choose(task, split) for name, task in tasks.items()}

    def _choose(self, task: Task, split: str) -> str:
        adapters = self._candidates(task)
        if len(adapters) == 1:
            return adapters[0]
        metric, answers = metric_of(task), self.chosen_by(task, split)
        values = {adapter: score(metric, outcomes) for adapter, outcomes in answers.items()}
        shared = [adapter for adapter in adapters if len(self.feeds[adapter]) > 1]
        return max([*shared, *adapters], key=values.__getitem__)

    def _candidates(self, task: Task) -> list[str]:
        return [adapter for system, adapter in self.systems(task.name).items() if system != "base"]

    def chosen_by(self, task: Task, split: str = "validation") -> dict[str, list[Outcome]]:
        """Adapter -> the answers by which the one that serves a task was chosen; empty where there was no choice."""
        adapters = self._candidates(task)
        if len(adapters) < 2:
            return {}
        return self.answerer.of_each(task, split, self.answerer.prompts(task, split), adapters)

    def outcomes(
        self,
        tasks: Mapping[str, Task],
        served_by: Mapping[str, str],
        router: RouterReport | None,
        split: str,
        *,
        alone: bool = True,
    ) -> dict[str, dict[str, list[Outcome]]]:
        """Task -> system -> answers to all rows of the split; without ``alone``, of systems that are trained only."""
        return {
            name: self._outcomes(task, served_by[name], router, split, alone) for name, task in tasks.items()
        }

    def _outcomes(
        self, task: Task, served: str, router: RouterReport | None, split: str, alone: bool
    ) -> dict[str, list[Outcome]]:
        prompts = self.answerer.prompts(task, split)
        self.shortened[task.name] = _shortened(prompts)
        asked = {
            system: adapter
            for system, adapter in self.systems(task.name).items()
            if system != "single_task" or system in self.options.baselines
        }
        systems = {
            system: adapter
            for system, adapter in (asked | {"oracle": served}).items()
            if alone or adapter != BASE
        }
        answers = self.answerer.of_each(task, split, prompts, list(dict.fromkeys(systems.values())))
        self.answerer.advance(len(prompts) * (len(systems) - len(answers)))
        found = {system: answers[adapter] for system, adapter in systems.items()}
        found |= {name: answer(task, split) for name, answer in self.rivals.of(task, alone=alone).items()}
        if router is not None:
            routes = [route.adapter for route in router.routes([prompt.encoded for prompt in prompts])]
            found["routed"] = self.answerer.answer(task, split, prompts, routes)
        return found


def _system(adapter: str, task: str, tasks: Sequence[str], feeds: Mapping[str, Sequence[str]]) -> str:
    """``single_task`` for an adapter of this task alone, ``shared`` for one fed by all tasks, else ``groups``."""
    if tuple(tasks) == (task,):
        return "single_task"
    every = {name for fed in feeds.values() for name in fed}
    return "shared" if adapter == "shared" or set(tasks) == every else "groups"


def _shortened(prompts: Sequence[Prompt]) -> dict[str, int]:
    """How many prompts were shortened, and how many lack evidence of their answer for it; nothing where none."""
    counts = {
        "shortened_prompts": sum(prompt.encoded.shortened for prompt in prompts),
        "lost_evidence": sum(prompt.encoded.lost for prompt in prompts),
    }
    return {name: count for name, count in counts.items() if count}
