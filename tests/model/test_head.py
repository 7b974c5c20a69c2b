"""The losses at the head, in parts, are those of all logits at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mixologist.model import head
from mixologist.model.base import Base
from tests.tiny import tiny

TOKENS = 11


def at_once(base: Base, hidden: Tensor, targets: Tensor) -> Tensor:
    """Losses from logits that exist whole, as Transformers' own model makes them."""
    model = base.model
    found = model.get_output_embeddings()(hidden)
    if cap := getattr(model.config, "final_logit_softcapping", None):
        found = torch.tanh(found / cap) * cap
    return nn.functional.cross_entropy(found, targets, reduction="none")


def trained_on(
    losses_of: Callable[[Tensor], Tensor], hidden: Tensor, scale: Tensor, weight: Tensor
) -> tuple[Tensor | None, ...]:
    """Losses, and the gradients of hidden states and head."""
    leaf = hidden.clone().requires_grad_()
    weight.grad = None
    losses = losses_of(leaf)
    (losses * scale).sum().backward()
    return losses.detach(), leaf.grad, weight.grad


@pytest.fixture(params=["llama", "gemma2", "gpt2"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Base:
    return tiny(tmp_path, request.param)


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_parts_have_the_losses_and_gradients_of_the_whole(
    base: Base, trained: bool, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "AT_ONCE", rows * base.model.config.vocab_size)
    monkeypatch.setattr(
        head, "IN_CACHE", 3 * base.model.config.vocab_size
    )  # parts of parts, the last one shorter
    weight = base.model.get_output_embeddings().weight.requires_grad_(trained)
    read: list[int] = []
    base.model.get_output_embeddings().register_forward_hook(lambda *given: read.append(len(given[2])))
    random = torch.Generator().manual_seed(0)
    hidden = torch.randn(TOKENS, base.model.config.hidden_size, generator=random, dtype=base.dtype)
    targets = torch.randint(base.model.config.vocab_size, (TOKENS,), generator=random)
    scale = torch.rand(TOKENS, generator=random, dtype=base.dtype)
    ours = trained_on(lambda leaf: head.losses_at_head(base.model, leaf, targets), hidden, scale, weight)
    assert 0 < max(read) <= rows
    whole = trained_on(lambda leaf: at_once(base, leaf, targets), hidden, scale, weight)
    for one, other in zip(ours, whole, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)


def test_nothing_is_kept_where_nothing_is_trained(base: Base) -> None:
    hidden = torch.randn(TOKENS, base.model.config.hidden_size, dtype=base.dtype)
    with torch.no_grad():
        losses = head.losses_at_head(
            base.model, hidden.requires_grad_(), torch.zeros(TOKENS, dtype=torch.long)
        )
    assert losses.shape == (TOKENS,)
    assert not losses.requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_a_token_that_could_hardly_be_has_a_finite_loss(dtype: torch.dtype) -> None:
    found, targets = torch.tensor([[0.0, 500.0, 3.0], [0.0, 0.0, -500.0]], dtype=dtype), torch.tensor([0, 2])
    over = torch.empty_like(found)
    losses = torch.cat(head._of_logits(found, targets, over))
    torch.testing.assert_close(losses.double(), torch.tensor([500.0, 500.6931]).double(), rtol=1e-5, atol=0)
    torch.testing.assert_close(over.double(), torch.tensor([[-1.0, 1, 0], [0.5, 0.5, -1]]).double())
    assert found[0, 1] == 500, "what autograd may have kept is as it was"
