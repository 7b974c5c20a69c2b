"""Values of planted slices: a metric on the rows of a slice is the metric of these rows alone."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import pytest

from mixologist.evaluation.intervals import bootstrap
from mixologist.evaluation.slices import sliced
from mixologist.evaluation.verdicts import ENOUGH
from mixologist.files import write_json_lines
from mixologist.recipe.schema import Recipe
from mixologist.records import Outcome
from mixologist.tasks.task import Task, load_tasks

SCORE = partial(bootstrap, samples=100, confidence=0.95, seed=0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def tickets(folder: Path, slices: list[dict[str, Any]], rows: int = 60) -> Task:
    """Texts of 1 to 6 letters; label a for the first half; branch by turns."""
    for mark, split in zip("rvt", ("train", "validation", "test"), strict=True):
        write_json_lines(folder / f"{split}.jsonl", [
            {"text": f"{mark}{number}".ljust(4 + number % 6, "x"), "label": "ab"[number >= rows // 2],
             "branch": ("north", "south", "west")[number % 3]}
            for number in range(rows)
        ])  # fmt: skip
    spec = {"name": "t", "path": str(folder), "slices": slices}
    return load_tasks(Recipe.model_validate({"tasks": [spec]})).tasks["t"]


def answers(task: Task, right: Sequence[bool]) -> list[Outcome]:
    other = {"a": "b", "b": "a"}
    return [
        Outcome(e.id, e.reference if ok else other[e.reference], e.reference, "")
        for e, ok in zip(task.splits["test"], right, strict=True)
    ]


def by_name(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {part["slice"]: part for part in found}


def test_planted_values_come_out(tmp_path: Path) -> None:
    task = tickets(tmp_path, [{"by": "branch"}, {"by": "length", "edges": [6, 8]}])
    wrong_in_the_south = [number % 3 != 1 for number in range(60)]
    given = {"oracle": [answers(task, wrong_in_the_south)], "base": [answers(task, [False] * 60)]}
    found = sliced(task, "test", given, SCORE)
    assert [(part["by"], part["slice"], part["n"], part["enough"]) for part in found] == [
        ("branch", "north", 20, False),
        ("branch", "south", 20, False),
        ("branch", "west", 20, False),
        ("length", "below 6", 20, False),
        ("length", "6 to below 8", 20, False),
        ("length", "8 and more", 20, False),
    ]
    parts = by_name(found)
    assert {part["metric"] for part in found} == {"macro_f1"}
    assert [parts[b]["systems"]["oracle"]["value"] for b in ("north", "south", "west")] == [1, 0, 1]
    assert all(part["systems"]["base"]["value"] == 0 for part in found)
    north = parts["north"]["systems"]["oracle"]
    assert 0 < north["low"] < north["value"] == north["high"]


def test_the_slice_of_a_label_is_judged_by_the_share_that_is_found(tmp_path: Path) -> None:
    """40 rows of 60 are said to be a: a is found always, b in a third."""
    task = tickets(tmp_path, [{"by": "label"}])
    said = [Outcome(e.id, "ab"[n >= 50], e.reference, "") for n, e in enumerate(task.splits["test"])]
    found = by_name(sliced(task, "test", {"oracle": [said]}, SCORE))
    assert {name: (part["metric"], part["n"], part["enough"]) for name, part in found.items()} == {
        "a": ("accuracy", 30, True),
        "b": ("accuracy", 30, True),
    }
    assert found["a"]["systems"]["oracle"]["value"] == 1
    assert found["b"]["systems"]["oracle"]["value"] == pytest.approx(1 / 3)


def test_few_rows_are_marked(tmp_path: Path) -> None:
    task = tickets(tmp_path, [{"by": "branch"}], rows=3 * ENOUGH)
    found = sliced(task, "test", {"oracle": [answers(task, [True] * 3 * ENOUGH)]}, SCORE)
    assert {part["enough"] for part in found} == {True}


def test_a_slice_is_the_mean_over_training_seeds(tmp_path: Path) -> None:
    task = tickets(tmp_path, [{"by": "branch"}])
    runs = [answers(task, [number % 3 != wrong for number in range(60)]) for wrong in (0, 1)]
    found = by_name(sliced(task, "test", {"routed": runs}, SCORE))
    assert [found[b]["systems"]["routed"]["value"] for b in ("north", "south", "west")] == [0.5, 0.5, 1]
    assert found["north"]["n"] == 20


def test_one_of_several_labels_is_found_though_another_is_missed(tmp_path: Path) -> None:
    for mark, split in zip("rvt", ("train", "validation", "test"), strict=True):
        rows = [{"text": f"{mark}{n}", "labels": ["x", "y"] if n % 2 else ["y"]} for n in range(20)]
        write_json_lines(tmp_path / f"{split}.jsonl", rows)
    spec = {"name": "t", "path": str(tmp_path), "format": "multi_label", "metric": "macro_f1"}
    task = load_tasks(Recipe.model_validate({"tasks": [spec | {"slices": [{"by": "label"}]}]})).tasks["t"]
    said = [Outcome(e.id, ["x"], e.reference, "") for e in task.splits["test"]]
    found = by_name(
        sliced(task, "test", {"oracle": [said], "base": [[replace(o, prediction=None) for o in said]]}, SCORE)
    )
    assert {
        name: (part["metric"], part["n"], part["systems"]["oracle"]["value"]) for name, part in found.items()
    } == {
        "x": ("accuracy", 10, 1.0),
        "y": ("accuracy", 20, 0.0),
    }
    assert [part["systems"]["base"]["value"] for part in found.values()] == [0, 0]
