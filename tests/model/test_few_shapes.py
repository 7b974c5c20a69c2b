"""What bfloat16 on a CPU is computed with so that its products have few shapes, in float64: the same numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mixologist.mixing.batching import Packed, Segment, pack
from mixologist.model import forward, head, low_rank
from mixologist.model.adapters import Bank
from mixologist.model.base import Base
from mixologist.model.families import FAMILIES
from mixologist.model.forward import target_losses
from mixologist.model.low_rank import Span
from mixologist.model.trunk import as_array, hidden_states
from mixologist.tasks.encoding import Hidden
from tests.tiny import Row, bank_of, rows, segments, tiny

MIXED = [0, 0, 0, 1, 1, 2, 2]
"""Adapters of the segments; 2 is the plain base."""


def losses_and_gradients(base: Base, bank: Bank, batch: Packed, *, recompute: bool = False) -> list[Tensor]:
    losses = target_losses(base, bank, batch, recompute=recompute)
    if losses.requires_grad:  # not of the plain base alone
        losses.sum().backward()
    gradients = [bank.gradient(index).clone() for index in range(len(bank.parts))]
    for index in range(len(bank.parts)):
        bank.gradient(index).zero_()
    return [losses.detach(), *gradients]


@pytest.fixture
def few_shapes(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if every new shape had its price, whatever the precision."""
    for module in (forward, head, low_rank):
        monkeypatch.setattr(module, "shapes_cost", lambda *_: True)
    return monkeypatch


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_losses_and_gradients_are_those_of_the_pack_as_it_is(
    tmp_path: Path, few_shapes: pytest.MonkeyPatch, family: str, dropout: float
) -> None:
    base = tiny(tmp_path, family, "float32" if family == "gemma2" else "float64")
    bank = bank_of(base, "a", "b", "common", common=True, dropout=dropout)
    batch = pack(segments(MIXED), adapters=2)
    few = losses_and_gradients(base, bank, batch)
    few_shapes.undo()
    tolerance = 1e-4 if family == "gemma2" else 1e-9
    for one, other in zip(few, losses_and_gradients(base, bank, batch), strict=True):
        assert float(other.abs().max()) > 0
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("adapters", [[0], [0, 0, 1, 2, 2], [2, 2, 2], [1, 2]])
@pytest.mark.parametrize("recompute", [False, True])
def test_so_they_are_for_other_packs_and_where_blocks_are_computed_again(
    tmp_path: Path, few_shapes: pytest.MonkeyPatch, adapters: list[int], recompute: bool
) -> None:
    """One segment; few; the plain base alone; texts longer than a block of queries; a pack as long as its room."""
    base = tiny(tmp_path)
    bank = bank_of(base, "a", "b")
    for longest, last in ((40, None), (300, None), (40, 16), (40, 15)):
        examples = rows(len(adapters), 5, longest)
        if last:
            examples[-1] = Row(tuple(range(10, 10 + last - 1)), (7,))
        batch = pack(
            [Segment(*pair, 1.0, str(n)) for n, pair in enumerate(zip(adapters, examples, strict=True))], 2
        )
        few = losses_and_gradients(base, bank, batch, recompute=recompute)
        with few_shapes.context() as patch:
            for module in (forward, head, low_rank):
                patch.setattr(module, "shapes_cost", lambda *_: False)
            exact = losses_and_gradients(base, bank, batch)
        for one, other in zip(few, exact, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_so_they_are_above_a_trunk(tmp_path: Path, few_shapes: pytest.MonkeyPatch) -> None:
    base = tiny(tmp_path)
    bank = bank_of(base, "a", "b", trunk=1)
    stored = []
    for segment in segments(MIXED):
        text = [*segment.encoded.prompt, *segment.encoded.completion]
        states = Hidden(1, as_array(hidden_states(base, [text], 1)))
        stored.append(replace(segment, encoded=replace(segment.encoded, hidden=states)))  # type: ignore[type-var]
    few = losses_and_gradients(base, bank, pack(stored, adapters=2))
    few_shapes.undo()
    for one, other in zip(
        few, losses_and_gradients(base, bank, pack(segments(MIXED), adapters=2)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_packs_of_near_lengths_are_computed_with_the_same_rows(
    tmp_path: Path, few_shapes: pytest.MonkeyPatch
) -> None:
    base = tiny(tmp_path)
    bank = bank_of(base, "a", "b")
    sizes: set[int] = set()

    def noted(spans: tuple[Span, ...], total: int, **options: bool) -> object:
        sizes.add(total)
        return pieces(spans, total, **options)

    pieces = low_rank._pieces
    few_shapes.setattr(low_rank, "_pieces", noted)
    packs = [pack(segments(MIXED, seed), adapters=2) for seed in range(40)]
    lengths = {len(batch.input_ids) for batch in packs}
    for batch in packs:
        target_losses(base, bank, batch)
    assert len(lengths) > 25
    assert len(sizes) < len(lengths) / 2
