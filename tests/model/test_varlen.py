"""Attention by kernels for unlike lengths: the losses and gradients of buckets of like length.

No CPU has these kernels. So PyTorch's operation is given one here that computes what FlashAttention computes, and the
way to it is tested whole: which runs, how the last block's few queries stand to their keys, windows, shared keys.
Where there is a GPU its own kernels are held against buckets.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import varlen as of_torch

from mixologist.mixing.batching import pack
from mixologist.model import attention, varlen
from mixologist.model.base import load_base
from mixologist.model.buckets import Buckets
from mixologist.model.families import FAMILIES
from tests.model.test_few_shapes import MIXED, losses_and_gradients
from tests.tiny import bank_of, save_base, segments, tiny


def weighed(query: Tensor, key: Tensor, described: Any) -> Iterator[tuple[slice, slice, Tensor]]:
    """Run by run its queries, its keys and weights (H, Q, K); as FlashAttention has it, both end together."""
    of_queries, of_keys, causal, scale, (left, right) = described
    for (a, b), (c, d) in zip(pairwise(of_queries.tolist()), pairwise(of_keys.tolist()), strict=True):
        other, place = torch.arange(d - c), torch.arange(b - a)[:, None] + (d - c) - (b - a)
        seen = (other <= place) if causal or right == 0 else torch.ones(b - a, d - c, dtype=torch.bool)
        if left >= 0:
            seen &= other >= place - left
        products = torch.einsum("qhd,khd->hqk", query[a:b], alike(query, key[c:d])) * scale
        yield slice(a, b), slice(c, d), products.masked_fill(~seen, -torch.inf).softmax(-1)


def alike(query: Tensor, states: Tensor) -> Tensor:
    return states.repeat_interleave(query.shape[1] // states.shape[1], dim=1)


def forward_kernel(q: Tensor, k: Tensor, v: Tensor, *described: Any) -> tuple[Tensor, Tensor, Tensor]:
    of_queries, of_keys, _, _, *how = described
    output = torch.empty_like(q)
    for queries, keys, weights in weighed(q, k, (of_queries, of_keys, *how[:3])):
        output[queries] = torch.einsum("hqk,khd->qhd", weights, alike(q, v[keys]))
    return output, torch.empty(q.shape[1], len(q)), torch.zeros(2, dtype=torch.uint64)


def backward_kernel(upstream: Tensor, q: Tensor, k: Tensor, v: Tensor, *described: Any) -> tuple[Tensor, ...]:
    _, _, of_queries, of_keys, _, _, causal, _, scale, window = described
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for queries, keys, weights in weighed(q, k, (of_queries, of_keys, causal, scale, window)):
        passed = torch.einsum("qhd,khd->hqk", upstream[queries], alike(q, v[keys]))
        ds = scale * weights * (passed - (weights * passed).sum(-1, keepdim=True))
        dq[queries] = torch.einsum("hqk,khd->qhd", ds, alike(q, k[keys]))
        dk[keys] = summed(k, torch.einsum("hqk,qhd->khd", ds, q[queries]))
        dv[keys] = summed(v, torch.einsum("hqk,qhd->khd", weights, upstream[queries]))
    return dq, dk, dv


def summed(states: Tensor, gradient: Tensor) -> Tensor:
    """Over the heads that share them."""
    return gradient.reshape(len(gradient), states.shape[1], -1, states.shape[2]).sum(2)


@pytest.fixture
def on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    of_torch._varlen_attn.register_kernel("cpu", forward_kernel)
    of_torch._varlen_attn_backward.register_kernel("cpu", backward_kernel)
    monkeypatch.setattr(attention, "known", lambda *_, capped: not capped)
    return monkeypatch


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("recompute", [False, True])
def test_losses_and_gradients_are_those_by_buckets(
    tmp_path: Path, on_a_cpu: pytest.MonkeyPatch, family: str, recompute: bool
) -> None:
    base = tiny(tmp_path, family)
    bank = bank_of(base, "a", "b", "common", common=True)
    batch = pack(segments(MIXED), adapters=2)
    by_runs = losses_and_gradients(base, bank, batch, recompute=recompute)
    on_a_cpu.undo()
    for one, other in zip(by_runs, losses_and_gradients(base, bank, batch), strict=True):
        assert float(other.abs().max()) > 0
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_nothing_is_gathered(tmp_path: Path, on_a_cpu: pytest.MonkeyPatch) -> None:
    def gathered(*_: Any) -> None:
        raise AssertionError("buckets were made")

    on_a_cpu.setattr(Buckets, "of", gathered)
    base = tiny(tmp_path)
    losses_and_gradients(base, bank_of(base, "a", "b"), pack(segments(MIXED), adapters=2))


@pytest.mark.parametrize(
    ("dtype", "head_size", "capped", "capability", "expected"),
    [
        (torch.bfloat16, 64, False, (8, 0), True),
        (torch.float16, 256, False, (9, 0), True),
        (torch.float32, 64, False, (9, 0), False),
        (torch.bfloat16, 64, True, (9, 0), False),
        (torch.bfloat16, 64, False, (7, 5), False),
        (torch.bfloat16, 36, False, (9, 0), False),
        (torch.bfloat16, 264, False, (9, 0), False),
        (torch.bfloat16, 224, False, (9, 0), True),
        (torch.bfloat16, 224, False, (8, 6), False),
    ],
)
def test_what_the_kernels_do_not_know_goes_by_buckets(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, head_size: int, capped: bool,
    capability: tuple[int, int], expected: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: True)
    assert varlen.known(torch.device("cuda"), dtype, head_size, capped=capped) is expected
    assert not varlen.known(torch.device("cpu"), dtype, head_size, capped=capped)
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: False)
    assert not varlen.known(torch.device("cuda"), dtype, head_size, capped=capped)


def test_this_pytorch_has_all_that_is_asked_of_it() -> None:
    assert varlen.KNOWS_ALL


@pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < varlen.AMPERE,
    reason="needs a GPU, Ampere or newer",
)
@pytest.mark.parametrize("family", ["llama", "mistral", "qwen3"])
def test_a_gpus_kernels_are_as_near_to_float32_as_buckets_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    folder = save_base(tmp_path, family)
    batch = pack(segments(MIXED), adapters=2)
    calls: list[int] = []

    def counted(query: Tensor, *given: Any) -> Tensor:
        calls.append(query.shape[2])
        return varlen.attend_runs(query, *given)

    monkeypatch.setattr(attention, "attend_runs", counted)

    def found(dtype: str) -> list[Tensor]:
        base = load_base(str(folder), dtype=dtype, device="cuda")
        return losses_and_gradients(base, bank_of(base, "a", "b"), batch)

    exact = found("float32")
    assert not calls
    by_runs = found("bfloat16")
    assert calls
    monkeypatch.setattr(attention, "known", lambda *_, **__: False)
    for right, one, other in zip(exact, by_runs, found("bfloat16"), strict=True):
        assert float((one - right).norm()) < 1.5 * float((other - right).norm()) + 1e-3
