"""What the router learns from: hidden states of prompts, whose they are, how they are worded.

n = prompts, F = 2 d features
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mixologist.files import write_whole
from mixologist.model.router import FEATURES

BASE = -1
"""Target of a general prompt."""
OUT_OF_SCOPE = -2
"""Target of a prompt that a task marks as out of its scope: the base's too."""


@dataclass(frozen=True)
class Features:
    """What the router learns from: float16 from the first use, so that a later `add` sees the same numbers."""

    x: Tensor  # (n, F) float16
    target: Tensor  # (n,) int64: task number, BASE or OUT_OF_SCOPE
    wording: Tensor  # (n,) int64: number in `tasks.wordings.KINDS`
    validation: Tensor  # (n,) bool

    def save(self, folder: Path) -> None:
        """Write features.safetensors."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        write_whole(folder / FEATURES, lambda path: save_file(tensors, path))

    @staticmethod
    def load(folder: Path) -> Features:
        """Read features.safetensors."""
        return Features(**load_file(folder / FEATURES))

    @staticmethod
    def stored(folder: Path) -> bool:
        """Whether features are kept beside the router (they are not after ``--no-features``)."""
        return (folder / FEATURES).is_file()

    def part(self, rows: Tensor) -> Features:
        """Some rows, by mask (n,) or by number."""
        return Features(*(getattr(self, field.name)[rows] for field in fields(self)))

    @staticmethod
    def joined(parts: Sequence[Features]) -> Features:
        """All of them together."""
        return Features(*(torch.cat([getattr(p, field.name) for p in parts]) for field in fields(Features)))
