"""Updates made real: the mixed batch of all adapters that are ready, its backward pass, and a step for each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from mixologist.memory import in_large_pages
from mixologist.mixing.batching import Encoded, Segment, micro_batches
from mixologist.mixing.sampler import Update
from mixologist.model.base import Base
from mixologist.model.forward import target_losses
from mixologist.model.whole import Trained
from mixologist.recipe.schema import Training
from mixologist.training.agreement import Agreement, agreement
from mixologist.training.losses import token_weights
from mixologist.training.optim import AdapterOptimizer


@dataclass(frozen=True)
class Measured:
    """What one update did."""

    update: Update
    losses: dict[str, float]
    """Task -> mean loss of its target tokens, before the step, in nats."""
    tokens: int
    """Target tokens."""
    computed: int
    """All tokens that went through the base."""
    rate: float
    norm: float
    """Of the gradient before clipping."""


class Updater:
    """Applies updates to the bank. Holds one optimizer per adapter (and one for ``common``) that is not frozen."""

    def __init__(
        self,
        base: Base,
        bank: Trained,
        rows: Mapping[str, Sequence[Encoded]],
        options: Training,
        frozen: Sequence[str] = (),
    ) -> None:
        if base.device.type == "cpu":
            in_large_pages()
        self.base = base
        self.bank = bank
        self.rows = rows
        self.options = options
        for index, name in enumerate(bank.parts):
            if name in frozen:
                bank.freeze(index)
        self.optimizers = {
            name: AdapterOptimizer(bank, index, options)
            for index, name in enumerate(bank.parts)
            if name not in frozen
        }

    def apply(self, updates: Sequence[Update], rates: Mapping[str, float]) -> list[Measured]:
        """One backward pass over all updates together, then one step for each adapter at its own rate."""
        segments = {update.adapter: self._segments(update) for update in updates}
        losses = self._together([segment for each in segments.values() for segment in each])
        if "common" in self.optimizers and updates:
            # Its gradient is the sum over the adapters beside it; the mean keeps its scale.
            self.bank.gradient(len(self.bank.names)).div_(len(updates))
            self.optimizers["common"].step(rates["common"])
        return [
            Measured(
                update=update,
                losses=_per_task(update, segments[update.adapter], losses),
                tokens=sum(len(segment.encoded.completion) for segment in segments[update.adapter]),
                computed=sum(segment.length for segment in segments[update.adapter]),
                rate=rates[update.adapter],
                norm=self.optimizers[update.adapter].step(rates[update.adapter]),
            )
            for update in updates
        ]

    def agreement(self, update: Update, tasks: Sequence[str]) -> Agreement:
        """Cosines between these tasks' gradients in an update that is yet to be applied, and stays as it is."""
        by_task: dict[str, list[Segment]] = {task: [] for task in tasks}
        for (task, _), segment in zip(update.draws, self._segments(update), strict=True):
            by_task.get(task, []).append(segment)
        present = {task: found for task, found in by_task.items() if found}
        return agreement(
            self.base, self.bank, present, self.options.max_tokens_per_batch,
            recompute=self.options.gradient_checkpointing,
        )  # fmt: skip

    def _segments(self, update: Update) -> list[Segment]:
        encoded = [self.rows[task][index] for task, index in update.draws]
        weights = token_weights(
            [task for task, _ in update.draws],
            [len(e.completion) for e in encoded],
            self.options.loss_weighting,
        )
        place = self.bank.names.index(update.adapter)
        return [
            Segment(place, e, weight, key=f"{update.adapter}/{update.number}/{n}")
            for n, (e, weight) in enumerate(zip(encoded, weights, strict=True))
        ]

    def _together(self, segments: Sequence[Segment]) -> dict[str, float]:
        """`_backward`, and once more with neighbours kept apart if any gradient has a number that is not finite."""
        losses, present = self._backward(segments), {segment.adapter for segment in segments}
        gradients = [self.bank.gradient(index) for index in present]
        if len(present) > 1 and not all(bool(gradient.isfinite().all()) for gradient in gradients):
            for index in range(len(self.bank.parts)):
                self.bank.gradient(index).zero_()
            with self.bank.apart():
                losses = self._backward(segments)
        return losses

    def _backward(self, segments: Sequence[Segment]) -> dict[str, float]:
        """Accumulate gradients over micro-batches; returns the summed loss of each segment by its key."""
        sums: dict[str, float] = {}
        for batch in micro_batches(segments, self.options.max_tokens_per_batch, len(self.bank.names)):
            losses = target_losses(self.base, self.bank, batch, recompute=self.options.gradient_checkpointing)
            weights = torch.as_tensor(batch.weights, dtype=losses.dtype, device=losses.device)
            (losses * weights).sum().backward()
            owner = torch.as_tensor(batch.segment_of_target, device=losses.device)
            per_segment = torch.zeros(len(batch.keys), dtype=torch.float64, device=losses.device)
            per_segment.index_add_(0, owner, losses.detach().double())
            sums.update(zip(batch.keys, per_segment.tolist(), strict=True))
        return sums


def _per_task(update: Update, segments: Sequence[Segment], sums: Mapping[str, float]) -> dict[str, float]:
    total: defaultdict[str, float] = defaultdict(float)
    tokens: defaultdict[str, int] = defaultdict(int)
    for (task, _), segment in zip(update.draws, segments, strict=True):
        total[task] += sums[segment.key]
        tokens[task] += len(segment.encoded.completion)
    return {task: total[task] / tokens[task] for task in total}
