"""Which precision and device ``auto`` comes to, and what bfloat16 costs against float32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mixologist.errors import UserError
from mixologist.mixing.batching import Segment
from mixologist.mixing.sampler import Update
from mixologist.model.base import choose_device, choose_dtype, load_base
from mixologist.recipe.schema import Training
from mixologist.training.agreement import gradient
from mixologist.training.updates import Updater
from tests.tiny import bank_of, rows, tiny

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def cpu_reports(patch: pytest.MonkeyPatch, *, avx512: bool, amx: bool) -> None:
    patch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    patch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)


def gpu_reports(patch: pytest.MonkeyPatch, *, hardware: bool) -> None:
    """A GPU that at least emulates bfloat16."""
    patch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or hardware
    )


@pytest.mark.parametrize(
    ("avx512", "amx", "chosen"),
    [
        (False, False, torch.float32),
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
        (True, True, torch.bfloat16),
    ],
)
def test_a_cpu_is_asked_for_either_unit_and_the_gpu_beside_it_is_not(
    monkeypatch: pytest.MonkeyPatch, avx512: bool, amx: bool, chosen: torch.dtype
) -> None:
    cpu_reports(monkeypatch, avx512=avx512, amx=amx)
    gpu_reports(monkeypatch, hardware=chosen == torch.float32)
    assert choose_dtype(CPU) == chosen


@pytest.mark.parametrize(("hardware", "chosen"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_gpu_that_only_emulates_bfloat16_gets_float32(
    monkeypatch: pytest.MonkeyPatch, hardware: bool, chosen: torch.dtype
) -> None:
    cpu_reports(monkeypatch, avx512=not hardware, amx=not hardware)
    gpu_reports(monkeypatch, hardware=hardware)
    assert choose_dtype(CUDA) == chosen


@pytest.mark.parametrize("present", [True, False])
def test_auto_is_cuda_where_there_is_one_and_a_named_cpu_stays(
    monkeypatch: pytest.MonkeyPatch, present: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)
    assert choose_device("auto") == (CUDA if present else CPU)
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("name", ["cuda:99", "gpu", ""])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"training\.device cannot be used") as caught:
        choose_device(name)
    assert "device: auto" in str(caught.value)


@pytest.mark.parametrize(
    ("fast", "asked", "number"),
    [
        (True, "auto", "bfloat16"),
        (False, "auto", "float32"),
        (True, "float32", "float32"),
        (False, "bfloat16", "bfloat16"),
    ],
)
def test_a_base_is_loaded_in_the_chosen_dtype_unless_one_is_named(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch, fast: bool, asked: str, number: str
) -> None:
    cpu_reports(monkeypatch, avx512=fast, amx=False)
    base = load_base(str(tiny_base), dtype=asked, device="cpu")
    assert base.number == number
    assert {base.dtype, *(weight.dtype for weight in base.model.parameters())} == {getattr(torch, number)}


def measured(folder: Path, dtype: str) -> tuple[float, torch.Tensor]:
    """The loss of one update, and the adapter's gradient on the same rows after it."""
    base = tiny(folder, dtype=dtype)
    bank, encoded = bank_of(base, "a"), {"t": rows(8)}
    updater = Updater(base, bank, encoded, Training(learning_rate=1e-3))
    update = Update("a", 0, tuple(("t", row) for row in range(8)))
    (found,) = updater.apply([update], {"a": 1e-3})
    again = [Segment(0, row, 1 / len(row.completion) / 8, key=str(n)) for n, row in enumerate(encoded["t"])]
    return found.losses["t"], gradient(base, bank, again, 4096).double()


def test_bfloat16_has_about_the_loss_and_the_gradient_of_float32(tmp_path: Path) -> None:
    """Twice what was measured: 0.00075 and 0.093, much because `tiny` has large weights."""
    loss, exact = measured(tmp_path, "float32")
    rounded_loss, rounded = measured(tmp_path, "bfloat16")
    assert 0 < abs(rounded_loss / loss - 1) < 0.0015
    assert 0 < float((rounded - exact).norm() / exact.norm()) < 0.19
