"""One packed forward pass to the losses of its target tokens; the output head is computed on these tokens only."""

from __future__ import annotations

import torch
from torch import Tensor

from mixologist.mixing.batching import Packed
from mixologist.model.adapters import Bank, Groups
from mixologist.model.attention import Packing, laid_out
from mixologist.model.base import Base


def target_losses(base: Base, bank: Bank, batch: Packed) -> Tensor:
    """Negative log-likelihood (C,) in nats of each target token of a pack, at least in float32."""
    keys = (
        tuple(zip(batch.keys, batch.lengths, strict=True)) if bank.dropout and torch.is_grad_enabled() else ()
    )
    groups = Groups(batch.adapter_tokens, len(batch.input_ids), keys)
    with laid_out(base.model), bank.use(groups):
        logits = base.model(
            input_ids=_tensor(batch.input_ids, base)[None],
            position_ids=_tensor(batch.position_ids, base)[None],
            layout=Packing.of(batch.lengths, base.device),
            logits_to_keep=_tensor(batch.sources, base),
            use_cache=False,
        ).logits[0]
    number = logits if logits.dtype == torch.float64 else logits.float()
    return torch.nn.functional.cross_entropy(number, _tensor(batch.targets, base), reduction="none")


def _tensor(array: object, base: Base) -> Tensor:
    return torch.as_tensor(array, device=base.device)
