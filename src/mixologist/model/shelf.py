"""A folder of entries with a limit, which several processes fill and evict at once.

KEY.npy     what is kept; KEY.json its seal, written last
KEY.lock    held by whoever fills, opens or evicts the entry
KEY.wanted  bytes that its filler has reserved
.room.lock  held by whoever counts and evicts
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from mixologist.errors import UserError
from mixologist.files import write_text

FOLDER = "MIXOLOGIST_CACHE"
"""Names the folder of caches in the environment."""


@dataclass(frozen=True)
class Shelf:
    """Entries that together take at most ``max_bytes``, reserved ones included."""

    folder: Path
    max_bytes: int

    @contextmanager
    def room(self, key: str, wanted: int, keep: set[str]) -> Iterator[bool]:
        """Inside, ``wanted`` bytes are reserved for an entry whose lock the caller holds; False where none are left.

        They come from what a kill left half done, then from what was used longest ago, ``keep`` and entries that
        somebody holds excepted. Raises `UserError` where the disk is full.
        """
        reserved = self.folder / f"{key}.wanted"
        with FileLock(self.folder / ".room.lock"):
            self._sweep()
            fits = self._evict(key, wanted, keep)
            if fits:
                self._check_disk(wanted)
                write_text(reserved, str(wanted))
        try:
            yield fits
        finally:
            reserved.unlink(missing_ok=True)

    def _sweep(self) -> None:
        unsealed = [file for file in self.folder.glob("*.npy") if not file.with_suffix(".json").exists()]
        for left in (*self.folder.glob(".*.partial"), *self.folder.glob("*.wanted"), *unsealed):
            self._remove(left.name.lstrip(".").split(".")[0], left)

    def _evict(self, key: str, wanted: int, keep: set[str]) -> bool:
        taken = self._taken()
        taken.pop(key, None)
        for seal in sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime):
            full = sum(taken.values()) + wanted > self.max_bytes
            if full and seal.stem not in keep and self._remove(seal.stem, seal, seal.with_suffix(".npy")):
                taken.pop(seal.stem, None)
        return sum(taken.values()) + wanted <= self.max_bytes

    def _taken(self) -> dict[str, int]:
        """Bytes by key, what is reserved first: whoever comes to an end between the two reads is found written."""
        reserved = {file.stem: _number(file) for file in self.folder.glob("*.wanted")}
        written = {file.stem: file.stat().st_size for file in self.folder.glob("*.npy")}
        return {key: max(reserved.get(key, 0), written.get(key, 0)) for key in reserved | written}

    def _check_disk(self, wanted: int) -> None:
        """What others have reserved and not written yet is no longer free."""
        owed = sum(_number(file) for file in self.folder.glob("*.wanted"))
        written = sum(file.stat().st_size for file in self.folder.glob(".*.partial"))
        free = shutil.disk_usage(self.folder).free - max(0, owed - written)
        if free < wanted:
            raise UserError(
                "the trunk's hidden states find no room on the disk",
                given=f"{free / 1e9:.1f} GB free in {self.folder}",
                expected=f"{wanted / 1e9:.1f} GB",
                do=f"free some, let {FOLDER} name another folder, or write training.trunk_cache_gb: 0",
            )

    def _remove(self, key: str, *files: Path) -> bool:
        """Unless somebody holds the entry."""
        try:
            with FileLock(self.folder / f"{key}.lock", timeout=0):
                for file in files:
                    file.unlink(missing_ok=True)
        except Timeout:
            return False
        return True


def _number(file: Path) -> int:
    """What is reserved; nothing where its filler has just come to its end."""
    try:
        return int(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
