"""Hidden states on disk: the same numbers as without, computed once, whatever happens to the files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock

from mixologist.errors import Interrupted, UserError
from mixologist.mixing.batching import Encoded, Segment, pack
from mixologist.model import trunk_cache
from mixologist.model.adapters import Bank, Shape
from mixologist.model.attention import REVISION
from mixologist.model.base import Base
from mixologist.model.forward import target_losses
from mixologist.model.shelf import Shelf
from mixologist.model.trunk_cache import TrunkCache
from tests.tiny import Row, linears, rows, tiny

MUCH = 10**9


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return tiny(tmp_path)


def cache(folder: Path, room: int = MUCH) -> TrunkCache:
    return TrunkCache(folder / "trunk", room)


def counted(base: Base) -> list[int]:
    """Tokens that go through the lowest block, one number each time."""
    seen: list[int] = []
    block: Any = base.blocks[0]
    block.mlp.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[1]))
    return seen


def states(stored: Sequence[Encoded]) -> list[np.ndarray]:
    return [row.hidden.states.copy() for row in stored if row.hidden]


@pytest.mark.parametrize("recompute", [False, True])
def test_losses_and_gradients_are_those_of_the_whole_base(
    base: Base, tmp_path: Path, recompute: bool
) -> None:
    bank = Bank(base, [Shape("a", 4, 8.0), Shape("b", 4, 8.0)], modules=linears(base, trunk=1))
    for layer in bank.layers:
        for b in layer.lora_B:
            torch.nn.init.normal_(b)
    plain = rows(6)
    stored = cache(tmp_path).store(base, 1, {"t": plain})["t"]
    seen = counted(base)
    found = []
    for each in (plain, stored):
        batch = pack(
            [Segment(n // 2, each[n], 1.0) for n in range(6)], adapters=2
        )  # two of the plain base, too
        losses = target_losses(base, bank, batch, recompute=recompute)
        losses.sum().backward()
        found.append([losses.detach(), *(bank.gradient(n).clone() for n in range(2))])
        for n in range(2):
            bank.gradient(n).zero_()
    assert len(seen) == 1, "the stored rows went through the trunk"
    assert all(bool(tensor.any()) for tensor in found[0])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_states_are_stored_in_the_bases_own_numbers(tmp_path: Path, dtype: str) -> None:
    base = tiny(tmp_path, dtype=dtype)
    stored = cache(tmp_path).store(base, 1, {"t": rows(3)})["t"]
    bank = Bank(base, [Shape("a", 4, 8.0)], modules=linears(base, trunk=1))
    losses = [
        target_losses(base, bank, pack([Segment(0, row, 1.0) for row in each], adapters=1))
        for each in (rows(3), list(stored))
    ]
    torch.testing.assert_close(losses[0], losses[1], rtol=0.02, atol=0.02)


def test_a_second_use_computes_nothing_and_a_row_may_be_any(base: Base, tmp_path: Path) -> None:
    first = states(cache(tmp_path).store(base, 1, {"t": rows(50)})["t"])
    seen = counted(base)
    done: list[int] = []
    again = cache(tmp_path).store(base, 1, {"t": rows(50)}, done.append)["t"]
    assert not seen
    assert sum(done) == 50
    assert all(np.array_equal(a, b) for a, b in zip(first, states(again), strict=True))
    assert [row.prompt for row in again[-2:]] == [row.prompt for row in rows(50)[-2:]]
    other = cache(tmp_path).store(base, 1, {"t": rows(50, seed=1)})["t"]
    assert seen
    assert not np.array_equal(states(other)[0], first[0])


def key(
    base: Base, blocks: int = 1, of: Sequence[Encoded] = (Row((11, 12), (13,)), Row((14,), (15,)))
) -> str:
    return trunk_cache._Entry.of(base, blocks, of, Path("trunk")).key


def test_a_key_is_that_of_the_same_ids_wherever_a_completion_begins(base: Base) -> None:
    assert key(base, of=[Row((11,), (12, 13)), Row((14, 15), ())]) == key(base)


@pytest.mark.parametrize(
    "other",
    [
        lambda base: key(base, of=[Row((11, 12), (13,)), Row((14,), (16,))]),
        lambda base: key(base, of=[Row((11, 12), (13, 14)), Row((), (15,))]),
        lambda base: key(base, of=[Row((14,), (15,)), Row((11, 12), (13,))]),
        lambda base: key(base, blocks=2),
        lambda base: key(replace(base, folder=None)),
        lambda base: key(replace(base, number="nf4")),
        lambda base: key(replace(base, device=torch.device("cuda"))),
    ],
    ids=["token id", "row border", "order", "blocks", "base", "dtype", "device"],
)
def test_other_rows_or_another_base_have_another_key(base: Base, other: Callable[[Base], str]) -> None:
    assert other(base) != key(base)


def newer(package: str) -> Callable[[str], str]:
    """The installed versions, but for one package's."""
    return lambda name: version(name) + ".1" * (name == package)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NAME", "another"),
        ("REVISION", REVISION + 1),
        *(("version", newer(package)) for package in ("mixologist", "torch", "transformers")),
    ],
    ids=["attention", "revision", "mixologist", "torch", "transformers"],
)
def test_other_code_has_another_key(
    base: Base, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    before = key(base)
    monkeypatch.setattr(trunk_cache, name, value)
    assert key(base) != before


def test_windows_and_packs_do_not_change_what_is_stored(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = states(cache(tmp_path / "a").store(base, 1, {"t": rows(30)})["t"])
    monkeypatch.setattr(trunk_cache, "WINDOW_TOKENS", 60)
    monkeypatch.setattr(trunk_cache, "PACK_TOKENS", 30)
    parts = states(cache(tmp_path / "b").store(base, 1, {"t": rows(30)})["t"])
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def flip(file: Path) -> None:
    with file.open("r+b") as open_file:
        open_file.seek(-3, os.SEEK_END)
        open_file.write(b"\xff")


@pytest.mark.parametrize(
    ("harm", "which"),
    [
        (flip, "*.npy"),
        (lambda file: file.write_bytes(file.read_bytes()[:-8]), "*.npy"),
        (Path.unlink, "*.npy"),
        (Path.unlink, "*.json"),
        (lambda file: file.write_text("{"), "*.json"),
        (lambda file: file.write_text("[]"), "*.json"),
    ],
    ids=["a byte", "cut off", "no states", "no digest", "half a digest", "another digest"],
)
def test_a_damaged_entry_is_made_anew(
    base: Base, tmp_path: Path, harm: Callable[[Path], None], which: str
) -> None:
    first = states(cache(tmp_path).store(base, 1, {"t": rows(5)})["t"])
    (file,) = (tmp_path / "trunk").glob(which)
    harm(file)
    seen = counted(base)
    again = cache(tmp_path).store(base, 1, {"t": rows(5)})["t"]
    assert seen
    assert all(np.array_equal(a, b) for a, b in zip(first, states(again), strict=True))


def test_what_was_used_longest_ago_makes_room(base: Base, tmp_path: Path) -> None:
    folder = tmp_path / "trunk"
    cache(tmp_path).store(base, 1, {"old": rows(9, seed=1)})
    (old,) = folder.glob("*.npy")
    kept = cache(tmp_path).store(base, 1, {"new": rows(9, seed=2)})["new"]
    before = states(kept)
    os.utime(old.with_suffix(".json"), (1, 1))
    (folder / f".{old.stem}.npy.partial").write_bytes(b"left by a kill")
    room = sum(file.stat().st_size for file in folder.glob("*.npy")) + 10
    cache(tmp_path, room).store(base, 1, {"newest": rows(3, seed=3)})
    assert not old.exists()
    assert not old.with_suffix(".json").exists()
    assert not list(folder.glob("*.partial"))
    assert len(list(folder.glob("*.npy"))) == 2
    for file in folder.glob("*.npy"):
        file.unlink()  # as another run's eviction would
    assert all(np.array_equal(a, b) for a, b in zip(before, states(kept), strict=True))


def test_an_entry_that_was_opened_again_stays(base: Base, tmp_path: Path) -> None:
    opened, idle = rows(9, seed=1), rows(9, seed=2)
    entries = [trunk_cache._Entry.of(base, 1, each, tmp_path / "trunk") for each in (opened, idle)]
    cache(tmp_path).store(base, 1, {"opened": opened, "idle": idle})
    for last_used, entry in enumerate(entries):
        os.utime(entry.seal, (last_used, last_used))
    cache(tmp_path).store(base, 1, {"opened": opened})
    room = sum(entry.file.stat().st_size for entry in entries) + 10
    cache(tmp_path, room).store(base, 1, {"newest": rows(3, seed=3)})
    assert [entry.file.exists() for entry in entries] == [True, False]


def test_splits_larger_than_the_cache_are_not_stored(base: Base, tmp_path: Path) -> None:
    stored = cache(tmp_path, room=1000).store(base, 1, {"t": rows(9)})
    assert stored["t"][0].hidden is None
    assert not (tmp_path / "trunk").exists()


def test_a_split_that_other_runs_leave_no_room_for_is_not_stored(base: Base, tmp_path: Path) -> None:
    asked = cache(tmp_path).store(base, 1, {"t": rows(9)})["t"]
    size = (tmp_path / "trunk").glob("*.npy").__next__().stat().st_size
    theirs = Shelf(tmp_path / "trunk", 3 * size).room("theirs", 2 * size, set())
    with FileLock(tmp_path / "trunk" / "theirs.lock"), theirs:
        other = cache(tmp_path, 3 * size).store(base, 1, {"t": rows(9), "u": rows(9)[:5]})
    assert asked[0].hidden is not None
    assert other["t"][0].hidden is not None
    assert other["u"][0].hidden is None


def test_a_full_disk_is_said_before_anything_is_written(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Full())
    with pytest.raises(UserError, match="no room on the disk"):
        cache(tmp_path).store(base, 1, {"t": rows(9)})
    assert not list((tmp_path / "trunk").glob("*.npy"))


class Full:
    """A disk without a free byte."""

    free = 0


def test_a_stop_leaves_nothing_half_written(base: Base, tmp_path: Path) -> None:
    def stop(count: int) -> None:
        raise Interrupted("again")

    with pytest.raises(Interrupted):
        cache(tmp_path).store(base, 1, {"t": rows(9)}, stop)
    assert {file.suffix for file in (tmp_path / "trunk").iterdir()} <= {".lock"}


PROGRAM = """
import sys
from pathlib import Path
from filelock import FileLock
from mixologist.model import trunk_cache
from mixologist.model.base import load_base
from tests.tiny import rows

def told(path):
    print("asks", flush=True)
    return FileLock(path)

trunk_cache.FileLock = told
base = load_base(sys.argv[1], dtype="float64", device="cpu")
seen = []
base.blocks[0].mlp.register_forward_hook(lambda *_: seen.append(1))
cache = trunk_cache.TrunkCache(Path(sys.argv[2]), 10**9)
for seed in sys.argv[3:]:
    stored = cache.store(base, 1, {"t": rows(400, seed=int(seed))})["t"]
    print(seed, float(sum(row.hidden.states.sum() for row in stored)))
print("passes", len(seen))
"""


def passes(base: Base, seed: int, folder: Path) -> int:
    """Through the trunk, to fill an entry once."""
    seen = counted(base)
    TrunkCache(folder, MUCH).store(base, 1, {"t": rows(400, seed=seed)})
    return len(seen)


def test_two_processes_wait_for_one_another(base: Base, tmp_path: Path) -> None:
    folder = tmp_path / "trunk"
    folder.mkdir()
    both = trunk_cache._Entry.of(base, 1, rows(400, seed=2), folder)
    command = [sys.executable, "-c", PROGRAM, str(base.folder), str(folder)]
    with FileLock(both.lock):
        processes = [
            subprocess.Popen([*command, *order], stdout=subprocess.PIPE, text=True)
            for order in (["2", "1", "3"], ["2", "3", "1"])
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "asks\n"
    told = [
        dict(line.split() for line in process.communicate()[0].splitlines() if line != "asks")
        for process in processes
    ]
    assert all(process.returncode == 0 for process in processes)
    found = sum(int(each.pop("passes")) for each in told)
    assert told[0] == told[1]
    assert len(list(folder.glob("*.npy"))) == 3
    assert both.file.exists()
    assert found == sum(passes(base, seed, tmp_path / "alone") for seed in (1, 2, 3))


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the system does not tell what is mapped")
def test_states_that_were_read_do_not_stay_in_memory(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = rows(400)
    stored = cache(tmp_path).store(base, 1, {"t": many})["t"]
    read = states(stored)
    assert mapped(tmp_path) >= sum(each.nbytes for each in read) > 2**17
    monkeypatch.setattr(trunk_cache, "MAPPED", 2**13)
    for first, again in zip(read, states(stored), strict=True):
        np.testing.assert_array_equal(first, again)
    assert mapped(tmp_path) <= 2**16


def mapped(folder: Path) -> int:
    """Bytes of files in the folder that count as this process's memory."""
    sizes, here = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            here = bool(rest) and rest[-1].startswith(str(folder))
        elif name == "Rss:" and here:
            sizes += int(rest[0]) * 1024
    return sizes
