"""The last block for the tokens that are asked alone: fewer rows, and the same losses and gradients.

Every family's are compared with Transformers' own in tests/families ("packed = padded").
"""

from collections import defaultdict
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import torch

from mixologist.mixing.batching import pack
from mixologist.model import forward
from mixologist.model.adapters import BankedLinear
from mixologist.model.forward import target_losses
from tests.tiny import bank_of, segments, tiny

MIXED = [0, 0, 1, 1, 2]
"""Adapters of the segments; 2 is the plain base."""


def test_the_last_mlp_sees_the_tokens_asked_and_no_others(tmp_path: Path) -> None:
    base = tiny(tmp_path)
    bank = bank_of(base, "a", "b")
    batch = pack(segments(MIXED), adapters=2)
    rows: dict[int, set[int]] = defaultdict(set)
    for number, block in enumerate(base.blocks):
        for module in block.get_submodule("mlp").modules():
            if isinstance(module, BankedLinear):
                note = partial(lambda seen, _, given: seen.add(given[0].shape[1]), rows[number])
                module.register_forward_pre_hook(note)
    target_losses(base, bank, batch)
    *below, last = rows.values()
    assert below == [{len(batch.input_ids)}] * (len(base.blocks) - 1)
    assert last == {len(batch.targets)}


@pytest.mark.parametrize("common", [False, True])
def test_losses_and_gradients_are_those_of_the_whole_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, common: bool
) -> None:
    base = tiny(tmp_path)
    names = ("a", "b", "common") if common else ("a", "b")
    bank = bank_of(base, *names, common=common)
    batch = pack(segments(MIXED), adapters=2)

    def found() -> list[torch.Tensor]:
        losses = target_losses(base, bank, batch)
        losses.sum().backward()
        gradients = [bank.gradient(index).clone() for index in range(len(names))]
        for index in range(len(names)):
            bank.gradient(index).zero_()
        return [losses.detach(), *gradients]

    few = found()
    monkeypatch.setattr(forward, "asked_only", lambda *_: nullcontext())
    for one, other in zip(few, found(), strict=True):
        assert float(other.abs().max()) > 0
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
