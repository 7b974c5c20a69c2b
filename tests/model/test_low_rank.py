"""A linear with additions against the same written out for autograd, first and last gradients included."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from mixologist.model.low_rank import Span, adapted

SPANS = (Span(0, 5, 0, 1.0), Span(5, 12, 2, 0.5), Span(0, 12, 3, 2.0))
"""Adapter 1 is absent, the last is on everywhere, rows 12 to 14 are the plain base's."""
RANKS = (4, 8, 3, 1)


def numbers(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def linear(kind: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    module = Conv1D(6, 10) if kind == "conv" else nn.Linear(10, 6, bias=kind == "bias")
    for seed, parameter in enumerate(module.parameters()):
        parameter.data = numbers(*parameter.shape, seed=50 + seed, dtype=dtype)
    return module.to(dtype).requires_grad_(False)


def factors() -> list[tuple[Tensor, Tensor]]:
    return [
        (numbers(r, 10, seed=2 * n).requires_grad_(), numbers(6, r, seed=2 * n + 1).requires_grad_())
        for n, r in enumerate(RANKS)
    ]


def written_out(
    module: nn.Module, x: Tensor, z: Tensor, spans: Sequence[Span], pairs: list[tuple[Tensor, Tensor]]
) -> Tensor:
    y: Tensor = module(x)
    for span in spans:
        a, b = pairs[span.adapter]
        added = torch.zeros_like(y)
        added[span.start : span.end] = span.scale * z[span.start : span.end] @ a.T @ b.T
        y = y + added
    return y


@pytest.mark.parametrize("kind", ["plain", "bias", "conv"])
@pytest.mark.parametrize("drops", [False, True])
def test_outputs_and_gradients_are_those_of_the_formula(kind: str, drops: bool) -> None:
    module, mask = linear(kind), (numbers(15, 10, seed=90) > 0) * 2.0
    results = []
    for fused in (True, False):
        x, pairs = numbers(15, 10, seed=80).requires_grad_(), factors()
        z = x * mask if drops else None
        y = (
            adapted(module, x, z, SPANS, [pairs[span.adapter] for span in SPANS]) if fused
            else written_out(module, x, x if z is None else z, SPANS, pairs)
        )  # fmt: skip
        (y * numbers(15, 6, seed=70)).sum().backward()
        results.append([y.detach(), x.grad, *(part.grad for pair in pairs for part in pair)])
    for one, other in zip(*results, strict=True):
        if other is None:
            assert one is None
            continue
        assert one is not None
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    assert results[0][2 + 2 * 1] is None, "the absent adapter has no gradient"


def test_nothing_is_computed_for_inputs_and_adapters_that_want_no_gradient() -> None:
    module, pairs = linear("plain"), factors()
    adapted(module, numbers(15, 10, seed=80), None, SPANS[:1], pairs[:1]).sum().backward()
    assert pairs[0][0].grad is not None
    x, frozen = numbers(15, 10, seed=80).requires_grad_(), [tuple(p.detach() for p in pair) for pair in pairs]
    adapted(module, x, None, SPANS[:1], [(a, b) for a, b in frozen[:1]]).sum().backward()
    assert x.grad is not None


def test_half_precision_rounds_the_sum_once_and_keeps_gradients_in_the_adapters_own() -> None:
    exact = written_out(
        linear("plain"), numbers(15, 10, seed=80), numbers(15, 10, seed=80), SPANS[:1], factors()
    )
    pairs = [(a.detach().float().requires_grad_(), b.detach().float().requires_grad_()) for a, b in factors()]
    x = numbers(15, 10, seed=80).bfloat16().requires_grad_()
    y = adapted(linear("plain", torch.bfloat16), x, None, SPANS[:1], pairs[:1])
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), exact, rtol=0.05, atol=0.3)
    y.sum().backward()
    assert pairs[0][0].grad is not None
    assert pairs[0][0].grad.dtype == torch.float32


def in_both(rows: int, apart: bool) -> list[list[Tensor]]:
    """Outputs and gradients of two neighbours in float32, which is not cut, and in bfloat16."""
    spans, results = (Span(0, rows, 0, 0.5), Span(rows, 2 * rows, 1, 2.0)), []
    for dtype in (torch.float32, torch.bfloat16):
        x = numbers(2 * rows + 5, 10, seed=90, dtype=dtype).requires_grad_()
        pairs = [tuple(factor.detach().float().requires_grad_() for factor in pair) for pair in factors()[:2]]
        y = adapted(linear("plain", dtype), x, None, spans, pairs, apart=apart)  # type: ignore[arg-type]
        y.float().pow(2).sum().backward()
        made = [y, x.grad, *(factor.grad for pair in pairs for factor in pair)]
        results.append([number for number in made if number is not None])
    assert [len(made) for made in results] == [6, 6]
    return results


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("rows", [20, 400, 700])
def test_windows_over_a_span_give_what_the_span_gives(rows: int, apart: bool) -> None:
    """In bfloat16 on a CPU windows reach over the neighbour's rows, or, apart, over own rows twice."""
    for exact, cut in zip(*in_both(rows, apart), strict=True):
        assert float((exact - cut.float()).detach().norm() / exact.detach().norm()) < 0.02


@pytest.mark.parametrize("apart", [False, True])
def test_only_apart_gradients_do_not_depend_on_what_is_not_finite_beside_them(apart: bool) -> None:
    x = numbers(1405, 10, seed=90, dtype=torch.bfloat16)
    x[700:1400] = float("inf")
    x.requires_grad_()
    pairs = [tuple(factor.detach().float().requires_grad_() for factor in pair) for pair in factors()[:2]]
    spans = (Span(0, 700, 0, 0.5), Span(700, 1400, 1, 2.0))
    y = adapted(linear("plain", torch.bfloat16), x, None, spans, pairs, apart=apart)  # type: ignore[arg-type]
    y.float().pow(2).sum().backward()
    assert x.grad is not None
    assert bool(y[:700].isfinite().all())
    assert bool(x.grad[:700].isfinite().all())
    assert bool(y[1400:].isfinite().all())
    for factor in pairs[0]:
        assert factor.grad is not None
        assert bool(factor.grad.isfinite().all()) == apart
