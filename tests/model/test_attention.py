from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

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
