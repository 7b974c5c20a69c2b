from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mixologist.training.trackers import open_trackers


def test_tensorboard_gets_losses_by_task_and_the_schedule(tmp_path: Path) -> None:
    with open_trackers(["tensorboard"], tmp_path) as track:
        track({"step": 3, "split": "validation", "adapter": "fpb", "task": "fpb", "loss": 0.5})
        track({"step": 3, "split": "train", "adapter": "shared", "task": "fpb", "loss": 0.7})
        track({"step": 3, "split": "train", "schedule": {"fpb": 0.25}})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"eval/fpb/loss/fpb", "train/fpb/loss/shared", "schedule/fpb"}
    assert [(e.step, e.value) for e in events.Scalars("eval/fpb/loss/fpb")] == [(3, 0.5)]


def test_without_trackers_nothing_is_written(tmp_path: Path) -> None:
    with open_trackers([], tmp_path) as track:
        track({"step": 1, "split": "train", "schedule": {"a": 1.0}})
    assert not list(tmp_path.iterdir())
