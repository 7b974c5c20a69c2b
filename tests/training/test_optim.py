from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mixologist.recipe.schema import Training
from mixologist.training.losses import token_weights
from mixologist.training.optim import AdapterOptimizer, learning_rate
from tests.tiny import bank_of, tiny


def test_the_rate_warms_up_and_ends_near_zero() -> None:
    options = Training(learning_rate=1.0, warmup_ratio=0.1)
    rates = [learning_rate(update, 100, options) for update in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
    assert learning_rate(200, 100, options) == pytest.approx(0)


def test_linear_and_constant() -> None:
    linear = Training(learning_rate=1.0, warmup_ratio=0.0, lr_scheduler_type="linear")
    assert [learning_rate(u, 4, linear) for u in range(4)] == [1.0, 0.75, 0.5, 0.25]
    constant = Training(learning_rate=1.0, warmup_ratio=0.0, lr_scheduler_type="constant")
    assert {learning_rate(u, 4, constant) for u in range(4)} == {1.0}


def test_each_task_weighs_by_its_examples_and_not_by_its_tokens() -> None:
    weights = token_weights(["label"] * 10 + ["essay"], [2] * 10 + [500], "task")
    assert 20 * weights[0] == pytest.approx(10 / 11)
    assert 500 * weights[-1] == pytest.approx(1 / 11)
    token = token_weights(["label"] * 10 + ["essay"], [2] * 10 + [500], "token")
    assert set(token) == {1 / 520}


def test_one_step_is_torch_adamw_after_clipping(tmp_path: Path) -> None:
    bank = bank_of(tiny(tmp_path), "a", "b")
    options = Training(learning_rate=0.1, weight_decay=0.1, max_grad_norm=0.5)
    optimizer = AdapterOptimizer(bank, 1, options)
    before = optimizer.flat_weights()
    gradient = torch.linspace(-1, 1, len(before), dtype=torch.float64)
    bank.gradient(1).copy_(gradient)
    norm = optimizer.step(0.05)
    reference = torch.nn.Parameter(before.clone())
    reference.grad = gradient * 0.5 / gradient.norm()
    torch.optim.AdamW([reference], lr=0.05, weight_decay=0.1).step()
    torch.testing.assert_close(optimizer.flat_weights(), reference.data, rtol=1e-6, atol=1e-7)
    assert norm == pytest.approx(float(gradient.norm()))
    assert not bank.gradient(1).any()
