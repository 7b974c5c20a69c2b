"""Checkpoints: everything the next step depends on, in safetensors and JSON, and the logs cut to the same moment."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mixologist.errors import UserError
from mixologist.files import read_json, write_folder, write_json
from mixologist.training.job import Losses


class Log:
    """A file of JSON lines that can be cut back to where a checkpoint was taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def write(self, row: dict[str, Any]) -> None:
        """Append one object."""
        self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")

    def mark(self) -> int:
        """Bytes written so far, all of them on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def cut(self, size: int) -> None:
        """Forget what was written after a mark."""
        self._file.flush()
        self._file.truncate(size)
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


def save_checkpoint(folder: Path, step: int, state: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    """Write ``step-N`` whole, then remove the older ones."""

    def fill(beside: Path) -> None:
        save_file(
            {name: tensor.cpu().contiguous() for name, tensor in tensors.items()},
            beside / "state.safetensors",
        )
        write_json(beside / "state.json", {"step": step} | state)

    path = folder / f"step-{step:08d}"
    write_folder(path, fill)
    for older in folder.glob("step-*"):
        if older != path:
            shutil.rmtree(older)


def load_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
    """The latest checkpoint, or None. Raises `UserError` for a damaged one."""
    found = sorted(folder.glob("step-*"))
    if not found:
        return None
    try:
        return read_json(found[-1] / "state.json"), load_file(found[-1] / "state.safetensors")
    except (SafetensorError, OSError) as error:
        raise UserError(
            "the checkpoint is damaged",
            given=f"{found[-1]}: {error}",
            expected="a whole checkpoint",
            do=f"delete {found[-1]} and resume: training then starts anew",
        ) from error


def as_list(losses: Losses) -> list[list[Any]]:
    """Losses for JSON, which has no number that is not finite: null stands for it."""
    return [
        [adapter, task, loss if math.isfinite(loss) else None] for (adapter, task), loss in losses.items()
    ]


def as_losses(rows: list[list[Any]]) -> Losses:
    """What `as_list` was made of."""
    return {(adapter, task): math.nan if loss is None else loss for adapter, task, loss in rows}
