"""What a training writes, and where it goes on after a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mixologist.mixing.sampler import Update
from mixologist.training.logs import Logs
from mixologist.training.updates import Measured


def measured(number: int, loss: float) -> Measured:
    update = Update("shared", number, (("a", number),))
    return Measured(update, {"a": loss}, tokens=3, computed=9, rate=0.1, norm=1.0)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_means_under_way_go_on_after_a_checkpoint_and_later_lines_are_forgotten(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    logs = Logs(tmp_path, lambda: {"step": 7, "epoch": 0.5}, told.append)
    logs.update(measured(0, 1.0))
    state = json.loads(json.dumps(logs.state()))
    logs.update(measured(1, 50.0))
    logs.schedule({"a": 1.0})
    logs.close()
    again = Logs(tmp_path, lambda: {"step": 7, "epoch": 0.5}, told.append)
    again.restore(state)
    again.update(measured(1, 3.0))
    again.schedule({"a": 1.0})
    again.validation({(None, "a"): float("nan")})
    again.close()
    schedule, train, validation = lines(tmp_path / "metrics.jsonl")
    assert schedule == {"step": 7, "epoch": 0.5, "split": "train", "schedule": {"a": 1.0}}
    assert train["loss"] == 2.0
    assert (validation["adapter"], validation["loss"]) == ("base", None)
    assert [line["update"] for line in lines(tmp_path / "trace.jsonl")] == [0, 1]
    assert told[-3:] == [schedule, train, validation]
