"""How long training will take, roughly."""

from __future__ import annotations

import pytest

from mixologist.model.estimate import LEAST, Skeleton, seconds, training_flops


def test_what_passes_cost_by_themselves_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert seconds(0, 300, "auto", "float32") == pytest.approx(300 * LEAST)
    assert seconds(1e12, 0, "cuda", "bfloat16") > 0


def test_full_fine_tuning_and_recomputation_cost_a_pass_more() -> None:
    base = Skeleton(1000, {}, 2, 8, 100)
    assert training_flops(base, 10) == 40_000
    assert training_flops(base, 10, full=True) == training_flops(base, 10, recompute=True) == 60_000
