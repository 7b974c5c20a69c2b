"""Attention over runs of unlike lengths that lie end to end, with FlashAttention's kernels for that on a GPU.

The kernels (Dao 2023, arXiv 2307.08691) are those that PyTorch brings. They take runs as they lie: nothing is gathered
and nothing padded. What they do not know (a CPU, float32, a soft cap) goes by buckets of like length.

    n = runs, Q = queries, K = keys, H = heads, G = key/value heads, D = head size
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn.attention.varlen import varlen_attn

AMPERE, HOPPER = (8, 0), (9, 0)
"""The oldest GPUs that FlashAttention 2 is written for, and the next that have as much shared memory."""
WIDEST, WIDE = 256, range(193, 225)
"""Largest head size, in steps of 8; and those whose backward pass wants that much shared memory."""
KNOWS_ALL = {"scale", "window_size", "enable_gqa"} <= set(signature(varlen_attn).parameters)
"""Not so in the first releases of PyTorch that have it."""


@dataclass(frozen=True)
class Runs:
    """Where runs lie."""

    bounds: Tensor
    """(n + 1,), int32: 0, and where each ends."""
    longest: int

    @staticmethod
    def of(sizes: Sequence[int], device: torch.device) -> Runs:
        """Of runs of so many tokens each."""
        return Runs(torch.tensor([0, *accumulate(sizes)], dtype=torch.int32).to(device), max(sizes))


def known(device: torch.device, dtype: torch.dtype, head_size: int, *, capped: bool) -> bool:
    """Whether the kernels compute that, forward and backward."""
    if device.type != "cuda" or not torch.backends.cuda.is_flash_attention_available() or not KNOWS_ALL:
        return False
    capability = torch.cuda.get_device_capability(device)
    fits = (
        head_size % 8 == 0
        and head_size <= WIDEST
        and (head_size not in WIDE or capability in (AMPERE, HOPPER))
    )
    halves = dtype in (torch.float16, torch.bfloat16)
    return capability >= AMPERE and torch.version.hip is None and halves and fits and not capped


def attend_runs(
    query: Tensor, key: Tensor, value: Tensor, queries: Runs, keys: Runs, scale: float, window: int | None
) -> Tensor:
    """(1, H, Q, D), (1, G, K, D), (1, G, K, D) -> (1, Q, H, D).

    A run's last query is its last key's, and so on backwards; each sees its own key and those before: ``window``.
    """
    q, k, v = (states[0].transpose(0, 1) for states in (query, key, value))
    found = varlen_attn(
        q, k, v, queries.bounds, keys.bounds, queries.longest, keys.longest,
        scale=scale, window_size=(-1 if window is None else window - 1, 0), enable_gqa=q.shape[1] != k.shape[1],
    )  # fmt: skip
    assert isinstance(found, Tensor)  # no lse was asked for
    return found[None]
