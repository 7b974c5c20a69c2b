"""What each system weighs: numbers and bytes of what was trained for it, on disk."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import safe_open


def sizes(systems: Mapping[str, Iterable[Path]]) -> dict[str, dict[str, int]]:
    """System -> how many folders of safetensors it needs, and their parameters and bytes; each folder counts once.

    Reads headers only. Raises `OSError` for a file that is not there.
    """
    return {system: _size({*folders}) for system, folders in systems.items()}


def _size(folders: set[Path]) -> dict[str, int]:
    files = [file for folder in folders for file in folder.glob("*.safetensors")]
    return {
        "models": len(folders),
        "parameters": sum(map(_parameters, files)),
        "bytes": sum(file.stat().st_size for file in files),
    }


def _parameters(file: Path) -> int:
    with safe_open(file, framework="np") as tensors:
        return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
