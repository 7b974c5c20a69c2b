"""Metrics to the trackers that people already look at, chosen by ``training.report_to``.

Every tracker gets the same numbers under the same names: ``eval/<task>/loss/<adapter>`` (validation),
``train/<task>/loss/<adapter>`` and ``schedule/<task>``, by step, and when the run is evaluated
``eval/<task>/<metric>/<system>``. W&B takes its address, mode (``WANDB_MODE=offline``) and key from its own environment
variables, trackio its folder (``TRACKIO_DIR``); we set none of them.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from mixologist.errors import UserError

Track = Callable[[Mapping[str, float], int], None]
"""Takes values by name, and the step."""


def losses(row: Mapping[str, Any]) -> dict[str, float]:
    """A row of metrics.jsonl as values by name."""
    values = {f"schedule/{task}": share for task, share in row.get("schedule", {}).items()}
    if row.get("loss") is not None:
        group = "eval" if row["split"] == "validation" else "train"
        values[f"{group}/{row['task']}/loss/{row['adapter']}"] = row["loss"]
    return values


def scores(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """The content of evaluation.json as values by name."""
    return {
        f"eval/{task}/{row['metric']}/{system}": figures["value"]
        for task, row in evaluation["tasks"].items()
        for system, figures in row["systems"].items()
    }


def check_installed(names: Sequence[str]) -> None:
    """Raises `UserError` where a tracker's package is missing."""
    for name in names:
        _package(name)


@contextmanager
def open_trackers(names: Sequence[str], folder: Path) -> Iterator[Track]:
    """A function that gives values to every tracker named, while the context lasts.

    A run that is resumed goes on in the trackers too: they know it by its folder.
    """
    with ExitStack() as stack:
        tracks = [stack.enter_context(TRACKERS[name](folder)) for name in names]

        def track(values: Mapping[str, float], step: int) -> None:
            for one in tracks if values else []:
                one(values, step)

        yield track


@contextmanager
def _tensorboard(folder: Path) -> Iterator[Track]:
    writer = _package("tensorboard").SummaryWriter(str(folder / "tensorboard"))

    def track(values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    try:
        yield track
    finally:
        writer.close()


@contextmanager
def _trackio(folder: Path) -> Iterator[Track]:
    trackio = _package("trackio")
    with redirect_stdout(sys.stderr):  # it greets on standard output, where results go
        trackio.init(project=PROJECT, name=identity(folder), resume="allow", embed=False)
    try:
        yield lambda values, step: trackio.log(dict(values), step=step)
    finally:
        with redirect_stdout(sys.stderr):
            trackio.finish()


@contextmanager
def _wandb(folder: Path) -> Iterator[Track]:
    folder.mkdir(parents=True, exist_ok=True)
    run = _package("wandb").init(
        project=PROJECT, id=identity(folder), name=folder.name, dir=str(folder), resume="allow"
    )
    try:
        yield lambda values, step: run.log(dict(values), step=step)
    finally:
        run.finish()


PROJECT = "mixologist"
TRACKERS = {"tensorboard": _tensorboard, "trackio": _trackio, "wandb": _wandb}
PACKAGES = {"tensorboard": "torch.utils.tensorboard", "trackio": "trackio", "wandb": "wandb"}


def identity(folder: Path) -> str:
    """By what a tracker knows a run: its folder's name, and a digest of the path that keeps namesakes apart."""
    return f"{folder.name}-{hashlib.sha256(bytes(folder.absolute())).hexdigest()[:8]}"


def _package(name: str) -> Any:
    try:
        return import_module(PACKAGES[name])
    except ImportError as error:
        raise UserError(
            f"report_to: {name} needs a package that is not installed",
            given=str(error),
            expected=f"the extra '{name}'",
            do=f"pip install 'mixologist[{name}]'",
        ) from error
