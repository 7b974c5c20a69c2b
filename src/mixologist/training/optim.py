"""One AdamW and one learning-rate schedule per adapter: an adapter that is absent from an update does not move."""

from __future__ import annotations

import math

import torch

from mixologist.model.whole import Trained
from mixologist.recipe.schema import Training


def learning_rate(update: int, horizon: int, options: Training) -> float:
    """Rate of an adapter's update (from 0) out of ``horizon``: linear warm-up, then cosine, linear or constant.

    >>> [round(learning_rate(u, 4, Training(learning_rate=1.0, warmup_ratio=0.25)), 2) for u in range(4)]
    [1.0, 1.0, 0.75, 0.25]
    """
    warmup = math.ceil(options.warmup_ratio * horizon)
    if update < warmup:
        return options.learning_rate * (update + 1) / warmup
    done = min(1.0, (update - warmup) / max(1, horizon - warmup))
    if options.lr_scheduler_type == "cosine":
        return options.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    return options.learning_rate * (1 - done if options.lr_scheduler_type == "linear" else 1.0)


class AdapterOptimizer:
    """Clipping and AdamW (Loshchilov & Hutter 2019) over the vector of one adapter, or of a whole model."""

    def __init__(self, bank: Trained, index: int, options: Training) -> None:
        self.bank = bank
        self.index = index
        self.max_norm = options.max_grad_norm
        self.parameter = torch.nn.Parameter(bank.flat[index])
        self.adamw = torch.optim.AdamW(
            [self.parameter],
            lr=options.learning_rate,
            betas=(options.adam_beta1, options.adam_beta2),
            eps=options.adam_epsilon,
            weight_decay=options.weight_decay,
            fused=True,
        )

    def step(self, rate: float) -> float:
        """Clip this adapter's gradient to ``max_norm``, step, clear it. Returns the norm before clipping.

        A gradient that is not finite moves nothing.
        """
        self.parameter.grad = self.bank.gradient(self.index)
        norm = float(torch.nn.utils.clip_grad_norm_([self.parameter], self.max_norm))
        self.adamw.param_groups[0]["lr"] = rate
        if math.isfinite(norm):
            self.adamw.step()
        self.parameter.grad.zero_()
        return norm

    def tensors(self) -> dict[str, torch.Tensor]:
        """Weights and moments (P,), and the step count: all that the next step depends on, and not copies of it."""
        flat = {"weights": self.bank.flat[self.index]}
        state = self.adamw.state[self.parameter]
        if state:
            flat |= {name: state[name] for name in ("exp_avg", "exp_avg_sq")}
            flat["step"] = state["step"].reshape(1).clone()
        return flat

    def restore(self, flat: dict[str, torch.Tensor]) -> None:
        """Continue exactly where `tensors` was taken."""
        self.load_weights(flat["weights"])
        if "step" in flat:
            device = self.parameter.device
            moments = {name: flat[name].to(device, copy=True) for name in ("exp_avg", "exp_avg_sq")}
            self.adamw.state[self.parameter] = {"step": flat["step"][0].to(device, copy=True), **moments}

    def flat_weights(self) -> torch.Tensor:
        """A copy of the adapter's numbers, (P,), in the machine's own memory: a GPU's is dearer."""
        return self.bank.flat[self.index].to("cpu", copy=True)

    def load_weights(self, flat: torch.Tensor) -> None:
        """Put numbers (P,) back in place."""
        self.bank.flat[self.index].copy_(flat)
