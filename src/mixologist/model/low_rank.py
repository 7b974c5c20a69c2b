"""A frozen linear and what adapters add to it, as one operation with a backward pass of its own.

    y = W x,  then  y[span] += s B A z[span]       for each span of rows and its adapter

    N = rows, n = rows of a span, r = rank, d_in, d_out = the linear's sizes; z is x, or x after dropout

Sums go into y and into the gradient of x where they lie: autograd would make and add two more tensors of each size, and
they, not the small products, are what an adapter costs. W is not trained and gets no gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from mixologist.model.families import weight


@dataclass(frozen=True, slots=True)
class Span:
    """Rows ``start`` to ``end`` (exclusive) have this adapter, by its place in the bank. Spans may overlap."""

    start: int
    end: int
    adapter: int
    scale: float


def adapted(
    linear: nn.Module,
    x: Tensor,
    z: Tensor | None,
    spans: Sequence[Span],
    factors: Sequence[tuple[Tensor, Tensor]],
) -> Tensor:
    """(N, d_in) -> (N, d_out). ``factors``: A (r, d_in) and B (d_out, r) of each span; computed in the dtype of x."""
    flat = [part for pair in factors for part in pair]
    if not torch.is_grad_enabled():
        return _forward(x, x if z is None else z, linear, spans, [part.to(x.dtype) for part in flat])[0]
    y: Tensor = _Adapted.apply(x, z, linear, tuple(spans), *flat)  # type: ignore[no-untyped-call]
    return y


def _forward(
    x: Tensor, read: Tensor, linear: nn.Module, spans: Sequence[Span], lowered: Sequence[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """(N, d_out), and what each span's A makes of what it reads (n, r)."""
    y = functional.linear(x, weight(linear), cast(Tensor | None, linear.bias))
    middles = []
    for span, a, b in zip(spans, lowered[::2], lowered[1::2], strict=True):
        middle = read[span.start : span.end] @ a.T
        y[span.start : span.end].addmm_(middle, b.T, alpha=span.scale)
        middles.append(middle)
    return y, middles


class _Adapted(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        z: Tensor | None,
        linear: nn.Module,
        spans: tuple[Span, ...],
        *factors: Tensor,
    ) -> Tensor:
        read = x if z is None else z
        lowered = [factor.to(x.dtype) for factor in factors]
        y, middles = _forward(x, read, linear, spans, lowered)
        ctx.spans, ctx.dropout, ctx.dtype = spans, z is not None, factors[0].dtype
        ctx.linear = linear  # not its weight: one of four bits would be kept in sixteen
        ctx.save_for_backward(read, *middles, *lowered)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        read, *saved = ctx.saved_tensors
        spans = ctx.spans
        middles, lowered = saved[: len(spans)], saved[len(spans) :]
        wants_x, wants_factors = ctx.needs_input_grad[0], any(ctx.needs_input_grad[4:])
        x_gradient = upstream @ weight(ctx.linear) if wants_x else None
        z_gradient = torch.zeros_like(read) if ctx.dropout and ctx.needs_input_grad[1] else None
        into = z_gradient if ctx.dropout else x_gradient
        gradients: list[Tensor | None] = []
        for span, middle, a, b in zip(spans, middles, lowered[::2], lowered[1::2], strict=True):
            part = upstream[span.start : span.end]
            inner = (part @ b).mul_(span.scale)  # (n, r)
            if into is not None:
                into[span.start : span.end].addmm_(inner, a)
            if wants_factors:
                gradients.append((inner.T @ read[span.start : span.end]).to(ctx.dtype))
                gradients.append((part.T @ middle).mul_(span.scale).to(ctx.dtype))
            else:
                gradients += [None, None]
        return x_gradient, z_gradient, None, None, *gradients
