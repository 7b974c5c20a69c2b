"""What a report reads of a run folder: its records, metrics.jsonl, recipe.yaml, sizes of files.

A run that failed, was interrupted or is still under way has less of it, and is read all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mixologist.errors import UserError
from mixologist.files import read_json
from mixologist.recipe import reading
from mixologist.report.harness import harness_rows
from mixologist.report.learning_curve import learning_curves
from mixologist.runfolder import RunFolder

BASE = "base"
Points = list[tuple[float, float]]
"""(step, loss in nats a target token)"""


@dataclass(frozen=True)
class Run:
    """One run as its records tell it."""

    path: Path
    record: Mapping[str, Any]
    evaluation: Mapping[str, Any] | None
    recipe: str
    metrics: Sequence[Mapping[str, Any]]
    bytes: Mapping[str, int]
    """Adapter -> bytes of its folder."""
    harness: Sequence[Mapping[str, Any]] = ()
    """Rows of harness.json."""
    learning_curves: Sequence[Mapping[str, Any]] = ()
    """Of the tasks whose curve was measured."""

    @property
    def name(self) -> str:
        """The folder's name; with its parent's where it says nothing."""
        path = self.path.resolve()
        return f"{path.parent.name}/{path.name}" if path.name == "run" else path.name

    @property
    def scores(self) -> Mapping[str, Any]:
        """Task -> its row of evaluation.json; empty where nothing was evaluated."""
        return self.evaluation["tasks"] if self.evaluation else {}

    @property
    def tasks(self) -> list[str]:
        """The tasks that adapters are trained on, in recipe order; general data is not among them."""
        fed = {task for adapter in self.record["adapters"].values() for task in adapter["tasks"]}
        return [*(task for task in self.record.get("tasks", {}) if task in fed), *self._added]

    @property
    def history(self) -> list[Mapping[str, Any]]:
        """What happened to the run, oldest first; empty in records of older versions."""
        return list(self.record.get("history", []))

    @property
    def keys(self) -> Mapping[str, Any]:
        """The recipe's, as written. Raises `UserError` where the file is damaged."""
        found = reading.parse(self.recipe, str(RunFolder(self.path).recipe)) or {}
        if not isinstance(found, dict):
            raise _damaged(RunFolder(self.path).recipe, f"a {type(found).__name__}")
        return found

    @property
    def level(self) -> str:
        """How sure the intervals are, as the recipe says."""
        options = self.keys.get("evaluation") or {}
        return f"{100 * options.get('confidence', 0.95):g}%"

    @property
    def _added(self) -> list[str]:
        known = self.record.get("tasks", {})
        return [task for task in self.record["served_by"] if task not in known]

    def system(self, adapter: str, task: str) -> str:
        """What an adapter is to a task: ``base``, ``single_task``, ``shared`` or ``groups``."""
        if adapter == BASE:
            return BASE
        tasks = self.record["adapters"][adapter]["tasks"]
        if tasks == [task]:
            return "single_task"
        every = {name for each in self.record["adapters"].values() for name in each["tasks"]}
        return "shared" if adapter == "shared" or set(tasks) == every else "groups"

    @cached_property
    def validation(self) -> dict[str, dict[str, Points]]:
        """Task -> adapter -> its validation losses; the base's one point, at step 0, begins each of them."""
        found: dict[str, dict[str, Points]] = {}
        for row in self.metrics:
            if row["split"] == "validation" and row["loss"] is not None:
                found.setdefault(row["task"], {}).setdefault(row["adapter"], []).append(
                    (row["step"], row["loss"])
                )
        return found

    @cached_property
    def shares(self) -> list[tuple[int, float, Mapping[str, float]]]:
        """(step, epoch, task -> probability of being drawn), about a hundred of them."""
        return [(row["step"], row["epoch"], row["schedule"]) for row in self.metrics if "schedule" in row]

    @cached_property
    def agreement(self) -> dict[str, list[tuple[float, Mapping[str, Mapping[str, float]]]]]:
        """Adapter -> (epoch, task -> task -> cosine of their gradients) at each look."""
        found: dict[str, list[tuple[float, Mapping[str, Mapping[str, float]]]]] = {}
        for row in self.metrics:
            if "agreement" in row:
                found.setdefault(row["adapter"], []).append((row["epoch"], row["agreement"]))
        return found

    @property
    def last(self) -> Mapping[str, Any] | None:
        """The last line that training wrote."""
        return self.metrics[-1] if self.metrics else None


def read_run(path: Path) -> Run:
    """Read a run folder. Raises `UserError` where it is none."""
    folder = RunFolder(path)
    record = folder.record()
    return Run(
        path=path,
        record=record,
        evaluation=_evaluation(folder.evaluation) if folder.evaluation.exists() else None,
        recipe=folder.recipe.read_text(encoding="utf-8") if folder.recipe.exists() else "",
        metrics=list(_metrics(path, record)),
        bytes={name: _size(place) for name in record["adapters"] if (place := folder.adapter(name)).exists()},
        harness=harness_rows(folder, record),
        learning_curves=learning_curves(folder, record),
    )


def _evaluation(file: Path) -> Mapping[str, Any]:
    found = read_json(file)
    if not isinstance(found, dict) or not isinstance(found.get("tasks"), dict):
        raise _damaged(file, "no tasks")
    return found


def _damaged(file: Path, given: str) -> UserError:
    return UserError(
        f"{file} is damaged",
        given=given,
        expected="the file as mixologist wrote it",
        do="restore it from a copy; evaluation.json comes anew with: mixologist evaluate",
    )


def _metrics(path: Path, record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The run's lines, and those of the tasks added later, whose schedule is no matter."""
    added = [name for name in record["adapters"] if (path / "added" / name).is_dir()]
    for name in added:
        for row in _lines(path / "added" / name / "metrics.jsonl"):
            if "schedule" not in row:
                yield row
    yield from _lines(path / "metrics.jsonl")


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """Whole lines: the last may still be under way."""
    if path.exists():
        *whole, _ = path.read_text(encoding="utf-8").split("\n")
        try:
            yield from map(json.loads, whole)
        except ValueError as error:
            raise _damaged(path, str(error)) from error


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
