"""Packed equals padded, mixed equals alone: in float64, to the last digits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mixologist.mixing.batching import micro_batches, pack
from mixologist.model.adapters import Bank, Groups, Shape
from mixologist.model.base import Base
from mixologist.model.forward import target_losses
from tests.families.checks import IDS, MIXED, gradients, losses_alone
from tests.tiny import bank_of, linears, segments, tiny


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return tiny(tmp_path)


@pytest.mark.parametrize("common", [False, True])
def test_a_mixed_pack_equals_each_segment_alone_in_loss_and_gradient(base: Base, common: bool) -> None:
    bank = bank_of(base, "a", "b", *(["common"] if common else []), common=common)
    packed = target_losses(base, bank, pack(segments(MIXED), adapters=2))
    packed.sum().backward()
    mixed = gradients(bank)
    alone = torch.cat(losses_alone(base, bank))
    alone.sum().backward()
    torch.testing.assert_close(packed, alone, rtol=1e-9, atol=1e-9)
    for one, other in zip(mixed, gradients(bank), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)
    assert sum(float(gradient.abs().sum()) for gradient in mixed) > 1


def test_micro_batches_add_up_to_one_batch(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    whole = target_losses(base, bank, pack(segments(MIXED), adapters=2)).sum()
    parts = [
        target_losses(base, bank, batch).sum() for batch in micro_batches(segments(MIXED), 60, adapters=2)
    ]
    assert len(parts) > 2
    torch.testing.assert_close(torch.stack(parts).sum(), whole, rtol=1e-10, atol=1e-10)


def test_an_untrained_adapter_changes_nothing(base: Base) -> None:
    plain = base.model(input_ids=IDS).logits
    bank = bank_of(base, "a", "b")
    bank.initialise(0)
    with bank.use(bank.rows_of(["a"])):
        torch.testing.assert_close(base.model(input_ids=IDS).logits, plain, rtol=0, atol=0)


def test_numbers_and_gradients_of_an_adapter_are_one_vector(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    for index in (0, 1):
        parts = torch.cat([factor.detach().flatten() for factor in bank.factors(index)])
        torch.testing.assert_close(bank.flat[index], parts, rtol=0, atol=0)
    target_losses(base, bank, pack(segments([0, 0]), adapters=2)).sum().backward()
    once = bank.gradient(0).clone()  # made by autograd before the vector was there
    target_losses(base, bank, pack(segments([0, 0]), adapters=2)).sum().backward()
    torch.testing.assert_close(bank.gradient(0), 2 * once)
    assert float(once.abs().sum()) > 0.1
    assert all(factor.grad is None for factor in bank.factors(1)), "an absent adapter costs nothing"


def test_initial_weights_depend_on_seed_adapter_and_module_alone(base: Base) -> None:
    first = bank_of(base, "a", "b")
    first.initialise(1)
    weights = first.flat[1].clone()
    first.detach()
    second = bank_of(base, "x", "b", "y")
    second.initialise(1)
    torch.testing.assert_close(second.flat[1], weights, rtol=0, atol=0)


def test_dropout_masks_belong_to_the_occurrence_and_not_to_the_batch(base: Base) -> None:
    bank = bank_of(base, "a", "b", dropout=0.5)
    together = target_losses(base, bank, pack(segments(MIXED), adapters=2))
    mine = [segment for segment in segments(MIXED) if segment.adapter == 0]
    alone = target_losses(base, bank, pack(mine, adapters=2))
    torch.testing.assert_close(together[: len(alone)], alone, rtol=1e-9, atol=1e-9)
    other = [type(s)(s.adapter, s.encoded, s.weight, key=f"else{s.key}") for s in mine]
    assert not torch.allclose(target_losses(base, bank, pack(other, adapters=2)), alone)
    with torch.no_grad():  # validation drops nothing
        without = target_losses(base, bank, pack(other, adapters=2))
        torch.testing.assert_close(without, target_losses(base, bank, pack(mine, adapters=2)))


def test_a_trunk_has_no_adapters_and_needs_no_backward(base: Base) -> None:
    bank = Bank(base, [Shape("a", 4, 8.0)], modules=linears(base, trunk=1))
    assert all(layer.module_name.startswith("model.layers.1.") for layer in bank.layers)
    seen = []
    hook = base.blocks[0].register_forward_hook(lambda module, inputs, output: seen.append(output))
    target_losses(base, bank, pack(segments([0]), adapters=1)).sum().backward()
    hook.remove()
    hidden = seen[0][0] if isinstance(seen[0], tuple) else seen[0]
    assert not hidden.requires_grad


def test_rows_must_come_in_bank_order(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    assert bank.rows_of(["a", "b", None]) == Groups((1, 1), 3)
    with pytest.raises(AssertionError, match="bank order"):
        bank.rows_of(["b", "a"])
