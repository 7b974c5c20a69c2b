"""How long training will take, roughly."""

from __future__ import annotations

import pytest

from mixologist.model.estimate import AN_UPDATE, BESIDE, Skeleton, seconds, training_flops

BASE = Skeleton(1000, {}, 2, 8, 100)


def test_what_is_no_product_is_counted_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert seconds(BASE, 0, 0, 300, "auto", "float32") == pytest.approx(2 * 300 * AN_UPDATE)
    found = seconds(BASE, 10**7, 10**7, 0, "cuda", "bfloat16")
    assert found > 2 * 2e7 * BESIDE
    assert found < 1.5 * seconds(BASE, 10**7, 10**7, 0, "cuda", "float64")


def test_full_fine_tuning_and_recomputation_cost_a_pass_more() -> None:
    assert training_flops(BASE, 10) == 40_000
    assert training_flops(BASE, 10, full=True) == training_flops(BASE, 10, recompute=True) == 60_000
