"""How well the router routes: prompts as trained, with instructions reworded in ways it never saw, and the raw text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mixologist.evaluation.answers import BASE
from mixologist.evaluation.confidence import calibration, risk_coverage
from mixologist.evaluation.intervals import mean_value
from mixologist.evaluation.metrics import make
from mixologist.evaluation.out_of_scope import separation
from mixologist.evaluation.resampling import cluster_of
from mixologist.evaluation.rival_routers import Rival, RivalRouters, Tfidf, outcomes
from mixologist.memory import give_back
from mixologist.model.adapters import Bank
from mixologist.model.base import Base
from mixologist.model.router import Route, Router
from mixologist.model.trunk import prompt_features
from mixologist.recipe.schema import Recipe
from mixologist.records import Example
from mixologist.tasks.encoding import Encoded, Encoder
from mixologist.tasks.task import Task
from mixologist.tasks.wordings import KINDS, prompts_worded


class RouterReport:
    """Routes all test prompts and counts."""

    def __init__(
        self, base: Base, bank: Bank | None, router: Router, encoder: Encoder, recipe: Recipe
    ) -> None:
        self.base, self.bank, self.router, self.encoder, self.recipe = base, bank, router, encoder, recipe
        self.rivals: dict[str, Rival] = {"tfidf": Tfidf()}
        """What others would route with, by name."""

    def routes(
        self, prompts: list[Encoded], advance: Callable[[int], None] = lambda count: None
    ) -> list[Route]:
        """A route for each prompt."""
        features = prompt_features(
            self.base, self.bank, prompts, self.router.settings.depth,
            max_tokens=self.recipe.training.read_at_once, advance=advance,
        )  # fmt: skip
        give_back()
        return self.router.routes(features)

    def report(
        self,
        tasks: Mapping[str, Task],
        general: Mapping[str, Task],
        split: str,
        advance: Callable[[int], None] = lambda count: None,
    ) -> dict[str, Any]:
        """Accuracy over adapters and tasks by kind of prompt; confusion of formatted prompts; general texts; those out
        of scope."""
        served_by, clusters = self.router.settings.served_by, _clusters(tasks, split)
        rivals = self._taught(tasks, general)
        routed = {
            kind: {name: self._routed(task, split, kind, advance, rivals) for name, task in tasks.items()}
            for kind in KINDS
        }
        kinds = {kind: self._kind(routes, clusters) for kind, routes in routed.items()}
        foreign = {
            name: self._routed(task, split, "formatted", advance, rivals, as_kind=BASE)
            for name, task in general.items()
        }
        top = {key: value for key, value in kinds["formatted"].items() if key != "tasks"}
        return top | {
            "kinds": kinds,
            "confusion": {
                name: dict(Counter(route.adapter for route in routes))
                for name, routes in routed["formatted"].items()
            },
            "general": {
                name: {"to_base": _share([route.adapter == BASE for route in routes]), "n": len(routes)}
                for name, routes in foreign.items()
            },
            "rivals": rivals.report(_adapters(routed), clusters) if rivals else {},
            "risk_coverage": {kind: risk_coverage(*_told(routed[kind], served_by)) for kind in KINDS},
            "calibration": {
                kind: calibration(
                    *_told(routed[kind], served_by, of_adapters=True),
                    [(name, one) for name, found in clusters.items() for one in found],
                    self.recipe.evaluation.confidence,
                    self.recipe.seed,
                )
                for kind in KINDS
            },
            "out_of_scope": {
                name: self._outside(task, split, {kind: routed[kind][name] for kind in KINDS}, advance)
                for name, task in tasks.items()
                if task.out_of_scope and task.out_of_scope.splits[split]
            },
        }

    def _taught(self, tasks: Mapping[str, Task], general: Mapping[str, Task]) -> RivalRouters | None:
        """What others would route with; None where there are none, or there is nothing to choose from."""
        served_by, wanted = self.router.settings.served_by, self.recipe.router.out_of_scope
        outside = [task.out_of_scope for task in tasks.values() if task.out_of_scope and wanted]
        to_base = any(len(task.splits["train"]) for task in [*general.values(), *outside])
        if not self.rivals or len({served_by[name] for name in tasks}) + to_base < 2:
            return None
        return RivalRouters(self.rivals, tasks, general, served_by, self.encoder, self.recipe)

    def _routed(
        self,
        task: Task,
        split: str,
        kind: str,
        advance: Callable[[int], None],
        rivals: RivalRouters | None = None,
        *,
        as_kind: str = "",
    ) -> list[Route]:
        """Routes of a split's prompts of a kind; the rivals are asked the same ones, as prompts of ``as_kind``."""
        prompts = prompts_worded(
            task, split, kind, self.encoder, seed=self.recipe.seed, rewordings=task.held_out_rewordings
        )
        if rivals:
            rivals.ask(as_kind or kind, task.name, prompts)
        return self.routes(prompts, advance)

    def _outside(
        self, task: Task, split: str, own: Mapping[str, list[Route]], advance: Callable[[int], None]
    ) -> dict[str, Any]:
        """Base scores of a task's out-of-scope texts against those of its ``own`` prompts, by kind of prompt."""
        assert task.out_of_scope
        outside, recipe = task.out_of_scope, self.recipe
        kinds = {
            kind: separation(
                _with_clusters(outside.splits[split], self._routed(outside, split, kind, advance)),
                _with_clusters(task.splits[split], own[kind]),
                recipe.evaluation, recipe.seed, task.name,
            )
            for kind in KINDS
        }  # fmt: skip
        seen = recipe.router.out_of_scope and len(outside.splits["train"]) > 0
        return kinds["formatted"] | {"seen_in_training": seen, "kinds": kinds}

    def _kind(
        self, routed: Mapping[str, list[Route]], clusters: Mapping[str, Sequence[str]]
    ) -> dict[str, Any]:
        """Shares by task, their means, and limits of the mean accuracy."""
        served_by, options = self.router.settings.served_by, self.recipe.evaluation
        tasks = {name: _counts(name, served_by[name], routes) for name, routes in routed.items()}
        named = {
            name: (make("accuracy"), [outcomes(clusters[name], [r.adapter for r in routes], served_by[name])])
            for name, routes in routed.items()
        }
        _, low, high = mean_value(
            named, samples=options.bootstrap_samples, confidence=options.confidence, seed=self.recipe.seed
        )
        return {"tasks": tasks, "low": low, "high": high} | _total(tasks)


def _adapters(routed: Mapping[str, Mapping[str, list[Route]]]) -> dict[str, dict[str, list[str]]]:
    return {
        kind: {name: [route.adapter for route in routes] for name, routes in found.items()}
        for kind, found in routed.items()
    }


def _clusters(tasks: Mapping[str, Task], split: str) -> dict[str, list[str]]:
    return {name: [cluster_of(example) for example in task.splits[split]] for name, task in tasks.items()}


def _with_clusters(examples: Iterable[Example], routes: list[Route]) -> list[tuple[str, Route]]:
    return [(cluster_of(example), route) for example, route in zip(examples, routes, strict=True)]


def _told(
    routed: Mapping[str, list[Route]], served_by: Mapping[str, str], *, of_adapters: bool = False
) -> tuple[list[float], list[bool]]:
    """Of every prompt how sure the router is of its adapter, and whether that is right, whatever it abstains from.

    ``of_adapters``: among the adapters alone, as its probabilities have it; else times 1 - base score.
    """
    sure, right = [], []
    for name, routes in routed.items():
        for route in routes:
            adapter = max(route.probabilities, key=route.probabilities.__getitem__)
            sure.append(route.probabilities[adapter] * (1 if of_adapters else 1 - route.base_score))
            right.append(adapter == served_by[name])
    return sure, right


def _counts(task: str, adapter: str, routes: list[Route]) -> dict[str, Any]:
    return {
        "accuracy": _share([route.adapter == adapter for route in routes]),
        "task_accuracy": _share([max(r.tasks, key=r.tasks.__getitem__) == task for r in routes]),
        "abstained": _share([route.abstained for route in routes]),
        "n": len(routes),
    }


def _total(tasks: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Mean over tasks: each counts alike, however many rows it has."""
    keys = ("accuracy", "task_accuracy", "abstained")
    return {key: sum(t[key] for t in tasks.values()) / len(tasks) for key in keys} | {
        "n": sum(task["n"] for task in tasks.values())
    }


def _share(hits: list[bool]) -> float:
    return sum(hits) / len(hits) if hits else 0.0
