"""Room in a folder that several fill at once."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from mixologist.errors import UserError
from mixologist.model.shelf import Shelf

LIMIT = 1000


def fill(folder: Path, key: str, size: int) -> None:
    """As a run does: hold the entry, reserve, and where there is room write and seal."""
    with FileLock(folder / f"{key}.lock"), Shelf(folder, LIMIT).room(key, size, {key}) as fits:
        if fits:
            (folder / f"{key}.npy").write_bytes(bytes(size))
            (folder / f"{key}.json").write_text("{}")


def taken(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.npy"))


def test_many_fill_at_once_and_stay_within_the_limit(tmp_path: Path) -> None:
    seen: list[int] = []

    def one(number: int) -> None:
        fill(tmp_path, f"key{number % 40}", 90 + number % 7)
        with FileLock(tmp_path / ".room.lock"):  # nothing is evicted while we count
            seen.append(taken(tmp_path))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(300)))
    assert taken(tmp_path) > LIMIT / 2
    assert max(seen) <= LIMIT
    assert not list(tmp_path.glob("*.wanted"))


def test_what_a_kill_left_is_swept_and_not_counted(tmp_path: Path) -> None:
    (tmp_path / "lost.npy").write_bytes(bytes(900))  # renamed, and not yet sealed
    (tmp_path / ".half.npy.partial").write_bytes(bytes(900))
    (tmp_path / "dead.wanted").write_text("900")
    fill(tmp_path, "good", 500)
    fill(tmp_path, "more", 400)
    assert {file.name for file in tmp_path.glob("*.npy")} == {"good.npy", "more.npy"}
    assert not list(tmp_path.glob(".*.partial"))


def test_what_others_have_reserved_is_counted(tmp_path: Path) -> None:
    fill(tmp_path, "old", 500)
    with FileLock(tmp_path / "theirs.lock"), Shelf(tmp_path, LIMIT).room("theirs", 400, set()):
        fill(tmp_path, "ours", 300)
        assert not (tmp_path / "old.npy").exists()
        fill(tmp_path, "large", 601)  # ours would go for it, theirs cannot
        assert not list(tmp_path.glob("large.*npy"))
        assert not (tmp_path / "large.wanted").exists()


def test_who_comes_to_an_end_while_we_count_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    glob = Path.glob

    def ends_after(folder: Path, pattern: str) -> list[Path]:
        found = list(glob(folder, pattern))
        monkeypatch.setattr(Path, "glob", glob)
        (tmp_path / "theirs.npy").write_bytes(bytes(600))
        (tmp_path / "theirs.json").write_text("{}")
        (tmp_path / "theirs.wanted").unlink()
        return found

    (tmp_path / "theirs.wanted").write_text("600")
    monkeypatch.setattr(Shelf, "_sweep", lambda self: monkeypatch.setattr(Path, "glob", ends_after))
    with FileLock(tmp_path / "theirs.lock"):
        fill(tmp_path, "ours", 500)
    assert taken(tmp_path) == 600


def test_what_others_have_yet_to_write_is_no_longer_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileLock(tmp_path / "theirs.lock"), Shelf(tmp_path, LIMIT).room("theirs", 400, set()):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: Nearly())
        (tmp_path / ".theirs.npy.partial").write_bytes(bytes(300))  # 100 to come, of 150
        fill(tmp_path, "small", 50)
        with pytest.raises(UserError, match="no room on the disk"):
            fill(tmp_path, "ours", 51)


class Nearly:
    """A disk with few free bytes."""

    free = 150
