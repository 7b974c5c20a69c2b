"""Runs in buckets: each token once, and the gradients that autograd would find."""

from __future__ import annotations

import torch
from torch import Tensor

from mixologist.model.buckets import Buckets

SIZES = [3, 1, 5, 4, 2]
MEMBERS = [[1, 4, 0], [3, 2]]
HEADS, D = 2, 3


def states(seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(1, HEADS, sum(SIZES), D, generator=random, dtype=torch.float64).requires_grad_()


def test_every_run_lies_in_its_bucket_and_its_last_token_is_repeated() -> None:
    buckets = Buckets.of(SIZES, MEMBERS, sum(SIZES), torch.device("cpu"))
    short, long = buckets.positions
    assert short.tolist() == [[3, 3, 3], [13, 14, 14], [0, 1, 2]]
    assert long.tolist() == [[9, 10, 11, 12, 12], [4, 5, 6, 7, 8]]
    found = buckets.gather(states())
    assert torch.equal(found[1][0, 1], states()[0, 1, long[0]])


def test_what_is_gathered_is_put_back_in_order() -> None:
    buckets = Buckets.of(SIZES, MEMBERS, sum(SIZES), torch.device("cpu"))
    assert torch.equal(buckets.put_back(buckets.gather(states())), states().transpose(1, 2))


def test_gradients_are_those_of_plain_indexing() -> None:
    buckets = Buckets.of(SIZES, MEMBERS, sum(SIZES), torch.device("cpu"))
    ours, plain, weights = states(), states(), states(1).detach().transpose(1, 2)
    parts = [part.cumsum(2) for part in buckets.gather(ours)]  # causal: no token is told of those after it
    (buckets.put_back(parts) ** 2 * weights).sum().backward()
    starts = torch.tensor(SIZES).cumsum(0) - torch.tensor(SIZES)
    runs = [
        plain[:, :, start : start + size].cumsum(2)
        for start, size in zip(starts.tolist(), SIZES, strict=True)
    ]
    (torch.cat(runs, 2).transpose(1, 2) ** 2 * weights).sum().backward()
    assert ours.grad is not None
    assert plain.grad is not None
    torch.testing.assert_close(ours.grad, plain.grad)


def test_fillers_and_runs_that_come_again_change_nothing() -> None:
    """Zeros are put back for a filler and as its gradient; a run's second place is read like its first."""
    fillers, device = 4, torch.device("cpu")
    plain = Buckets.of(SIZES, MEMBERS, sum(SIZES), device)
    filled = Buckets.of(
        SIZES, [[*runs, runs[-1]] for runs in MEMBERS], sum(SIZES) + fillers, device, lambda n: n + 2
    )
    found = []
    for buckets in (plain, filled):
        given = torch.cat([states(), states(2)[:, :, :fillers]], 2).detach().requires_grad_()
        tokens = len(buckets.restore)
        put = buckets.put_back([part.cumsum(2) for part in buckets.gather(given[:, :, :tokens])])
        (put[:, : sum(SIZES)] ** 2).sum().backward()
        assert not bool(put[:, sum(SIZES) :].any())
        assert given.grad is not None
        found.append((put[:, : sum(SIZES)].detach(), given.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
    assert [tuple(part.shape[2:]) for part in filled.gather(given)] == [(5, D), (7, D)]
