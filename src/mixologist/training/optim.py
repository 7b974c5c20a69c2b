"""One AdamW and one learning-rate schedule per adapter: an adapter that is absent from an update does not move."""

from __future__ import annotations

import math

import torch

from mixologist.model.adapters import Bank
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
    """Clipping and AdamW (Loshchilov & Hutter 2019) over the views that make up one adapter of the bank."""

    def __init__(self, bank: Bank, index: int, options: Training) -> None:
        self.bank = bank
        self.index = index
        self.max_norm = options.max_grad_norm
        self.parameters = [torch.nn.Parameter(view) for view in bank.weights(index)]
        self.adamw = torch.optim.AdamW(
            self.parameters,
            lr=options.learning_rate,
            betas=(options.adam_beta1, options.adam_beta2),
            eps=options.adam_epsilon,
            weight_decay=options.weight_decay,
            foreach=True,
        )

    def step(self, rate: float) -> float:
        """Clip this adapter's gradient to ``max_norm``, step, clear it. Returns the norm before clipping.

        A gradient that is not finite moves nothing.
        """
        for parameter, gradient in zip(self.parameters, self.bank.gradients(self.index), strict=True):
            parameter.grad = gradient
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.max_norm))
        self.adamw.param_groups[0]["lr"] = rate
        if math.isfinite(norm):
            self.adamw.step()
        self.clear()
        return norm

    def clear(self) -> None:
        """Zero this adapter's gradient in place."""
        torch._foreach_zero_(self.bank.gradients(self.index))

    def tensors(self) -> dict[str, torch.Tensor]:
        """Weights and moments as flat vectors, and the step count: all that the next step depends on."""
        flat = {"weights": _flat(self.parameters)}
        states = [self.adamw.state[parameter] for parameter in self.parameters]
        if states[0]:
            flat |= {name: _flat([state[name] for state in states]) for name in ("exp_avg", "exp_avg_sq")}
            flat["step"] = states[0]["step"].reshape(1).clone()
        return flat

    def restore(self, flat: dict[str, torch.Tensor]) -> None:
        """Continue exactly where `tensors` was taken."""
        self.load_weights(flat["weights"])
        if "step" not in flat:
            return
        moments = {name: self._split(flat[name]) for name in ("exp_avg", "exp_avg_sq")}
        for number, parameter in enumerate(self.parameters):
            self.adamw.state[parameter] = {
                "step": flat["step"][0].clone(),
                **{name: parts[number].to(parameter.device, copy=True) for name, parts in moments.items()},
            }

    def flat_weights(self) -> torch.Tensor:
        """A copy of the adapter's numbers, (P,)."""
        return _flat(self.parameters)

    def load_weights(self, flat: torch.Tensor) -> None:
        """Put numbers (P,) back in place."""
        for parameter, part in zip(self.parameters, self._split(flat), strict=True):
            parameter.data.copy_(part)

    def _split(self, flat: torch.Tensor) -> list[torch.Tensor]:
        pieces = flat.split([parameter.numel() for parameter in self.parameters])
        return [piece.view_as(parameter) for piece, parameter in zip(pieces, self.parameters, strict=True)]


def _flat(tensors: list[torch.Tensor] | list[torch.nn.Parameter]) -> torch.Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
