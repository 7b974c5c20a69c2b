"""Causal attention on a CPU as batched products, a block of queries at a time.

    P = softmax(Q K^T)     O = P V
    dV = P^T dO     dS = P * (dO V^T - rowsum(P * dO V^T))     dQ = dS K     dK = dS^T Q

    N = rows times key/value heads, R = query heads that share a key/value head, L = tokens, D = head size

Queries come scaled. So Q K^T and dO V^T, P V and dS K, P^T dO and dS^T Q are the same products to oneDNN, which makes
code for each: three, and not six.

Queries a to b see keys up to b only, so that half of the products are never made. Weights P of long texts are made
again in the backward pass (Dao et al. 2022, arXiv 2205.14135, section 3.1), so that they never exist whole. PyTorch's
fused kernel does all that, too; in training on CPUs it takes 1.1 to 5 times as long (docs/decisions/0003). Its forward
pass alone takes half as long where there is AMX: there it is the forward pass, and all weights are made again.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

BLOCK = 128
"""Queries at a time. All texts are cut at its multiples, so that products have few shapes."""
KEPT = 1024
"""Tokens up to which weights are kept for the backward pass; they grow with the square."""


def causal(query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None = None) -> Tensor:
    """(n, H, L, D), (n, G, L, D), (n, G, L, D) -> (n, H, L, D); a token sees itself and ``window - 1`` before it."""
    lower = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else query.dtype
    q, k, v = (states.to(lower) for states in (query * scale, key, value))
    with torch.autocast("cpu", enabled=False):  # it would have the softmax in float32
        output: Tensor = _Causal.apply(q, k, v, window)  # type: ignore[no-untyped-call]
    return output


def fused_is_faster(dtype: torch.dtype) -> bool:
    """Whether PyTorch's kernel is, in the forward pass alone: it multiplies with AMX, its backward pass does not."""
    return dtype == torch.bfloat16 and torch.cpu._is_amx_tile_supported()


def _weights(q: Tensor, k: Tensor, a: int, b: int, window: int | None) -> Tensor:
    """P of queries ``a`` to ``b``, (N, R (b - a), keys): the keys up to b that any of them sees."""
    first = 0 if window is None else max(0, a + 1 - window)
    weights = torch.bmm(_rows(q, a, b), k[:, first:b].transpose(1, 2))
    start = a if window is None else first  # all of these queries see all keys before
    unseen = _unseen if window is None else _unseen.__wrapped__  # those of windows are many and large
    weights.view(len(k), -1, b - a, b - first)[..., start - first :].add_(
        unseen(b - a, b - start, a - start, window, q.dtype)
    )
    return weights.softmax(-1)


@lru_cache(maxsize=256)
def _unseen(rows: int, keys: int, offset: int, window: int | None, dtype: torch.dtype) -> Tensor:
    """What is added to products, (rows, keys): -inf where a query, the first at key ``offset``, does not see one."""
    masked = torch.full((rows, keys), float("-inf"), dtype=dtype)
    unseen = masked.triu(1 + offset)
    if window is not None:
        unseen += masked.tril(offset - window)
    return unseen


def _rows(states: Tensor, a: int, b: int) -> Tensor:
    """(N, R, L, D) -> (N, R (b - a), D)."""
    return states.narrow(2, a, b - a).reshape(len(states), -1, states.shape[-1])


def _blocks(length: int) -> list[tuple[int, int]]:
    """Start and end of each: ``BLOCK`` queries, and in the last from half to one and a half times as many.

    >>> _blocks(300), _blocks(336)
    ([(0, 128), (128, 300)], [(0, 128), (128, 256), (256, 336)])
    """
    cuts = [*range(0, length - BLOCK // 2 + 1, BLOCK)][1:]
    return list(pairwise([0, *cuts, length]))


class _Causal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, window: int | None) -> Tensor:
        ctx.window = window
        if window is None and fused_is_faster(query.dtype):
            ctx.save_for_backward(query, key, value)
            shared = query.shape[1] != key.shape[1]
            return scaled_dot_product_attention(
                query, key, value, is_causal=True, scale=1.0, enable_gqa=shared
            )
        q, k, v = _folded(query, key, value)
        output, kept = torch.empty_like(q), []
        for a, b in _blocks(q.shape[2]):
            weights = _weights(q, k, a, b, window)
            seen, made = weights.shape[2], output.narrow(2, a, b - a)
            made.copy_(torch.bmm(weights, v.narrow(1, b - seen, seen)).view_as(made))
            if q.shape[2] <= KEPT:
                kept.append(weights)
        ctx.save_for_backward(query, key, value, *kept)
        return output.view_as(query)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, *kept = ctx.saved_tensors
        q, k, v = _folded(query, key, value)
        given = upstream.reshape(q.shape)
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for number, (a, b) in enumerate(_blocks(q.shape[2])):
            weights = kept[number] if kept else _weights(q, k, a, b, ctx.window)
            seen, out = weights.shape[2], _rows(given, a, b)
            seen_k, seen_v, into_k, into_v = (part.narrow(1, b - seen, seen) for part in (k, v, dk, dv))
            into_v.baddbmm_(weights.transpose(1, 2), out)
            passed = torch.bmm(out, seen_v.transpose(1, 2))
            ds = torch._softmax_backward_data(passed, weights, -1, weights.dtype)
            made = dq.narrow(2, a, b - a)
            made.copy_(torch.bmm(ds, seen_k).view_as(made))
            into_k.baddbmm_(ds.transpose(1, 2), _rows(q, a, b))
        return dq.view_as(query), dk.view_as(key), dv.view_as(value), None


def _folded(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(n, H, L, D), (n, G, L, D), (n, G, L, D) -> (N, R, L, D), (N, L, D), (N, L, D)."""
    n, groups, length, size = key.shape
    q = query.reshape(n * groups, -1, length, size)
    return q, key.reshape(len(q), length, size), value.reshape(len(q), length, size)
