"""How long training will take, roughly."""

from __future__ import annotations

import pytest
import torch

from mixologist.model import estimate
from mixologist.model.estimate import (
    A_STEP,
    BESIDE,
    BESIDE_A_UNIT,
    GPU_SHARE,
    Skeleton,
    seconds,
    training_flops,
)

BASE = Skeleton(1000, {}, 2, 8, 100)
RATES = {("cpu", torch.bfloat16): 1e9, ("cpu", torch.float32): 1e8, ("cuda", torch.bfloat16): 1e12}


@pytest.mark.parametrize(("dtype", "products"), [("bfloat16", 100), ("nf4", 100), ("float32", 1000)])
def test_products_of_the_dtype_and_what_is_none_are_counted_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch, dtype: str, products: float
) -> None:
    monkeypatch.setattr(estimate, "matrix_rate", lambda device, dtype: RATES[device, dtype])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    beside = 2 * (300 * A_STEP + 2e7 * (BESIDE + 8 * BESIDE_A_UNIT))
    assert seconds(BASE, 10**7, 10**7, 300, "cuda", dtype) == pytest.approx(products + beside)


def test_a_gpu_s_products_are_all_that_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "matrix_rate", lambda device, dtype: RATES[device, dtype])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert seconds(BASE, 10**7, 10**7, 300, "auto", "bfloat16") == pytest.approx(0.1 / GPU_SHARE)


def test_full_fine_tuning_and_recomputation_cost_a_pass_more() -> None:
    assert training_flops(BASE, 10) == 40_000
    assert training_flops(BASE, 10, full=True) == training_flops(BASE, 10, recompute=True) == 60_000
