"""A frozen RMS norm as one operation (Zhang and Sennrich 2019, arXiv 1910.07467), a few rows at a time.

    y = w * n,  n = r x,  r = (mean(x^2) + eps)^-1/2        dx = r (w dy - n mean(n * w dy))

    N = rows, d = hidden size

Forward to the last bit what Transformers computes with a dozen operations (n in float32, then rounded to the dtype of
x, then times w); the backward pass is in float32 throughout, and keeps x and r where autograd keeps x in float32. On a
CPU these passes over memory, not the arithmetic, are what a norm costs: rows are taken few enough to stay in its cache.
Float64, where Transformers rounds to float32 at its own places, is left to it: there packed equals padded to 1e-9.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from mixologist.model.base import Base
from mixologist.model.blocks import replaced

IN_CACHE = 2**19
"""Numbers of x that are worked on at a time: 2 MB in float32, of two cores."""


@contextmanager
def fused(base: Base) -> Iterator[None]:
    """Inside, the base's norms of this kind are one operation each, on a CPU and in training."""
    found = [module for module in base.model.modules() if _known(module)] if base.device.type == "cpu" else []
    with replaced(found, _kept):
        yield


def _kept(forward: Any) -> Any:
    """One and the same for a norm in all passes: torch.compile takes another one for another model."""
    return vars(forward.__self__).setdefault("_fused", partial(_normed, forward))


def _known(module: nn.Module) -> bool:
    """Whether it is Llama's norm, under whichever name a family has it: Gemma's rounds later and has 1 + w."""
    return type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon")


def _normed(forward: Any, x: Tensor) -> Tensor:
    norm: Any = forward.__self__
    left = norm.weight.requires_grad or not x.requires_grad or x.dtype == torch.float64
    if left or torch.compiler.is_compiling():
        return cast(Tensor, forward(x))
    y: Tensor = _Norm.apply(x, norm.weight, norm.variance_epsilon)  # type: ignore[no-untyped-call]
    return y


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, eps: float) -> Tensor:
        y, inverse = torch.empty(x.shape, dtype=x.dtype), []
        for given, made in _parts(x, y):
            n = given.to(torch.float32, copy=True)
            r = torch.rsqrt(n.pow(2).mean(-1, keepdim=True) + eps)
            torch.mul(n.mul_(r).to(x.dtype), w, out=made)
            inverse.append(r)
        ctx.save_for_backward(x, w, torch.cat(inverse))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, w, inverse = ctx.saved_tensors
        dx, wide = torch.empty(x.shape, dtype=x.dtype), w.float()
        for given, passed, r, made in _parts(x, upstream, inverse, dx):
            n, dn = given.float().mul_(r), passed.float() * wide
            along = torch.linalg.vecdot(n, dn)[..., None] / -x.shape[-1]
            made.copy_(dn.addcmul_(n, along).mul_(r))
        return dx, None, None


def _parts(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Views of the same few rows of each tensor, (..., d or 1) as (n, d or 1)."""
    size = tensors[0].shape[-1]
    rows = max(1, IN_CACHE // size)
    flat = [tensor.reshape(-1, tensor.shape[-1]) for tensor in tensors]
    yield from zip(*(tensor.split(rows) for tensor in flat), strict=True)
