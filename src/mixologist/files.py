"""Files appear whole or not at all: written beside their place, synced, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mixologist.errors import UserError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    try:
        write(beside)
        _sync(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    _sync(path.parent)


def check_empty(path: Path, what: str, do: str) -> None:
    """Raise `UserError` where ``path`` is a file, or a folder with more in it than a kill of ours leaves behind."""
    if path.exists() and not (path.is_dir() and all(_left(each.name) for each in path.iterdir())):
        raise UserError(
            f"{what} is {'not empty' if path.is_dir() else 'a file'}",
            given=path,
            expected="a new or empty folder",
            do=do,
        )


def _left(name: str) -> bool:
    return name == ".lock" or (name.startswith(".") and name.endswith(".partial"))


def check_writable(path: Path, what: str, do: str) -> None:
    """Raise `UserError` where no file can be put at ``path``: before the work whose result it shall hold."""
    parents = path.absolute().parents
    nearest = next(parent for parent in parents if parent.exists())
    wrong = (
        "is a folder" if path.is_dir()
        else f"{nearest} is a file" if not nearest.is_dir()
        else "" if os.access(nearest, os.W_OK | os.X_OK)
        else f"{nearest} is not writable"
    )  # fmt: skip
    if wrong:
        raise UserError(
            f"{what} cannot be written", given=f"{path}: {wrong}", expected="a place for a file", do=do
        )


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole."""
    write_whole(path, lambda beside: _write_bytes(beside, text.encode()))


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole, indented, with a final newline. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_json_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write one JSON object a line, whole."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


def read_json(path: Path) -> Any:
    """Read JSON that we wrote; a damaged file is the user's to know about, with its place."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(
            f"{path} is damaged",
            given=str(error),
            expected="JSON as mixologist wrote it",
            do="restore the file from a copy, or train the run again",
        ) from error


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` make a folder beside ``path``, then swap it in. An older folder of that name is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside, old = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.old")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        fill(beside)
        for file in beside.rglob("*"):
            _sync(file)
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            os.replace(path, old)
        os.replace(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    _sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover(path: Path) -> None:
    """Put back a folder whose replacement was cut off by a kill between two renames."""
    old = path.with_name(f".{path.name}.old")
    if old.exists() and not path.exists():
        os.replace(old, path)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
