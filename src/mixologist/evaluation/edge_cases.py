"""A task's edge cases: its metric on parts of its test rows (`slices`), and on challenge sets, rows that were altered.

Both with the first training seed's adapters. Slices regroup answers that are there, of every system. Altered rows are
answered anew, so by the base, the adapter that serves the task and the routed system alone; their answers are kept
under ``predictions/SPLIT-CHALLENGE/``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from mixologist.evaluation.answers import BASE, Answerer, Prompt
from mixologist.evaluation.intervals import bootstrap, compare
from mixologist.evaluation.metrics import make, metric_of
from mixologist.evaluation.resampling import Runs
from mixologist.evaluation.routing import RouterReport
from mixologist.evaluation.slices import size, sliced, values
from mixologist.recipe import schema
from mixologist.records import Outcome
from mixologist.tasks.challenges import UNKNOWN_ANSWER, Altered
from mixologist.tasks.task import Task

Route = Callable[[Sequence[Prompt]], list[str]]
"""Prompts -> the adapter for each."""
SAME = "same_answer"
"""Share of answers that are as they were to the row as it stands: what is measured where nobody knows what is right."""


@dataclass(frozen=True)
class Challenge:
    """One way to alter a task's rows, done."""

    name: str
    task: Task
    """The task with the altered rows as its one split, and other digests: answers to other rows are never taken for
    answers to these."""
    split: str
    """The split's name: ``test-typos``."""
    rows: Altered


def challenges(task: Task, split: str, seed: int) -> list[Challenge]:
    """All challenge sets of a task."""
    return [_challenge(task, split, name, seed) for name in task.challenges]


def _challenge(task: Task, split: str, name: str, seed: int) -> Challenge:
    rows = Altered(task.splits[split], name, task.held_out_rewordings, seed)
    texts = json.dumps([example.messages for example in rows.examples])
    digests = task.digests | {name: hashlib.sha256(texts.encode()).hexdigest()}
    place = f"{split}-{name}"
    return Challenge(name, replace(task, splits={place: rows}, digests=digests), place, rows)


@dataclass(frozen=True)
class EdgeCases:
    """What all edge cases of one evaluation have in common."""

    answerer: Answerer
    options: schema.Evaluation
    seed: int

    def work(self, task: Task, split: str) -> int:
        """How many prompts `of` will answer."""
        systems = 2 + ("base" in self.options.baselines)
        return systems * sum(len(challenge.rows) for challenge in challenges(task, split, self.seed))

    def of(
        self, task: Task, split: str, answers: Mapping[str, Runs], served: str, router: RouterReport | None
    ) -> dict[str, Any]:
        """``slices`` and ``challenges`` of a task in evaluation.json, where it names any.

        Args:
            answers: system -> its answers to all rows of the split as they stand, in its order, by training seed.
            served: the adapter that serves the task.
        """
        found: dict[str, Any] = {}
        if task.slices:
            found["slices"] = sliced(task, split, answers, partial(bootstrap, **self._resampling(task)))
        if task.challenges:
            routes = {name: route for name, route in _routes(served, router).items() if name in answers}
            found["challenges"] = [
                self._challenged(challenge, answers, routes)
                for challenge in challenges(task, split, self.seed)
            ]
        return found

    def _challenged(
        self, challenge: Challenge, answers: Mapping[str, Runs], routes: Mapping[str, Route]
    ) -> dict[str, Any]:
        """n, and of each system its metric on the altered rows and its change from the same rows as they stand."""
        name, task = challenge.name, challenge.task
        prompts = self.answerer.prompts(task, challenge.split)
        systems = {}
        for system, route in routes.items() if prompts else ():
            plain = [answers[system][0][number] for number in challenge.rows.numbers]
            altered = self.answerer.answer(task, challenge.split, prompts, route(prompts))
            systems[system] = self._measured(challenge, altered, plain)
        measure = SAME if name in UNKNOWN_ANSWER else task.metric
        return {"challenge": name, "metric": measure} | size(prompts) | {"systems": systems}

    def _measured(
        self, challenge: Challenge, altered: Sequence[Outcome], plain: Sequence[Outcome]
    ) -> dict[str, Any]:
        how = self._resampling(challenge.task)
        if challenge.name in UNKNOWN_ANSWER:
            return values(bootstrap(make("accuracy"), [_same(altered, plain)], **how))
        metric = metric_of(challenge.task)
        change = compare(metric, [altered], [plain], **how)
        return values(bootstrap(metric, [altered], **how)) | {"change": asdict(change)}

    def _resampling(self, task: Task) -> dict[str, Any]:
        """What `intervals` asks for."""
        samples, confidence = self.options.bootstrap_samples, self.options.confidence
        return {"samples": samples, "confidence": confidence, "seed": self.seed, "names": (task.name,)}


def _routes(served: str, router: RouterReport | None) -> dict[str, Route]:
    """The systems that answer altered rows."""
    found: dict[str, Route] = {"base": partial(_always, BASE), "oracle": partial(_always, served)}
    return found | ({"routed": partial(_routed, router)} if router else {})


def _always(adapter: str, prompts: Sequence[Prompt]) -> list[str]:
    return [adapter] * len(prompts)


def _routed(router: RouterReport, prompts: Sequence[Prompt]) -> list[str]:
    return [route.adapter for route in router.routes([prompt.encoded for prompt in prompts])]


def _same(answers: Sequence[Outcome], plain: Sequence[Outcome]) -> list[Outcome]:
    """Outcomes that are right where the answer is what it was; one that cannot be read stays unread, and wrong."""
    return [
        replace(
            new,
            prediction=None if new.prediction is None else new.prediction == old.prediction,
            reference=True,
        )
        for new, old in zip(answers, plain, strict=True)
    ]
