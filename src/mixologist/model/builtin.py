"""The built-in base: a model folder inside the package, checked against the digests that lie beside it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from mixologist.errors import UserError
from mixologist.files import digest

SUMS = "SHA256SUMS"
"""A line a file, as ``sha256sum`` writes and checks it."""


@cache
def builtin() -> Path:
    """The folder, every file of it verified once a process (about 0.05 s). Raises `UserError` where one is damaged."""
    folder = Path(str(resources.files("mixologist") / "data" / "builtin"))
    verify(folder)
    return folder


def verify(folder: Path) -> None:
    """Raise `UserError` unless every file listed in ``folder``'s digests is there and is what it was."""
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        expected, name = line.split(maxsplit=1)
        found = digest(folder / name) if (folder / name).is_file() else "no such file"
        if found != expected:
            raise UserError(
                f"the built-in base is damaged: {name}",
                given=f"{folder / name}: {found}",
                expected=f"SHA-256 {expected}",
                do="install mixologist again (or `git checkout` the file)",
            )
