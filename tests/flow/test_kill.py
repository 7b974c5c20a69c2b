"""kill -9 in the middle: --resume ends in the same bytes as a run that was never disturbed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import mixologist


@pytest.fixture
def recipe(tiny_run: Path, tmp_path: Path) -> Path:
    """A recipe of some hundred steps, so that there is time to kill it."""
    made = yaml.safe_load((tiny_run / "recipe.yaml").read_text())
    made["training"] |= {"num_train_epochs": 40, "batch_size": 4, "checkpoint_every": 10}
    made["output_dir"] = str(tmp_path / "run")
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(made))
    return path


def train(recipe: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mixologist.cli.main", "train", str(recipe), *more]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {"PYTHONWARNINGS": ""}
    )


def wait_for_checkpoint(folder: Path, least: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        steps = [int(path.name[5:]) for path in folder.glob("checkpoints/step-*")]
        if steps and max(steps) >= least:
            return
        time.sleep(0.01)
    raise AssertionError("no checkpoint appeared")


@pytest.mark.parametrize(
    ("how", "trunk"),
    [(signal.SIGKILL, 0), (signal.SIGINT, 0), (signal.SIGKILL, 1)],
    ids=["kill -9", "Ctrl-C", "kill -9 with a trunk"],
)
def test_a_disturbed_run_ends_in_the_same_bytes(
    recipe: Path, tmp_path: Path, how: signal.Signals, trunk: int
) -> None:
    if trunk:
        made = yaml.safe_load(recipe.read_text())
        made["adapters"]["trunk"] = trunk
        recipe.write_text(yaml.safe_dump(made))
    process = train(recipe)
    wait_for_checkpoint(tmp_path / "run", 20)
    process.send_signal(how)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == (130 if how == signal.SIGINT else -9)
    assert (b"--resume" in errors) == (how == signal.SIGINT)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "training"
    mixologist.train(recipe, resume=True)
    disturbed = contents(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    mixologist.train(recipe)
    assert contents(tmp_path / "run") == disturbed


def contents(run: Path) -> dict[str, bytes]:
    """All that training and evaluation made, but for what names time."""
    files = [
        path for path in run.rglob("*") if path.is_file() and path.name not in ("run.json", "report.html")
    ]
    return {str(path.relative_to(run)): path.read_bytes() for path in files}
