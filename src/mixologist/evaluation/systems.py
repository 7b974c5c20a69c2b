"""What stands beside a run's own adapters in its evaluation: answers of every system that the recipe asks for.

few_shot                 the base, shown some train rows with their answers first
single_task_total_steps  an adapter of the task alone, trained for as many steps as one that is fed by all tasks
full_single_task         a copy of the base whose weights were all trained on the task's own rows
full_multi_task          one whose weights were all trained on the rows of all tasks
merged_linear, _ties     the single-task adapters merged by PEFT, none of them trained further
tfidf                    TF-IDF with logistic regression; tasks with a closed set of answers
an endpoint's name       a model of someone else
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from mixologist.evaluation.answers import BASE, Answerer, Prompt
from mixologist.evaluation.baselines import tfidf
from mixologist.evaluation.baselines.endpoint import Asker, asked_of
from mixologist.evaluation.baselines.merging import MERGES
from mixologist.evaluation.metrics import metric_of, score
from mixologist.recipe import schema
from mixologist.records import Outcome
from mixologist.runfolder import CONTROL
from mixologist.tasks.task import Task

Answers = Callable[[Task, str], list[Outcome]]


@dataclass
class Rivals:
    """The systems beside the adapters."""

    answerer: Answerer
    options: schema.Evaluation
    seed: int

    def __post_init__(self) -> None:
        self._askers = {
            spec.called: Asker(spec, self.answerer.kept, self.answerer.advance)
            for spec in asked_of(self.options.baselines)
        }

    def of(self, task: Task, *, alone: bool = True) -> dict[str, Answers]:
        """System -> what answers a split in it, for those that apply to the task.

        Without ``alone`` only those that differ with the adapters' training seed.
        """
        found: dict[str, Answers] = {
            system: partial(self._adapter, name) for system, name in self.trained(task).items()
        }
        if not alone:
            return found
        if "few_shot" in self.options.baselines:
            found["few_shot"] = self._few_shot
        if "tfidf" in self.options.baselines and tfidf.applies(task):
            found["tfidf"] = self._tfidf
        return found | {name: asker.answer for name, asker in self._askers.items()}

    def trained(self, task: Task) -> dict[str, str]:
        """System -> the adapter, merge or fully fine-tuned model that answers the task in it."""
        full = self.answerer.full
        own = f"{task.name}{CONTROL}"
        named = {kind: kind for kind in (*MERGES, "full_multi_task")}
        named |= {n.removeprefix(own): n for n in self.answerer.digests if n.startswith(own)}
        return {
            system: name
            for system, name in named.items()
            if name in self.answerer.digests
            and (full is None or name not in full.models or task.name in full.models[name].tasks)
        }

    def usage(self) -> dict[str, Any]:
        """What asking the endpoints cost in this evaluation."""
        return {name: asdict(asker.usage) for name, asker in self._askers.items()}

    def _few_shot(self, task: Task, split: str) -> list[Outcome]:
        shown = replace(self.answerer, shots=self.options.shots, seed=self.seed)
        return _all(shown, task, split, shown.prompts(task, split), BASE)

    def _adapter(self, name: str, task: Task, split: str) -> list[Outcome]:
        return _all(self.answerer, task, split, self.answerer.prompts(task, split), name)

    def _tfidf(self, task: Task, split: str) -> list[Outcome]:
        made_by = {"task": task.fingerprint, "rows": _rows(task, ("train", "validation", split))}
        kept = self.answerer.kept.read(split, task.name, "tfidf", made_by)
        if not kept:
            outcomes, _ = tfidf.tfidf(task, split, partial(score, metric_of(task)))
            kept = {outcome.id: outcome for outcome in outcomes}
            self.answerer.kept.write(split, task.name, "tfidf", made_by, kept)
        self.answerer.advance(len(kept))
        return list(kept.values())


def _all(
    answerer: Answerer, task: Task, split: str, prompts: Sequence[Prompt], adapter: str
) -> list[Outcome]:
    return answerer.answer(task, split, prompts, [adapter] * len(prompts))


def _rows(task: Task, splits: Sequence[str]) -> str:
    """SHA-256 over which rows are in these splits (their contents are in the task's fingerprint)."""
    ids = "\n".join(example.id for split in splits for example in task.splits[split])
    return hashlib.sha256(ids.encode()).hexdigest()
