"""How well the router routes: prompts as trained, with instructions reworded in ways it never saw, and the raw text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from mixologist.evaluation.answers import BASE
from mixologist.model.adapters import Bank
from mixologist.model.base import Base
from mixologist.model.router import Route, Router
from mixologist.model.trunk import prompt_features
from mixologist.tasks.encoding import Encoded, Encoder
from mixologist.tasks.task import Task
from mixologist.tasks.wordings import KINDS, prompts_worded


class RouterReport:
    """Routes all test prompts and counts."""

    def __init__(self, base: Base, bank: Bank | None, router: Router, encoder: Encoder, seed: int) -> None:
        self.base, self.bank, self.router, self.encoder, self.seed = base, bank, router, encoder, seed

    def routes(
        self, prompts: list[Encoded], advance: Callable[[int], None] = lambda count: None
    ) -> list[Route]:
        """A route for each prompt."""
        return self.router.routes(
            prompt_features(self.base, self.bank, prompts, self.router.settings.depth, advance=advance)
        )

    def _worded(self, task: Task, split: str, kind: str, rewordings: tuple[str, ...]) -> list[Encoded]:
        return prompts_worded(task, split, kind, self.encoder, seed=self.seed, rewordings=rewordings)

    def report(
        self,
        tasks: Mapping[str, Task],
        general: Mapping[str, Task],
        split: str,
        advance: Callable[[int], None] = lambda count: None,
    ) -> dict[str, Any]:
        """Accuracy over adapters and over tasks by kind of prompt; confusion of formatted prompts; general texts."""
        served_by = self.router.settings.served_by
        kinds: dict[str, Any] = {}
        confusion: dict[str, dict[str, int]] = {}
        for kind in KINDS:
            rows = {
                name: self.routes(self._worded(task, split, kind, task.held_out_rewordings), advance)
                for name, task in tasks.items()
            }
            kinds[kind] = {
                "tasks": {name: _counts(name, served_by[name], routes) for name, routes in rows.items()}
            }
            kinds[kind] |= _total(kinds[kind]["tasks"])
            if kind == "formatted":
                confusion = {
                    name: dict(Counter(route.adapter for route in routes)) for name, routes in rows.items()
                }
        foreign = {
            name: self.routes(self._worded(task, split, "formatted", ()), advance)
            for name, task in general.items()
        }
        to_base = {
            n: {"to_base": _share([r.adapter == BASE for r in rs]), "n": len(rs)} for n, rs in foreign.items()
        }
        top = {key: kinds["formatted"][key] for key in ("accuracy", "task_accuracy", "abstained", "n")}
        return top | {"kinds": kinds, "confusion": confusion, "general": to_base}


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
