"""Metrics to the trackers that people already look at, chosen by ``training.report_to``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mixologist.errors import UserError

Track = Callable[[dict[str, Any]], None]


@contextmanager
def open_trackers(names: Sequence[str], folder: Path) -> Iterator[Track]:
    """A function that takes the rows of metrics.jsonl. Raises `UserError` where a tracker is not installed."""
    if "tensorboard" not in names:
        yield lambda row: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "report_to: tensorboard needs a package that is not installed",
            given=str(error),
            expected="the extra 'tensorboard'",
            do="pip install 'mixologist[tensorboard]'",
        ) from error
    writer = SummaryWriter(str(folder / "tensorboard"))
    try:
        yield lambda row: _write(writer, row)
    finally:
        writer.close()


def _write(writer: Any, row: dict[str, Any]) -> None:
    """``eval/<task>/loss`` and ``train/<task>/loss`` by adapter, ``schedule/<task>``."""
    if row.get("loss") is not None:
        group = "eval" if row["split"] == "validation" else "train"
        writer.add_scalar(f"{group}/{row['task']}/loss/{row['adapter']}", row["loss"], row["step"])
    for task, share in row.get("schedule", {}).items():
        writer.add_scalar(f"schedule/{task}", share, row["step"])
