from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mixologist
from mixologist.errors import UserError
from mixologist.training.trackers import identity, losses, open_trackers, scores
from tests.conftest import tiny_recipe, write_data

ROWS = (
    {"step": 3, "split": "validation", "adapter": "fpb", "task": "fpb", "loss": 0.5},
    {"step": 3, "split": "train", "adapter": "shared", "task": "fpb", "loss": 0.7},
    {"step": 3, "split": "train", "schedule": {"fpb": 0.25}},
    {"step": 4, "split": "validation", "adapter": "fpb", "task": "fpb", "loss": None},
)
NAMES = {"eval/fpb/loss/fpb", "train/fpb/loss/shared", "schedule/fpb", "eval/fpb/macro_f1/routed"}
EVALUATION = {"tasks": {"fpb": {"metric": "macro_f1", "systems": {"routed": {"value": 0.75}}}}}


def _fill(tracker: str, folder: Path) -> None:
    """A run that is broken off and goes on."""
    with open_trackers([tracker], folder) as track:
        for row in ROWS:
            track(losses(row), int(str(row["step"])))
    with open_trackers([tracker], folder) as track:
        track(scores(EVALUATION), 5)


def test_tensorboard_gets_losses_by_task_the_schedule_and_the_scores(tmp_path: Path) -> None:
    _fill("tensorboard", tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == NAMES
    assert [(e.step, e.value) for e in events.Scalars("eval/fpb/loss/fpb")] == [(3, 0.5)]
    assert [(e.step, e.value) for e in events.Scalars("eval/fpb/macro_f1/routed")] == [(5, 0.75)]


def test_trackio_gets_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trackio", reason="the extra 'trackio' is not installed")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    for module in [name for name in sys.modules if name.partition(".")[0] == "trackio"]:
        monkeypatch.delitem(sys.modules, module)  # it reads its folder when it is imported
    _fill("trackio", tmp_path / "run")
    assert not capsys.readouterr().out, "standard output is for results"
    from trackio.sqlite_storage import SQLiteStorage

    logs = SQLiteStorage.get_logs("mixologist", identity(tmp_path / "run"))
    points = {name: (log["step"], log[name]) for log in logs for name in NAMES & log.keys()}
    assert points.keys() == NAMES
    assert points["eval/fpb/macro_f1/routed"] == (5, 0.75)


def test_wandb_gets_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="the extra 'wandb' is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    _fill("wandb", tmp_path / "run")
    parts = sorted((tmp_path / "run" / "wandb").glob("offline-run-*"))
    assert [part.name.endswith(identity(tmp_path / "run")) for part in parts] == [True, True]
    logged = b"".join(file.read_bytes() for part in parts for file in part.glob("*.wandb"))
    assert all(name.encode() in logged for name in NAMES)


def test_without_trackers_nothing_is_written(tmp_path: Path) -> None:
    with open_trackers([], tmp_path) as track:
        track({"a": 1.0}, 1)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_said_before_anything_is_written(
    tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(tmp_path / "data")
    recipe = tiny_recipe(tiny_base, tmp_path / "data") | {"output_dir": str(tmp_path / "run")}
    recipe["training"] = dict(recipe.get("training", {})) | {"report_to": ["wandb"]}
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r"mixologist\[wandb\]"):
        mixologist.train(recipe)
    assert not (tmp_path / "run").exists()


def test_a_run_reports_its_losses_and_scores(tmp_path: Path, tiny_base: Path) -> None:
    write_data(tmp_path / "data")
    recipe = tiny_recipe(tiny_base, tmp_path / "data") | {"output_dir": str(tmp_path / "run")}
    recipe["training"] = dict(recipe.get("training", {})) | {"report_to": ["tensorboard"]}
    mixologist.train(recipe)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    result = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    for name, value in scores(result).items():
        assert events.Scalars(name)[-1].value == pytest.approx(value)
    assert any(name.startswith("eval/queue/loss/") for name in events.Tags()["scalars"])
