"""The best state of each adapter on its own validation loss, and when it has stopped.

Criterion: mean over the adapter's tasks of L_t / L_t of the plain base, so that no task counts more because its loss is
large. With ``common``, which all adapters share, they are one unit: kept and stopped together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mixologist.training.optim import AdapterOptimizer


class Unit:
    """Adapters that are kept and stopped together; mostly one."""

    def __init__(
        self, adapters: Sequence[str], optimizers: Mapping[str, AdapterOptimizer], patience: int | None
    ) -> None:
        self.adapters = tuple(adapters)
        self.optimizers = {name: optimizers[name] for name in adapters}
        self.patience = patience
        self.best = float("inf")
        self.best_step = 0
        self.worse = 0
        self.stopped = False
        self.diverged = False
        self.weights: dict[str, torch.Tensor] = {}

    def update(self, criterion: float, step: int) -> bool:
        """Take a new criterion; keep the weights if it is the best so far. Returns True where this stops the unit."""
        if self.stopped:
            return False
        if criterion < self.best:
            self.best, self.best_step, self.worse = criterion, step, 0
            self.weights = {name: optimizer.flat_weights() for name, optimizer in self.optimizers.items()}
            return False
        self.worse += 1
        self.stopped = self.patience is not None and self.worse >= self.patience
        return self.stopped

    def diverge(self) -> None:
        """Stop at the best state; where none was validated yet, where it is: the last one that had a gradient."""
        self.stopped = self.diverged = True

    def put_back(self) -> None:
        """Load the best weights into the bank."""
        for name, weights in self.weights.items():
            self.optimizers[name].load_weights(weights)

    def state(self) -> dict[str, Any]:
        """The numbers of this unit as JSON (the weights go apart, as tensors)."""
        best = None if self.best == float("inf") else self.best
        return {
            "best": best, "best_step": self.best_step, "worse": self.worse, "stopped": self.stopped,
            "diverged": self.diverged,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any], weights: dict[str, torch.Tensor]) -> None:
        """Continue where `state` was taken."""
        self.best = float("inf") if state["best"] is None else state["best"]
        self.best_step, self.worse, self.stopped = state["best_step"], state["worse"], state["stopped"]
        self.diverged = state.get("diverged", False)
        self.weights = weights
