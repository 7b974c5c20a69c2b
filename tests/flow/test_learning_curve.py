"""`evaluate --learning-curve`: parts of a task's rows, trained side by side, stopped and gone on, in every table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mixologist
from mixologist.cli.main import app
from mixologist.demo.build import rows
from mixologist.errors import Interrupted, UserError
from mixologist.evaluation.intervals import bootstrap
from mixologist.evaluation.learning_curve import measured
from mixologist.evaluation.metrics import make
from mixologist.files import write_json_lines
from mixologist.hooks import Hooks
from mixologist.records import Outcome
from mixologist.scaling import part_sizes
from tests.conftest import tiny_recipe, write_data


@pytest.fixture
def run(tiny_base: Path, tmp_path: Path) -> Path:
    """A finished run whose task ``queue`` has rows for three parts, and ``sentiment`` too few."""
    write_data(tmp_path / "data")
    write_json_lines(tmp_path / "data" / "queue" / "train.jsonl", rows("queue", "train", 64, seed=0))
    general = {"path": str(tmp_path / "data" / "sentiment"), "format": "classification", "name": "talk"}
    recipe = tiny_recipe(tiny_base, tmp_path / "data")
    recipe["evaluation"] |= {"baselines": ["single_task_total_steps"], "total_steps_tasks": ["sentiment"]}
    mixologist.train(recipe | {"output_dir": str(tmp_path / "run"), "general": general | {"share": 0.25}})
    return tmp_path / "run"


def trace(run: Path) -> list[dict[str, Any]]:
    lines = (run / "learning_curve" / "queue" / "trace.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if "examples" in row]


def test_parts_are_trained_side_by_side_and_stand_in_all_tables(run: Path, tmp_path: Path) -> None:
    steps = [0]

    def progress(step: int, of: int, news: dict[str, Any]) -> None:
        steps[0] = step

    with pytest.raises(Interrupted, match="--learning-curve queue"):
        mixologist.learning_curve(
            run, "queue", 2, Hooks(progress=progress, should_stop=lambda: steps[0] >= 2)
        )
    page = tmp_path / "page.md"
    asked = ["evaluate", str(run), "--learning-curve", "queue", "--curve-seeds", "2", "--markdown", str(page)]
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["learning_curves"]["queue"]
    assert found == json.loads((run / "learning_curve" / "queue" / "curve.json").read_text())
    assert [part["rows"] for part in found["parts"]] == [16, 32, 64]
    assert (found["n"], found["seeds"], found["scope"]) == (8, 2, "these_weights")
    assert not (run / "learning_curve" / "queue" / "checkpoints").exists()
    assert "How much data" in (run / "report.html").read_text()
    assert "## How much data" in page.read_text()

    seen: dict[str, set[int]] = {}
    updates: dict[str, int] = {}
    for row in trace(run):
        own = {number for task, number in row["examples"] if task == "queue"}
        seen.setdefault(row["adapter"], set()).update(own)
        updates[row["adapter"]] = updates.get(row["adapter"], 0) + 1
        assert {task for task, _ in row["examples"]} == {"queue", "general"}
    assert len(set(updates.values())) == 1, "every part has as many updates"
    for number in (0, 1):
        few, half, most = (seen[f"queue~{size}-rows-{number}"] for size in (16, 32, 64))
        assert len(few) == 16
        assert few < half
        assert len(half) < len(most)
    assert seen["queue~16-rows-0"] != seen["queue~16-rows-1"]

    before = (run / "learning_curve" / "queue" / "trace.jsonl").stat().st_mtime_ns
    assert mixologist.learning_curve(run, "queue", 2) == found
    assert (run / "learning_curve" / "queue" / "trace.jsonl").stat().st_mtime_ns == before


def test_what_cannot_be(run: Path) -> None:
    with pytest.raises(UserError, match="no such task") as unknown:
        mixologist.learning_curve(run, "queues")
    assert "queue" in unknown.value.do
    with pytest.raises(UserError, match="too few train rows") as few:
        mixologist.learning_curve(run, "sentiment")
    assert few.value.given == "24 rows"
    assert not (run / "learning_curve").exists()


def test_its_figures_are_those_of_other_tables(tiny_run: Path) -> None:
    """Points as `bootstrap` has them; the law rises as they do."""
    from mixologist.adding import run_recipe
    from mixologist.runfolder import RunFolder
    from mixologist.tasks.task import load_tasks

    recipe = run_recipe(RunFolder(tiny_run))
    task = load_tasks(recipe, allow_leakage=True).tasks["queue"]
    label, other = task.format.labels[:2]
    runs = {
        size: [
            [Outcome(f"test/{i}", label if i % 10 < right + seed else other, label, "") for i in range(50)]
            for seed in range(3)
        ]
        for size, right in ((16, 3), (32, 5), (64, 6))
    }
    options = recipe.evaluation.model_copy(update={"bootstrap_samples": 400})
    found = measured(task, runs, options, seed=0)
    assert found["scope"] == "recipe"
    for part in found["parts"]:
        alone = bootstrap(
            make(task.metric, labels=task.format.labels), runs[part["rows"]], samples=400,
            confidence=options.confidence, seed=0, names=("queue",),
        )  # fmt: skip
        assert (part["value"], part["low"], part["high"]) == (alone.value, alone.low, alone.high)
    assert [point["rows"] for point in found["curve"]] == [16, 32, 64, 128, 256]
    values = [point["value"] for point in found["curve"]]
    assert values == sorted(values)
    assert all(point["low"] < point["value"] < point["high"] for point in found["curve"])
    assert found["last_doubling"]["value"] == found["parts"][2]["value"] - found["parts"][1]["value"]
    assert found["next_doubling"]["value"] == pytest.approx(values[3] - values[2])


@pytest.mark.parametrize(
    ("right", "change"), [((9, 6, 4), "falls"), ((10, 10, 10), "all right"), ((0, 0, 0), "none")]
)
def test_no_interval_is_without_width_and_a_fall_is_called_one(
    tiny_run: Path, right: tuple[int, ...], change: str
) -> None:
    from mixologist.adding import run_recipe
    from mixologist.runfolder import RunFolder
    from mixologist.tasks.task import load_tasks

    recipe = run_recipe(RunFolder(tiny_run))
    task = load_tasks(recipe, allow_leakage=True).tasks["queue"]
    label, other = task.format.labels[:2]
    runs = {
        size: [[Outcome(f"test/{i}", label if i % 10 < hits else other, label, "") for i in range(50)]] * 3
        for size, hits in zip((16, 32, 64), right, strict=True)
    }
    found = measured(task, runs, recipe.evaluation.model_copy(update={"bootstrap_samples": 200}), seed=0)
    for point in (*found["curve"], found["next_doubling"]):
        assert point["low"] < point["high"]
        assert -1 <= point["low"] <= point["value"] <= point["high"] <= 1
    assert (found["next_doubling"]["value"] < 0) == (change == "falls")


def test_sizes() -> None:
    assert part_sizes(64) == [16, 32, 64]
    assert part_sizes(15) == []
    assert part_sizes(100_000)[0] == 6250
