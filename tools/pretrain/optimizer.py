"""Muon for the matrices of the blocks, AdamW for embeddings and norms, one learning-rate factor for both.

Muon (Jordan et al., 2024) orthogonalises the momentum of a matrix before the step; ``match_rms_adamw`` scales it as
Moonlight does (Liu et al., 2025, arXiv:2502.16982), so that both take learning rates of one size. PyTorch's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim import AdamW, Muon, Optimizer


def build(model: nn.Module, name: str, rate: float, embedding_rate: float, decay: float) -> list[Optimizer]:
    """Optimizers of a Llama. ``adamw`` puts everything into one AdamW, as the control."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." in n]
    tables = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." not in n]
    norms = [p for p in model.parameters() if p.ndim == 1]
    rest = [
        {"params": tables, "lr": embedding_rate, "weight_decay": 0.0},
        {"params": norms, "lr": embedding_rate, "weight_decay": 0.0},
    ]
    betas = (0.9, 0.95)
    if name == "adamw":
        return [
            AdamW([{"params": matrices, "lr": rate, "weight_decay": decay}, *rest], betas=betas, fused=True)
        ]
    muon = Muon(matrices, lr=rate, momentum=0.95, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
    return [muon, AdamW(rest, betas=betas, fused=True)]


def set_factor(optimizers: list[Optimizer], factor: float) -> None:
    """Every learning rate to ``factor`` times its peak."""
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group.setdefault("peak", group["lr"])
        group["lr"] = group["peak"] * factor


def save(optimizers: list[Optimizer], file: Path) -> None:
    """Moments and momenta as safetensors: nothing is ever pickled."""
    flat: dict[str, torch.Tensor] = {}
    for number, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                flat[f"{number}/{index}/{key}"] = torch.as_tensor(value).contiguous()
    save_file(flat, file)


def load(optimizers: list[Optimizer], file: Path) -> None:
    """The reverse of `save`, into freshly built optimizers of the same model."""
    states: list[dict[int, dict[str, Any]]] = [{} for _ in optimizers]
    for name, value in load_file(file).items():
        number, index, key = name.split("/")
        states[int(number)].setdefault(int(index), {})[key] = value
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
