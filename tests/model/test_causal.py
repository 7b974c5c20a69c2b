"""Attention in blocks against PyTorch's own kernel: output and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from mixologist.model import causal as module
from mixologist.model.causal import BLOCK, KEPT, causal


@pytest.fixture(params=[False, True], ids=["blocks", "fused forward"])
def fused(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the kernel is the forward pass, as it is in bfloat16 where there is AMX."""
    monkeypatch.setattr(module, "fused_is_faster", lambda _: request.param)
    return bool(request.param)


def both(length: int, groups: int, window: int | None, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    """Output and gradients of query, key and value: ours, and the kernel's in float64."""
    random = torch.Generator().manual_seed(length)
    given = [torch.randn(2, h, length, 8, generator=random).to(dtype) for h in (4, groups, groups)]
    q, k, v = (states.clone().requires_grad_() for states in given)
    exact_q, exact_k, exact_v = (states.double().requires_grad_() for states in given)
    upstream = torch.randn(2, 4, length, 8, generator=random).to(dtype)
    ours = causal(q, k, v, 0.3, window)
    seen = torch.ones(length, length, dtype=torch.bool).tril()
    seen = seen if window is None else seen.triu(1 - window)
    expected = scaled_dot_product_attention(
        exact_q, exact_k, exact_v, attn_mask=seen, scale=0.3, enable_gqa=True
    )
    ours.backward(upstream)
    expected.backward(upstream.double())
    gradients = [(a.grad, b.grad) for a, b in ((q, exact_q), (k, exact_k), (v, exact_v))]
    pairs = [
        (ours.detach(), expected.detach()),
        *((a, b) for a, b in gradients if a is not None and b is not None),
    ]
    assert len(pairs) == 4
    return pairs


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("window", [None, 1, 40, 150])
@pytest.mark.parametrize("length", [1, 7, BLOCK, 2 * BLOCK + 9, KEPT + 1])
def test_it_is_the_kernel_and_its_gradients(length: int, window: int | None, groups: int) -> None:
    for found, expected in both(length, groups, window, torch.float64):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("length", [30, 300])
def test_it_is_so_as_exactly_as_bfloat16_has_it(length: int) -> None:
    for found, expected in both(length, 2, None, torch.bfloat16):
        assert found.dtype == torch.bfloat16
        error = (found.double() - expected).norm() / expected.norm()
        assert error < 0.01


def test_weights_of_long_texts_are_not_kept_and_with_the_kernel_none(fused: bool) -> None:
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    for length in (KEPT, KEPT + 1):
        q, k, v = (torch.randn(1, 2, length, 8, requires_grad=True) for _ in range(3))
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            causal(q, k, v, 0.3)
        assert (sum(kept) > 3 * q.numel()) == (length == KEPT and not fused)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_where_there_is_amx_bfloat16_goes_forward_by_the_kernel_that_holds_no_weights(
    groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shared keys, too: PyTorch has another kernel, which holds them all."""
    called: set[str] = set()

    class Noted(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            called.add(func.name())
            return func(*args, **(kwargs or {}))

    def kernels(amx: bool, dtype: torch.dtype, window: int | None) -> set[str]:
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        called.clear()
        q, k, v = (torch.randn(2, h, 40, 8, dtype=dtype) for h in (4, groups, groups))
        with Noted():  # type: ignore[no-untyped-call]
            causal(q, k, v, 0.3, window)
        return {name for name in called if "attention" in name}

    assert kernels(True, torch.bfloat16, None) == {"aten::_scaled_dot_product_flash_attention_for_cpu"}
    assert not kernels(False, torch.bfloat16, None)
    assert not kernels(True, torch.float32, None)
    assert not kernels(True, torch.bfloat16, 10)
