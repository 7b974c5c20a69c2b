"""Attention over what Transformers has no layout for: packed segments, and (in `generate`) labels side by side.

One attention function for every family. A block says how it weighs what it sees (`Weighing`: scale, sliding window,
soft cap), a layout says which token sees which.

A pack: each segment attends to itself alone, causally, and no token is padding. A GPU has kernels that take segments as
they lie (`varlen`). Elsewhere segments of like length are gathered into one batch. Padding to the longest of such a
bucket stands on the right, where causal attention cannot see it, so that no mask is needed.

    T = tokens, H = heads, G = key/value heads, D = head size, n x L = segments x places of a bucket,
    Q x K = queries x keys
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface

from mixologist.model.buckets import Buckets
from mixologist.model.causal import causal
from mixologist.model.tiles import rounded
from mixologist.model.varlen import Runs, attend_runs, known

NAME = "mixologist"
"""Of our attention function, as Transformers knows it."""
REVISION = 5
"""Of its numbers: raised when what it computes is rounded in another way, so that stored states are made anew."""
HALVES = (torch.float16, torch.bfloat16)
"""What a GPU's flash attention computes in, the one fused kernel that lets heads share keys."""
LONGEST_PRODUCT = 512
"""Queries up to which weights under a mask are held whole (they grow with the square)."""


@dataclass(frozen=True)
class Weighing:
    """How a block turns products of queries and keys into weights."""

    scale: float
    window: int | None
    """A token sees itself and the ``window - 1`` tokens before it; None: all before it."""
    softcap: float | None
    """c in c tanh(x / c), what Gemma 2 makes of a scaled product (arXiv 2408.00118, section 2); None: nothing."""


class Layout(Protocol):
    """Which token sees which."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """(B, H, Q, D), (B, G, K, D), (B, G, K, D) -> (B, Q, H, D)."""
        ...


@dataclass(frozen=True)
class Packing:
    """Segments laid end to end, with fillers behind to make ``tokens`` of them."""

    lengths: Sequence[int]
    """Tokens of each segment."""
    tokens: int
    device: torch.device
    few_shapes: bool
    """Whether few numbers of segments and places occur in buckets, every new shape having its price (`tiles`)."""

    @cached_property
    def members(self) -> list[list[int]]:
        """Numbers of the segments in each bucket."""
        runs = _by_length(self.lengths)
        return [_few_numbers(run) for run in runs] if self.few_shapes else runs

    @cached_property
    def buckets(self) -> Buckets:
        """Of all the pack's tokens."""
        places = _places if self.few_shapes else int
        return Buckets.of(self.lengths, self.members, self.tokens, self.device, places)

    @cached_property
    def runs(self) -> Runs:
        """The segments as kernels for unlike lengths take them: without fillers, which there are none of then."""
        return Runs.of(self.lengths, self.device)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """As `Layout` has it, with B = 1 and Q = K = T."""
        if as_runs(query, weighing):
            return attend_runs(query, key, value, self.runs, self.runs, weighing.scale, weighing.window)
        parts = zip(*(self.buckets.gather(states) for states in (query, key, value)), strict=True)
        return self.buckets.put_back([attend(q, k, v, None, weighing) for q, k, v in parts])


def as_runs(query: Tensor, weighing: Weighing) -> bool:
    """Whether kernels for unlike lengths compute that, and nothing has to be gathered."""
    return known(query.device, query.dtype, query.shape[-1], capped=weighing.softcap is not None)


def _by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Segment numbers by `_places`, shortest first."""
    ordered = sorted(range(len(lengths)), key=lambda i: lengths[i])
    return [list(run) for _, run in groupby(ordered, key=lambda i: _places(lengths[i]))]


def _places(length: int) -> int:
    """Four numbers in each octave, so that at most a fifth of a bucket's rows are padding (of short ones more)."""
    return rounded(length, 4)


def _few_numbers(run: list[int]) -> list[int]:
    """The run with its last segment again, so that few numbers of segments occur."""
    return run + run[-1:] * (rounded(len(run), 4, 1) - len(run))


def attend(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None, weighing: Weighing) -> Tensor:
    """(n, H, Q, D), (n, G, K, D), (n, G, K, D) -> (n, H, Q, D).

    ``seen``: bool, to be broadcast to (n, H, Q, K), the window in it; None is causal within the window, and Q = K.
    """
    on_cpu = query.device.type == "cpu"
    if seen is None and weighing.window is not None and weighing.window >= query.shape[2]:
        weighing = replace(weighing, window=None)  # it hides nothing: no mask, and the fused kernel
    if seen is None and on_cpu and weighing.softcap is None:
        return causal(query, key, value, weighing.scale, weighing.window)
    if seen is None and (weighing.window or weighing.softcap):
        seen = _causally_seen(query.shape[2], weighing.window, query.device)
    if seen is not None and weighing.softcap is not None:
        return _capped(query, key, value, seen, weighing.scale, weighing.softcap)
    if seen is not None and on_cpu and query.dtype == torch.bfloat16 and query.shape[2] <= LONGEST_PRODUCT:
        return _masked(seen, query, key, value, weighing.scale)
    if not on_cpu and (seen is not None or query.dtype not in HALVES):  # no fused kernel shares keys then
        key, value = _alike(query, key), _alike(query, value)
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=seen, is_causal=seen is None, scale=weighing.scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )  # fmt: skip


def _causally_seen(length: int, window: int | None, device: torch.device) -> Tensor:
    """(L, L): a token sees itself and those before it, ``window`` tokens in all."""
    seen = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return seen if window is None else seen.triu(1 - window)


def _capped(query: Tensor, key: Tensor, value: Tensor, seen: Tensor, scale: float, cap: float) -> Tensor:
    """Attention written out: neither kernel knows a soft cap."""
    key, value = _alike(query, key), _alike(query, value)
    products = cap * torch.tanh(query @ key.transpose(2, 3) * (scale / cap))
    return products.masked_fill(~seen, float("-inf")).softmax(-1) @ value


def _alike(query: Tensor, states: Tensor) -> Tensor:
    """(n, G, K, D) -> (n, H, K, D): each head its own keys or values."""
    return states.repeat_interleave(query.shape[1] // states.shape[1], dim=1)


def _masked(seen: Tensor, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """Any mask, weights held whole: the heads that share keys are more queries to these."""
    n, heads, length, size = query.shape
    q, k, v = (states.reshape(n * key.shape[1], -1, size) for states in (query * scale, key, value))
    products = torch.bmm(q, k.transpose(1, 2)).view(n, heads, length, -1)
    weights = products.masked_fill_(~seen, float("-inf")).softmax(-1)
    return torch.bmm(weights.view(len(q), q.shape[1], -1), v).view(n, heads, length, size)


def _attention(
    module: Any,  # noqa: ARG001 - the interface's first argument
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    layout: Layout,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention function for Transformers' `AttentionInterface`: shapes as in `Layout`, and no weights."""
    assert attention_mask is None
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return layout.attend(query, key, value, Weighing(scale, sliding_window, softcap)), None


AttentionInterface.register(NAME, _attention)


@contextmanager
def uncompiled() -> Iterator[None]:
    """Inside, torch.compile leaves this attention as it is: another pack would be another program."""
    AttentionInterface.register(NAME, torch.compiler.disable(_attention))
    try:
        yield
    finally:
        AttentionInterface.register(NAME, _attention)


@contextmanager
def laid_out(model: Any) -> Iterator[None]:
    """Inside, the model wants ``layout=`` in every call; outside, it takes ordinary padded batches."""
    before = model.config._attn_implementation
    if before != NAME:
        model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        if before != NAME:
            model.set_attn_implementation(before)
