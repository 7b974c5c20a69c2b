"""Training on a terminal: sparklines of each task; elsewhere lines that a program can read."""

import math
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

from mixologist.cli.console import Follower
from mixologist.cli.progress import BLOCKS, MARGIN, MOST_POINTS, Curves, sparkline
from tests.cli.conftest import Place


def news(losses: dict[tuple[str, str], float], **more: object) -> dict[str, object]:
    best = {adapter: 120 for adapter, _ in losses}
    return {"tokens": 1000, "losses": losses, "best": best, "stopped": []} | more


def shown(curves: Curves, lines: int = 40) -> str:
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(curves.table(lines))
    return capture.get()


def test_a_sparkline_goes_from_the_largest_loss_to_the_smallest() -> None:
    assert sparkline([4.0, 3.0, 2.0, 0.5]) == "█▆▄▁"
    assert sparkline([1.0]) == BLOCKS[0]
    assert len(sparkline([float(n) for n in range(50)])) == MOST_POINTS


def test_a_task_shows_its_own_and_the_shared_adapter_and_who_stopped() -> None:
    curves = Curves()
    for loss in (2.0, 1.0, 1.0, 1.5):
        curves.take(news({("queue", "queue"): loss, ("shared", "queue"): 2 * loss}, stopped=["queue"]))
    line = next(line for line in shown(curves).splitlines() if "queue" in line)
    assert line.split() == ["queue", "█▁▅", "1.500", "120", "■", "█▁▅", "3.000", "120"]


def test_the_table_fits_80_columns_and_the_screen() -> None:
    curves = Curves()
    for step in range(30):
        losses: dict[tuple[str, str], float] = {}
        for n in range(50):
            name = f"a_rather_long_task_name_{n}"
            losses |= {(name, name): 10 + math.sin(step), ("shared", name): 10 + math.cos(step)}
        curves.take(news(losses, best=dict.fromkeys([adapter for adapter, _ in losses], 123_456)))
    text = shown(curves, 10)
    assert max(map(len, text.splitlines())) <= 80
    assert "and 40 more" in text
    assert text.count("\n") <= 10 + MARGIN
    assert "123,456" in text


def test_a_task_with_many_adapters_has_a_line_for_each() -> None:
    curves = Curves()
    names = [f"queue~{size}-rows-{seed}" for seed in range(3) for size in (75, 150, 300, 600, 1200)]
    for step in range(5):
        curves.take(news({(name, "queue"): 5.0 - step for name in names}))
    text = shown(curves)
    assert max(map(len, text.splitlines())) <= 80
    assert ["1200-rows-2", "█▆▅▃▁", "1.000", "120"] in [line.split() for line in text.splitlines()]
    assert sum("-rows-" in line for line in text.splitlines()) == 15


def test_a_loss_that_is_no_number_is_not_drawn() -> None:
    curves = Curves()
    curves.take(news({("queue", "queue"): math.nan}))
    assert "nan" in shown(curves)


def test_elsewhere_lines_are_keys_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    follower = Follower("again")
    for step in range(1, 11):
        follower.training(step, 10, news({("queue", "queue"): 1.0}))
    advance = follower.stage("routing", 2)
    advance(2)
    first, second = capsys.readouterr().err.splitlines()
    assert dict(part.split("=") for part in first.split()).keys() == {"stage", "done", "of", "left_s"}
    assert second == "stage=routing done=2 of=2 left_s=0"


def test_the_time_before_a_stop_is_not_taken_for_the_time_since(capsys: pytest.CaptureFixture[str]) -> None:
    follower = Follower("again")
    follower.training(500, 1000, news({("queue", "queue"): 1.0}))
    follower.started -= 30
    follower.last_line -= 30
    follower.training(501, 1000, news({("queue", "queue"): 1.0}))
    (line,) = capsys.readouterr().err.splitlines()
    assert 14_900 < float(line.split("left_s=")[1].split()[0]) < 15_500, line


def test_a_real_terminal_shows_the_curves(place: Place) -> None:
    ours, theirs = pty.openpty()
    recipe = place.recipe(evaluation={"every": 0.5, "bootstrap_samples": 100})
    command = [sys.executable, "-m", "mixologist.cli.main", "train", recipe, "--json"]
    environment = os.environ | {
        "TERM": "xterm-256color",
        "COLUMNS": "80",
        "LINES": "40",
        "PYTHONWARNINGS": "",
    }
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        seen = b""
        while chunk := _read(ours):
            seen += chunk
        told, _ = process.communicate()
    os.close(ours)
    assert process.returncode == 0
    assert told.startswith(b'{"run": ')
    text = seen.decode()
    assert "validation loss" in text
    assert any(block in text for block in BLOCKS)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other side has closed
        return b""
