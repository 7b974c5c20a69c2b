"""One packed forward pass to the losses of its target tokens; the output head reads these tokens only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

from mixologist.mixing.batching import Packed
from mixologist.model.adapters import Groups
from mixologist.model.asked import Asked, asked_only
from mixologist.model.attention import Packing, laid_out
from mixologist.model.base import Base
from mixologist.model.blocks import reached, recomputed
from mixologist.model.head import losses_at_head
from mixologist.model.norms import fused
from mixologist.model.tiles import filled, rounded, shapes_cost
from mixologist.model.trunk import as_tensor
from mixologist.model.whole import Trained


def target_losses(base: Base, bank: Trained, batch: Packed, *, recompute: bool = False) -> Tensor:
    """Negative log-likelihood (C,) in nats of each target token of a pack, at least in float32.

    Blocks whose outcome comes with the pack are not computed. With ``recompute`` the others keep their inputs only and
    are computed again in the backward pass.
    """
    keyed = bank.dropout and torch.is_grad_enabled()
    few_shapes, real = shapes_cost(base.device, base.dtype), len(batch.input_ids)
    tokens, targets = _with_fillers(batch) if few_shapes else (real, len(batch.targets))
    groups = Groups(batch.adapter_tokens, tokens, _keys(batch, batch.lengths) if keyed else ())
    few = Groups(batch.adapter_targets, targets, _keys(batch, batch.counts) if keyed else ())
    packing = Packing(batch.lengths, tokens, base.device, few_shapes)
    rows = filled(_tensor(batch.sources, base), targets, value=real)
    asked = Asked(packing, batch.counts, rows)

    @contextmanager
    def set_up() -> Iterator[None]:
        with (
            laid_out(base.model),
            fused(base),
            bank.use(groups),
            asked_only(base, asked, lambda: bank.use(few)),
        ):
            yield

    with (
        set_up(),
        _passed_over(base, batch, tokens),
        recomputed(base, set_up) if recompute else nullcontext(),
    ):
        hidden = base.model.get_decoder()(
            input_ids=filled(_tensor(batch.input_ids, base), tokens)[None],
            position_ids=filled(_tensor(batch.position_ids, base), tokens)[None],
            layout=packing,
            use_cache=False,
        ).last_hidden_state[0]
        return losses_at_head(base.model, hidden[rows[: len(batch.targets)]], _tensor(batch.targets, base))


def _keys(batch: Packed, rows: Sequence[int]) -> tuple[tuple[str, int], ...]:
    return tuple(zip(batch.keys, rows, strict=True))


def _with_fillers(batch: Packed) -> tuple[int, int]:
    """Rows that a pack and its last block are computed with, so that products have few shapes (`tiles`).

    Fillers lie behind all segments; nothing reads them, and the plain base computes them. Those of the last block read
    the pack's first, so that there has to be one.
    """
    return rounded(len(batch.input_ids) + 1), rounded(len(batch.targets))


def _passed_over(base: Base, batch: Packed, rows: int) -> AbstractContextManager[None]:
    if batch.hidden is None:
        return nullcontext()
    return reached(base, batch.hidden.blocks, filled(as_tensor(batch.hidden), rows)[None].to(base.device))


def _tensor(array: object, base: Base) -> Tensor:
    return torch.as_tensor(array, device=base.device)
