"""Runs of tokens gathered into a few batches of like length, and put back in order.

Places past a run's end repeat its last token. What comes of them is read by nobody, and their gradient is zero: the
backward pass of gathering is putting back, and the other way round. Autograd, which cannot know that, would fill a
tensor of all tokens with zeros for every bucket, and add these up. Tokens behind the last run are fillers: they are in
no bucket, and zeros are put back for them.

    T = tokens, fillers included, h = heads, D = head size, n x L = runs x places of a bucket
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class Buckets:
    """Where runs that lie end to end are gathered from, as index tensors made once a batch and used in every block."""

    positions: tuple[Tensor, ...]
    """Each (n, L): which of the T tokens."""
    restore: Tensor
    """(T,): row in the concatenated, flattened buckets that holds each token; the row behind the last for fillers."""
    _by_heads: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    @staticmethod
    def of(
        sizes: Sequence[int],
        members: Sequence[Sequence[int]],
        tokens: int,
        device: torch.device,
        places: Callable[[int], int] = int,
    ) -> Buckets:
        """``sizes``: tokens of each run; ``members``: runs of each bucket, by number, of which the last may come again;
        ``tokens``: T; ``places``: L from the tokens of the longest run.
        """
        size = torch.tensor(sizes)
        start = size.cumsum(0) - size
        restore = torch.full((tokens,), -1)
        positions, done = [], 0
        for runs in members:
            offsets, rows = torch.arange(places(int(size[runs].max()))), torch.arange(len(runs))
            found = start[runs, None] + torch.minimum(offsets[None], size[runs, None] - 1)
            real = (offsets[None] < size[runs, None]) & (rows[:, None] < len(set(runs)))
            restore[found[real]] = done + torch.arange(found.numel()).view_as(found)[real]
            done += found.numel()
            positions.append(found.to(device))
        restore[restore < 0] = done
        return Buckets(tuple(positions), restore.to(device))

    def gather(self, states: Tensor) -> tuple[Tensor, ...]:
        """(1, h, T, D) -> each (n, h, L, D)."""
        found: tuple[Tensor, ...] = _Gather.apply(self, states)  # type: ignore[no-untyped-call]
        return found

    def put_back(self, parts: Sequence[Tensor]) -> Tensor:
        """Each (n, h, L, D) -> (1, T, h, D)."""
        found: Tensor = _PutBack.apply(self, *parts)  # type: ignore[no-untyped-call]
        return found

    def split(self, rows: Tensor, heads: int) -> tuple[Tensor, ...]:
        """(sum of n h L, D) -> each (n, h, L, D)."""
        shapes = [(len(p), heads, p.shape[1], rows.shape[1]) for p in self.positions]
        parts = rows.split([heads * p.numel() for p in self.positions])
        return tuple(part.view(shape) for part, shape in zip(parts, shapes, strict=True))

    def indices(self, heads: int) -> tuple[Tensor, Tensor]:
        """(sum of n h L,): row of (T h, D) that each place holds; (T h,): the place that holds each row."""
        if heads not in self._by_heads:
            head = torch.arange(heads, device=self.restore.device)
            rows = torch.cat([(heads * p[:, None] + head[:, None]).flatten() for p in self.positions])
            numbers = self.split(torch.arange(len(rows), device=rows.device)[:, None], heads)
            behind = rows.new_full((1, heads), len(rows))
            places = [part[..., 0].transpose(1, 2).flatten(0, 1) for part in numbers]
            self._by_heads[heads] = rows, torch.cat([*places, behind])[self.restore].flatten()
        return self._by_heads[heads]


def _gathered(buckets: Buckets, states: Tensor) -> tuple[Tensor, ...]:
    _, heads, _, size = states.shape
    rows = states[0].transpose(0, 1).reshape(-1, size)
    return buckets.split(rows.index_select(0, buckets.indices(heads)[0]), heads)


def _in_order(buckets: Buckets, parts: Sequence[Tensor]) -> Tensor:
    _, heads, _, size = parts[0].shape
    rows = torch.cat([*(part.reshape(-1, size) for part in parts), parts[0].new_zeros(1, size)])
    return rows.index_select(0, buckets.indices(heads)[1]).view(1, -1, heads, size)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, buckets: Buckets, states: Tensor) -> tuple[Tensor, ...]:
        ctx.buckets = buckets
        return _gathered(buckets, states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[None, Tensor]:
        return None, _in_order(ctx.buckets, upstream).transpose(1, 2)


class _PutBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, buckets: Buckets, *parts: Tensor) -> Tensor:
        ctx.buckets = buckets
        return _in_order(buckets, parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        _, _, heads, size = upstream.shape
        places, rows = ctx.buckets.indices(heads)
        found = upstream.new_zeros(len(places) + 1, size).index_copy_(0, rows, upstream.reshape(-1, size))
        return None, *ctx.buckets.split(found[:-1], heads)
