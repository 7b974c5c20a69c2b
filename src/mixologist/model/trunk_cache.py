"""What the trunk makes of a row, kept on disk: frozen blocks compute it once, not once an epoch, an adapter and a seed.

    KEY.npy     (tokens, d) hidden states of all rows of a split, in the base's own dtype, mapped into memory when read
    KEY.json    its digest, written last: an entry without it does not count
    KEY.lock    held by whoever fills, opens or evicts the entry

KEY stands for all that the states depend on: token ids, base, split point, dtype, device, attention and versions. Two
runs that need the same rows wait for one another and then read the same file; evicting one that is in use takes its
name away and not its bytes. Adapters train on what is stored from the first use, so that a run that was stopped goes on
with the same numbers; rows are packed in one way only, so that an entry made anew on the same machine is the same, too.

Costs 2 d bytes a token in bfloat16, one pass of the tokens through the trunk, and no memory that grows with the rows
but 8 bytes for each.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, overload

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray

from mixologist.files import digest, write_json, write_whole
from mixologist.mixing.batching import Encoded
from mixologist.model.attention import NAME, REVISION
from mixologist.model.base import Base
from mixologist.model.shelf import FOLDER, Shelf
from mixologist.model.trunk import as_array, batches, hidden_states
from mixologist.tasks.encoding import Advance, Hidden, silent

NUMBERS = {torch.float32: np.float32, torch.float64: np.float64, torch.bfloat16: np.int16}
PACK_TOKENS = 8192
"""Computed at once."""
MAPPED = 2**22
"""Bytes of states read from a split before its pages are let go."""
WINDOW_TOKENS = 32_768
"""Computed before they are written; rows are packed by length within such a window."""


def cache_folder() -> Path:
    """Where the trunk's work lies: ``$MIXOLOGIST_CACHE/trunk``, or below the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(FOLDER) or Path(home) / "mixologist") / "trunk"


@dataclass(frozen=True, slots=True)
class StoredRow:
    """An encoded example with what the trunk makes of it."""

    prompt: Sequence[int]
    completion: Sequence[int]
    hidden: Hidden


class StoredRows(Sequence[Encoded]):
    """Rows that come with their hidden states, read from disk as they are used."""

    def __init__(self, rows: Sequence[Encoded], blocks: int, file: Path, ends: NDArray[np.int64]) -> None:
        self._rows, self._blocks, self._ends = rows, blocks, ends
        self._states = np.load(file, mmap_mode="c", allow_pickle=False)  # c: as torch wants it, never written
        self._read = 0  # bytes, since the pages were let go

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Encoded: ...
    @overload
    def __getitem__(self, index: slice) -> list[Encoded]: ...
    def __getitem__(self, index: int | slice) -> Encoded | list[Encoded]:
        """A row (or several) with `Hidden` states."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        end = int(self._ends[index])
        row = self._rows[index]
        start = end - len(row.prompt) - len(row.completion)
        states = self._states[start:end]
        self._count(states.nbytes)
        return StoredRow(row.prompt, row.completion, Hidden(self._blocks, states))

    def _count(self, size: int) -> None:
        """Let go of the pages after every `MAPPED` bytes: until then what was read counts as the process's memory.
        States in use are read again, from the system's cache.
        """
        self._read += size
        if self._read > MAPPED and hasattr(mmap, "MADV_DONTNEED"):
            self._states.base.madvise(mmap.MADV_DONTNEED)
            self._read = size


@dataclass(frozen=True)
class TrunkCache:
    """A folder of stored splits that together take at most ``max_bytes``."""

    folder: Path
    max_bytes: int

    def store(
        self, base: Base, blocks: int, splits: Mapping[str, Sequence[Encoded]], advance: Advance = silent
    ) -> dict[str, Sequence[Encoded]]:
        """The splits with hidden states after ``blocks`` blocks, computed where they are not there yet.

        No adapter may be in these blocks. ``advance`` is told how many rows are ready. Raises `UserError` where the
        disk has no room. Splits that together are larger than the cache come back as they are, and so does a split that
        other runs leave no room for.
        """
        entries = {name: _Entry.of(base, blocks, rows, self.folder) for name, rows in splits.items()}
        if sum(entry.bytes for entry in entries.values()) > self.max_bytes:
            return dict(splits)
        self.folder.mkdir(parents=True, exist_ok=True)
        keep = {entry.key for entry in entries.values()}
        return {
            name: self._stored(base, blocks, splits[name], entry, keep, advance)
            for name, entry in entries.items()
        }

    def _stored(
        self,
        base: Base,
        blocks: int,
        rows: Sequence[Encoded],
        entry: _Entry,
        keep: set[str],
        advance: Advance,
    ) -> Sequence[Encoded]:
        with FileLock(entry.lock):
            if entry.intact():
                os.utime(entry.seal)  # last used now
                advance(len(rows))
            else:
                with Shelf(self.folder, self.max_bytes).room(entry.key, entry.bytes, keep) as fits:
                    if not fits:
                        return rows
                    write_whole(entry.file, lambda path: _fill(path, base, blocks, rows, entry, advance))
                    sealed = {"sha256": digest(entry.file), "tokens": entry.tokens, "blocks": blocks}
                    write_json(entry.seal, sealed)
            return StoredRows(rows, blocks, entry.file, entry.ends)


@dataclass(frozen=True)
class _Entry:
    folder: Path
    key: str
    ends: NDArray[np.int64]
    """Where each row's states end."""
    bytes: int

    @staticmethod
    def of(base: Base, blocks: int, rows: Sequence[Encoded], folder: Path) -> _Entry:
        """One pass over the rows' token ids."""
        made_by = {
            "base": base.digest, "blocks": blocks, "dtype": base.number, "device": base.device.type,
            "attention": [NAME, REVISION],
            "versions": [version(name) for name in ("mixologist", "torch", "transformers")],
        }  # fmt: skip
        hashed = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode())
        lengths = np.zeros(len(rows), dtype=np.int64)
        for number, row in enumerate(rows):
            ids = np.array([*row.prompt, *row.completion], dtype=np.int32)
            lengths[number] = len(ids)
            hashed.update(len(ids).to_bytes(8, "little") + ids.tobytes())
        size = int(lengths.sum()) * base.model.config.hidden_size * base.dtype.itemsize
        return _Entry(folder, hashed.hexdigest()[:32], lengths.cumsum(), size)

    @property
    def file(self) -> Path:
        return self.folder / f"{self.key}.npy"

    @property
    def seal(self) -> Path:
        return self.folder / f"{self.key}.json"

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.key}.lock"

    @property
    def tokens(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def intact(self) -> bool:
        """Whether the states are there and are what was written: reads them once."""
        try:
            sealed = json.loads(self.seal.read_text(encoding="utf-8"))
            return bool(sealed["sha256"] == digest(self.file))
        except (OSError, ValueError, KeyError, TypeError):
            return False


def _fill(
    path: Path, base: Base, blocks: int, rows: Sequence[Encoded], entry: _Entry, advance: Advance
) -> None:
    number = np.dtype(NUMBERS[base.dtype])
    shape = (entry.tokens, base.model.config.hidden_size)
    with path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(number), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for window in _windows(entry.ends):
            _write(file, base, blocks, [rows[i] for i in window], advance)


def _windows(ends: NDArray[np.int64]) -> Iterator[range]:
    """Rows of at most `WINDOW_TOKENS` together (one at least)."""
    start = 0
    while start < len(ends):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + WINDOW_TOKENS, side="right")))
        yield range(start, stop)
        start = stop


def _write(file: IO[Any], base: Base, blocks: int, rows: Sequence[Encoded], advance: Advance) -> None:
    texts = [(*row.prompt, *row.completion) for row in rows]
    found: dict[int, NDArray[Any]] = {}
    for batch in batches([len(text) for text in texts], PACK_TOKENS):
        states = as_array(hidden_states(base, [texts[i] for i in batch], blocks))
        assert states.dtype == NUMBERS[base.dtype]
        ends = np.cumsum([len(texts[i]) for i in batch])
        found |= dict(zip(batch, np.split(states, ends[:-1]), strict=True))
        advance(len(batch))
    for number in range(len(rows)):
        file.write(found[number].tobytes())
