"""Validation loss per task: mean over its target tokens, in nats, of the plain base or of an adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from mixologist.mixing.batching import Encoded, Segment, micro_batches
from mixologist.model.base import Base
from mixologist.model.forward import target_losses
from mixologist.model.whole import Trained


@torch.no_grad()
def validation_losses(
    base: Base,
    bank: Trained,
    rows: Mapping[str, Sequence[Encoded]],
    pairs: Sequence[tuple[str | None, str]],
    max_tokens: int,
) -> dict[tuple[str | None, str], float]:
    """Loss of each (adapter, task) pair over the task's rows; adapter None is the plain base."""
    order = {name: index for index, name in enumerate(bank.names)}
    totals = dict.fromkeys(pairs, 0.0)
    for pair in pairs:
        place = len(order) if pair[0] is None else order[pair[0]]
        segments = [Segment(place, row, 1.0) for row in rows[pair[1]]]
        for batch in micro_batches(segments, max_tokens, len(order)):
            totals[pair] += float(target_losses(base, bank, batch).double().sum())
    return {pair: total / sum(len(row.completion) for row in rows[pair[1]]) for pair, total in totals.items()}
