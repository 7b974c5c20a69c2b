"""A run that is stopped, fails or goes on leaves a report which says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import mixologist
from mixologist.errors import Interrupted, UserError
from mixologist.hooks import Hooks
from mixologist.report.reading import read_run
from mixologist.runfolder import RunFolder


@pytest.fixture
def recipe(tiny_run: Path, tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((tiny_run / "recipe.yaml").read_text())
    return found | {"output_dir": str(tmp_path / "run")}


def events(run: Path) -> list[str]:
    return [f"{event['event']} {event['stage']}" for event in read_run(run).history]


def test_interrupted_resumed_and_complete(recipe: dict[str, Any], tmp_path: Path) -> None:
    run, steps = tmp_path / "run", [0]

    def progress(step: int, of: int, news: dict[str, Any]) -> None:
        steps[0] = step
        assert news["best"].keys() >= {"queue", "sentiment", "shared"}

    with pytest.raises(Interrupted):
        mixologist.train(recipe, hooks=Hooks(progress=progress, should_stop=lambda: steps[0] >= 2))
    assert events(run) == ["began preparing", "interrupted training"]
    assert "Interrupted by its user while training, after step" in (run / "report.html").read_text()
    mixologist.train(recipe, resume=True)
    assert events(run)[2:] == ["resumed training", "complete evaluating"]
    assert "Complete. It was resumed once." in (run / "report.html").read_text()


def test_a_run_does_not_go_on_with_another_base(recipe: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        mixologist.train(recipe, hooks=Hooks(should_stop=lambda: True))
    file = tmp_path / "run" / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_digest": "0" * 64}))
    with pytest.raises(UserError, match="the base has changed"):
        mixologist.train(recipe, resume=True)


def test_failed(recipe: dict[str, Any], tmp_path: Path) -> None:
    def fail(step: int, of: int, news: dict[str, Any]) -> None:
        raise OSError("the <disk> is full")

    with pytest.raises(OSError, match="is full"):
        mixologist.train(recipe, hooks=Hooks(progress=fail))
    assert events(tmp_path / "run")[-1] == "failed training"
    text = (tmp_path / "run" / "report.html").read_text()
    assert "Failed while training" in text
    assert "the &lt;disk&gt; is full" in text


def test_a_finished_run_shows_examples_of_its_rows(tiny_run: Path) -> None:
    found = json.loads((tiny_run / "evaluation.json").read_text())
    shown = [example for task in found["tasks"].values() for example in task["examples"]]
    assert shown
    assert {"kind", "id", "text", "expected", "answers"} == set(shown[0])
    assert all(example["answers"].keys() >= {"base", "single_task", "shared", "routed"} for example in shown)
    text = (tiny_run / "report.html").read_text()
    assert "Instructive examples" in text
    assert "of its own for" in text


def test_nobody_else_trains_in_the_folder(recipe: dict[str, Any], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.alone(), pytest.raises(UserError, match="another process trains"):
        mixologist.train(recipe)
    assert not folder.path.exists(), "where nothing was begun nothing is left"


def test_what_a_kill_before_the_first_record_left_is_nothing(recipe: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".run.json.partial").write_text("{")
    assert mixologist.train(recipe, resume=True)["status"] == "complete"
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]
