"""Losses at the output head, some target tokens at a time, so that the logits never exist whole.

    l_i = -log softmax(W h_i)[t_i]        dl_i / dh_i = W^T (softmax(W h_i) - onehot(t_i))

    C = target tokens, d = hidden size, V = vocabulary

A head that is not trained needs nothing of its logits but the second line: it is taken in the forward pass, while a
part's logits are there, and kept as (C, d); the backward pass scales it (as Liger Kernel does, arXiv 2410.10989). A
trained head, of a fully fine-tuned baseline, computes a part's logits again in the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from mixologist.model.families import logits
from mixologist.model.tiles import filled, rounded, rounded_down, shapes_cost

AT_ONCE = 2**23
"""Logits that exist at a time: 32 MB in float32."""
IN_CACHE = 2**20
"""Of these, what a CPU turns into gradients at a time: 4 MB in float32, 2 of each core's."""


def losses_at_head(model: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood (C,) in nats of ``targets`` (C,) from what the head reads (C, d), at least in float32."""
    rows = max(1, AT_ONCE // model.config.vocab_size)
    if shapes_cost(hidden.device, hidden.dtype):
        rows = rounded_down(rows)
    if torch.is_grad_enabled() and any(p.requires_grad for p in model.get_output_embeddings().parameters()):
        parts = zip(hidden.split(rows), targets.split(rows), strict=True)
        return torch.cat([checkpoint(_losses, model, *part, use_reentrant=False) for part in parts])
    losses: Tensor = _Frozen.apply(hidden, targets, rows, model)  # type: ignore[no-untyped-call]
    return losses


def _losses(model: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(_wide(logits(model, hidden)), targets, reduction="none")


def _wide(numbers: Tensor) -> Tensor:
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))


class _Frozen(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, rows: int, model: Any) -> Tensor:
        wanted, few_shapes = ctx.needs_input_grad[0], shapes_cost(hidden.device, hidden.dtype)
        losses, gradients = [], []
        for read, aims in zip(hidden.split(rows), targets.split(rows), strict=True):
            n = len(read)
            with torch.set_grad_enabled(wanted):
                leaf = filled(read.detach(), rounded(n) if few_shapes else n).requires_grad_(wanted)
                found = logits(model, leaf)
            over = torch.empty_like(found) if wanted else None
            losses += _of_logits(found[:n].detach(), aims, None if over is None else over[:n])
            if over is not None:
                over[n:] = 0
                gradients.append(torch.autograd.grad(found, leaf, over)[0][:n])
        if wanted:
            ctx.save_for_backward(torch.cat(gradients))
        return torch.cat(losses)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return (upstream[:, None] * gradient).to(gradient.dtype), None, None, None


def _of_logits(found: Tensor, targets: Tensor, over: Tensor | None) -> list[Tensor]:
    """Losses of logits (n, V), and into ``over`` (n, V) their gradients.

    On a CPU a few rows at a time, which stay in its cache from the first step to the last: this is bound by memory.
    """
    rows = max(1, IN_CACHE // found.shape[1]) if found.device.type == "cpu" else len(found)
    losses = []
    for start in range(0, len(found), rows):
        part = slice(start, start + rows)
        aims = targets[part, None]
        wide = found[part].log_softmax(1, dtype=torch.promote_types(found.dtype, torch.float32))
        losses.append(-wide.gather(1, aims)[:, 0])
        if over is not None:
            over[part] = wide.exp_().scatter_add_(1, aims, wide.new_full(aims.shape, -1))
    return losses
