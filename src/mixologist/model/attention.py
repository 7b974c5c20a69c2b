"""Attention over packed segments: each attends to itself alone, causally, and no token is padding.

Segments of like length are gathered into one batch for the fused kernel. Padding to the longest of such a bucket stands
on the right, where causal attention cannot see it, so that no mask is needed.

    T = tokens, S = segments, H = heads, G = key/value heads, D = head size, n x L = segments x length of a bucket
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface

PACKED = "mixologist_packed"
LONGEST_PRODUCT = 512
"""Tokens up to which attention weights are held whole (they grow with the square)."""
SLACK = 1.25
"""Longest over shortest in one bucket: at most a fifth of its rows are padding."""


@dataclass(frozen=True)
class Packing:
    """Where the segments of a pack lie, as index tensors made once a batch and used in every block."""

    buckets: tuple[
        Tensor, ...
    ]  # each (n, L): token positions; places past a segment's end repeat its last token
    restore: Tensor  # (T,): row in the concatenated, flattened buckets that holds each token

    @staticmethod
    def of(lengths: Sequence[int], device: torch.device) -> Packing:
        """The packing of segments laid end to end."""
        starts = [0]
        for length in lengths:
            starts.append(starts[-1] + length)
        restore = torch.empty(starts[-1], dtype=torch.long)
        buckets, row = [], 0
        for members in _by_length(lengths):
            longest = lengths[members[-1]]
            offsets = torch.arange(longest)
            size = torch.tensor([lengths[i] for i in members])
            start = torch.tensor([starts[i] for i in members])
            positions = start[:, None] + torch.minimum(offsets[None], size[:, None] - 1)
            real = offsets[None] < size[:, None]
            restore[positions[real]] = row + torch.arange(positions.numel()).view_as(positions)[real]
            row += positions.numel()
            buckets.append(positions.to(device))
        return Packing(tuple(buckets), restore.to(device))


def _by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Segment numbers, shortest first, in runs whose longest is at most SLACK times the shortest."""
    runs: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if runs and lengths[number] <= SLACK * lengths[runs[-1][0]]:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def packed_attention(
    module: Any,  # noqa: ARG001 - the interface's first argument
    query: Tensor,  # (1, H, T, D)
    key: Tensor,  # (1, G, T, D)
    value: Tensor,  # (1, G, T, D)
    attention_mask: Tensor | None,
    *,
    packing: Packing,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention function for Transformers' `AttentionInterface`; returns (1, T, H, D) and no weights."""
    assert attention_mask is None
    assert query.shape[0] == 1
    states = [states[0].transpose(0, 1).flatten(1) for states in (query, key, value)]  # (T, heads * D)
    outputs = [_bucket(states, bucket, query.shape[-1], scaling) for bucket in packing.buckets]
    output = torch.cat(outputs).index_select(0, packing.restore)
    return output.view(1, query.shape[2], query.shape[1], -1), None


def _bucket(states: list[Tensor], positions: Tensor, head_size: int, scaling: float | None) -> Tensor:
    """Causal attention of one bucket: rows (n * L, H * D)."""
    n, length = positions.shape
    query, key, value = (
        s.index_select(0, positions.flatten()).view(n, length, -1, head_size).transpose(1, 2) for s in states
    )
    if query.dtype == torch.bfloat16 and query.device.type == "cpu" and length <= LONGEST_PRODUCT:
        output = _products(query, key, value, scaling)
    else:
        output = functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=query.shape[1] != key.shape[1]
        )
    return output.transpose(1, 2).reshape(n * length, -1)


def _products(query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
    """The same as batched products: on a CPU the fused kernel's bfloat16 backward takes two to four times as long."""
    n, heads, length, size = query.shape
    repeat = heads // key.shape[1]
    q, k, v = (
        states.repeat_interleave(times, dim=1).reshape(n * heads, length, size) if times > 1
        else states.reshape(n * heads, length, size)
        for states, times in ((query, 1), (key, repeat), (value, repeat))
    )  # fmt: skip
    future = torch.full((length, length), float("-inf"), dtype=query.dtype).triu(1)
    scale = size**-0.5 if scaling is None else scaling
    weights = torch.baddbmm(future.expand(n * heads, -1, -1), q, k.transpose(1, 2), alpha=scale).softmax(-1)
    return torch.bmm(weights, v).view(n, heads, length, size)


def install(model: Any) -> None:
    """Let Transformers know the packed attention; ordinary attention (sdpa) stays the default."""
    AttentionInterface.register(PACKED, packed_attention)
    model.set_attn_implementation("sdpa")


@contextmanager
def packed(model: Any) -> Iterator[None]:
    """Inside, the model takes packs (and wants ``packing=`` in every call); outside, ordinary padded batches."""
    model.set_attn_implementation(PACKED)
    try:
        yield
    finally:
        model.set_attn_implementation("sdpa")
