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

AT_ONCE = 2**23
"""Logits that exist at a time: 32 MB in float32."""


def losses_at_head(model: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood (C,) in nats of ``targets`` (C,) from what the head reads (C, d), at least in float32."""
    rows = max(1, AT_ONCE // model.config.vocab_size)
    if torch.is_grad_enabled() and any(p.requires_grad for p in model.get_output_embeddings().parameters()):
        parts = zip(hidden.split(rows), targets.split(rows), strict=True)
        return torch.cat([checkpoint(_losses, model, *part, use_reentrant=False) for part in parts])
    losses: Tensor = _Frozen.apply(hidden, targets, rows, model)  # type: ignore[no-untyped-call]
    return losses


def _losses(model: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(_wide(logits(model, hidden)), targets, reduction="none")


def _wide(numbers: Tensor) -> Tensor:
    return numbers if numbers.dtype == torch.float64 else numbers.float()


class _Frozen(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, rows: int, model: Any) -> Tensor:
        wanted = ctx.needs_input_grad[0]
        losses, gradients = [], []
        for read, aims in zip(hidden.split(rows), targets.split(rows), strict=True):
            with torch.set_grad_enabled(wanted):
                leaf = read.detach().requires_grad_(wanted)
                found = logits(model, leaf)
            log = _wide(found.detach()).log_softmax(-1)
            losses.append(-log.gather(1, aims[:, None])[:, 0])
            if wanted:
                over = log.exp_()  # softmax, where the logarithms were: they are the most memory here
                over[torch.arange(len(aims), device=aims.device), aims] -= 1
                gradients += torch.autograd.grad(found, leaf, over.to(found.dtype))
        if wanted:
            ctx.save_for_backward(torch.cat(gradients))
        return torch.cat(losses)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return (upstream[:, None] * gradient).to(gradient.dtype), None, None, None
