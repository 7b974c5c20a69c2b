from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from mixologist.model.attention import Weighing, attend


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("seen", [True, False], ids=["mask", "causal"])
def test_products_are_the_fused_kernel_as_exactly_as_bfloat16_has_it(groups: int, seen: bool) -> None:
    random = torch.Generator().manual_seed(0)
    queries, keys = (5, 20) if seen else (20, 20)
    q = torch.randn(3, 8, queries, 16, generator=random).bfloat16()
    k, v = (torch.randn(3, groups, keys, 16, generator=random).bfloat16() for _ in range(2))
    mask = torch.rand(3, 1, queries, keys, generator=random) < 0.5
    mask[..., 0] = True  # every query sees something
    found = attend(q, k, v, mask if seen else None, Weighing(0.2, None, None))
    expected = scaled_dot_product_attention(
        q.double(), k.double(), v.double(), attn_mask=mask if seen else None, is_causal=not seen, scale=0.2,
        enable_gqa=True,
    )  # fmt: skip
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), expected, rtol=0.02, atol=0.03)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_gpu_heads_share_keys_only_where_its_fused_kernel_lets_them(dtype: torch.dtype) -> None:
    """In float32 shared keys would fall to the kernel that holds all weights (PyTorch's own notes on enable_gqa)."""
    asked = Asked()
    query, keys = (
        torch.empty(2, 8, 16, 4, device="meta", dtype=dtype),
        torch.empty(2, 2, 16, 4, device="meta", dtype=dtype),
    )
    with asked:
        attend(query, keys, keys, None, Weighing(0.5, None, None))
    assert asked.heads == [2 if dtype == torch.bfloat16 else 8]


class Asked(TorchFunctionMode):
    """Notes how many key heads the kernel is given."""

    def __init__(self) -> None:
        super().__init__()
        self.heads: list[int] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is scaled_dot_product_attention:
            self.heads.append(args[1].shape[1])
        return func(*args, **(kwargs or {}))
