"""A frozen linear and what adapters add to it, as one operation with a backward pass of its own.

    y = W x,  then  y[span] += s B A z[span]       for each span of rows and its adapter

    N = rows, n = rows of a span, r = rank, d_in, d_out = the linear's sizes; z is x, or x after dropout

Sums go into y and into the gradient of x where they lie: autograd would make and add two more tensors of each size, and
they, not the small products, are what an adapter costs. W is not trained and gets no gradient.

B is taken as its transpose (r, d_out), which lies as A does. So A x and the gradient's way through B are one shape to
the library that multiplies, B's sums and the gradient's through A another, and both gradients a third (`tiles`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from mixologist.model.families import weight
from mixologist.model.tiles import Window, shapes_cost, windows


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
    spans: tuple[Span, ...],
    factors: Sequence[tuple[Tensor, Tensor]],
    *,
    apart: bool = False,
) -> Tensor:
    """(N, d_in) -> (N, d_out). ``factors``: A (r, d_in) and B (d_out, r) of each span; computed in the dtype of x.

    Where products have few shapes (`tiles`) rows of other spans, times zero, are among the sums of a span's gradients:
    if they are not finite, neither are these. With ``apart`` no product reads another span's rows.
    """
    flat = [part for pair in factors for part in pair]
    pieces = _pieces(
        spans, len(x), apart=apart, trained=torch.is_grad_enabled(), few_shapes=shapes_cost(x.device, x.dtype)
    )
    if not torch.is_grad_enabled():
        return _forward(x, x if z is None else z, linear, pieces, _lowered(x.dtype, flat))[0]
    y: Tensor = _Adapted.apply(x, z, linear, pieces, *flat)  # type: ignore[no-untyped-call]
    return y


@dataclass(frozen=True, slots=True)
class _Piece:
    """A window over rows of a span, by the span's number."""

    window: Window
    span: int
    scale: float


@lru_cache(maxsize=64)
def _pieces(
    spans: tuple[Span, ...], rows: int, *, apart: bool, trained: bool, few_shapes: bool
) -> tuple[_Piece, ...]:
    """The same for all linears of a pass."""
    return tuple(
        _Piece(window, number, span.scale)
        for number, span in enumerate(spans)
        for window in windows(rows, span.start, span.end, apart=apart, trained=trained, few_shapes=few_shapes)
    )


def _lowered(dtype: torch.dtype, flat: Sequence[Tensor]) -> list[Tensor]:
    """A (r, d_in) and B transposed (r, d_out) of each span."""
    lying = [part.T if number % 2 else part for number, part in enumerate(flat)]
    return [part.to(dtype, memory_format=torch.contiguous_format).contiguous() for part in lying]


def _forward(
    x: Tensor, read: Tensor, linear: nn.Module, pieces: Sequence[_Piece], lowered: Sequence[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """(N, d_out), and s A z of the rows of each piece (n, r)."""
    y = functional.linear(x, weight(linear), cast(Tensor | None, linear.bias))
    middles = []
    for piece in pieces:
        a, b = lowered[2 * piece.span : 2 * piece.span + 2]
        middle = piece.window.only((read[piece.window.rows] @ a.T).mul_(piece.scale))
        y[piece.window.rows].addmm_(middle, b)
        middles.append(middle)
    return y, middles


class _Adapted(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        z: Tensor | None,
        linear: nn.Module,
        pieces: Sequence[_Piece],
        *factors: Tensor,
    ) -> Tensor:
        read = x if z is None else z
        lowered = _lowered(x.dtype, factors)
        y, middles = _forward(x, read, linear, pieces, lowered)
        ctx.pieces, ctx.dropout, ctx.dtype = pieces, z is not None, factors[0].dtype
        ctx.linear = linear  # not its weight: one of four bits would be kept in sixteen
        ctx.save_for_backward(read, *lowered, *middles)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        read, *saved = ctx.saved_tensors
        wants_x, wanted = ctx.needs_input_grad[0], ctx.needs_input_grad[4::2]
        lowered, middles = saved[: 2 * len(wanted)], saved[2 * len(wanted) :]
        x_gradient = upstream @ weight(ctx.linear) if wants_x else None
        z_gradient = torch.zeros_like(read) if ctx.dropout and ctx.needs_input_grad[1] else None
        into = z_gradient if ctx.dropout else x_gradient
        gradients: list[Tensor | None] = [None] * len(lowered)
        for piece, middle in zip(ctx.pieces, middles, strict=True):
            a, b = lowered[2 * piece.span : 2 * piece.span + 2]
            part = upstream[piece.window.rows]
            inner = piece.window.only((part @ b.T).mul_(piece.scale))  # (n, r)
            if into is not None:
                into[piece.window.rows].addmm_(inner, a)
            if wanted[piece.span]:
                _add(gradients, 2 * piece.span, (inner.T @ read[piece.window.rows]).to(ctx.dtype))
                _add(gradients, 2 * piece.span + 1, (middle.T @ part).to(ctx.dtype).T)
        return x_gradient, z_gradient, None, None, *gradients


def _add(gradients: list[Tensor | None], place: int, part: Tensor) -> None:
    before = gradients[place]
    gradients[place] = part if before is None else before.add_(part)
