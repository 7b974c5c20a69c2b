"""A norm as one operation: what Transformers computes, in every family that has it, and only where it is frozen."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from mixologist.model import norms
from tests.tiny import PECULIAR, tiny

WITHOUT = {"gemma2", "gemma3_text", "gpt_neox", "gpt2"}
"""Families whose norms are of another kind."""


class Holder(nn.Module):
    """As much of a base as is asked for."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.model, self.device = norm, torch.device("cpu")


def passed(norm: nn.Module, x: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
    """Output and gradient of the input."""
    leaf = x.clone().requires_grad_()
    y = norm(leaf)
    y.backward(upstream)
    assert leaf.grad is not None
    return y, leaf.grad


def example(shape: tuple[int, ...], dtype: torch.dtype) -> tuple[LlamaRMSNorm, Tensor, Tensor]:
    """A norm, its input and the gradient of its output."""
    random = torch.Generator().manual_seed(0)
    norm = LlamaRMSNorm(shape[-1], 1e-5).to(dtype).requires_grad_(False)
    norm.weight.copy_(torch.rand(shape[-1], generator=random) - 0.5)
    x, upstream = (torch.randn(shape, generator=random).to(dtype) for _ in range(2))
    return norm, 3 * x, upstream


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("shape", [(1, 33, 16), (1, 9, 2, 8), (5, 16)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_the_norm_of_transformers(
    dtype: torch.dtype, shape: tuple[int, ...], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(norms, "IN_CACHE", rows * shape[-1])
    norm, x, upstream = example(shape, dtype)
    expected, gradient = passed(norm, x, upstream)
    exact = passed(norm.float(), x.float(), upstream.float())[1]
    norm.to(dtype)
    with norms.fused(Holder(norm)):  # type: ignore[arg-type]
        found, ours = passed(norm, x, upstream)
    assert "_Norm" in type(found.grad_fn).__name__
    assert torch.equal(found, expected), "to the last bit: evaluation runs the norm of Transformers"
    assert ours.dtype == gradient.dtype == dtype
    torch.testing.assert_close(ours.float(), exact, rtol=1e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-5)


def test_outside_it_is_as_before() -> None:
    norm, x, upstream = example((4, 16), torch.float32)
    before = norm.forward
    with norms.fused(Holder(norm)):  # type: ignore[arg-type]
        assert norm.forward != before
    assert norm.forward == before
    assert "_Norm" not in type(passed(norm, x, upstream)[0].grad_fn).__name__


def test_float64_is_left_to_transformers() -> None:
    norm, x, upstream = example((4, 16), torch.float64)
    with norms.fused(Holder(norm)):  # type: ignore[arg-type]
        assert "_Norm" not in type(passed(norm, x, upstream)[0].grad_fn).__name__


def test_a_norm_that_is_trained_has_its_gradient() -> None:
    norm, x, upstream = example((4, 16), torch.float32)
    norm.requires_grad_()
    with norms.fused(Holder(norm)):  # type: ignore[arg-type]
        passed(norm, x, upstream)
    assert norm.weight.grad is not None


@pytest.mark.parametrize("family", PECULIAR)
def test_which_families_have_it(family: str, tmp_path: Path) -> None:
    base = tiny(tmp_path, family)
    normed = [m for m in base.model.modules() if "norm" in type(m).__name__.lower()]
    with norms.fused(base):
        taken = [m for m in normed if "forward" in vars(m)]
    assert normed
    assert len(taken) == (0 if family in WITHOUT else len(normed))
