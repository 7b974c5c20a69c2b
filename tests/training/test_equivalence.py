"""Solo equivalence (DESIGN): an exclusive adapter trained beside others equals the same one trained alone on its trace.

In float64: gradients of the first update within 1e-9 relative, weights within 1e-7 after all updates (20 and more).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mixologist.mixing.sampler import Sampler, Update
from mixologist.mixing.schedules import SCHEDULES
from mixologist.model.base import Base
from mixologist.recipe.schema import Training
from mixologist.training.job import Result
from mixologist.training.loop import train
from mixologist.training.state import load_checkpoint
from mixologist.training.updates import Updater
from tests.tiny import rows, tiny
from tests.training.jobs import ROWS, job, new_bank, replay, trace, weights


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return tiny(tmp_path)


def assert_all_equal_alone(base: Base, folder: Path, least_updates: int = 20, **changes: Any) -> Result:
    """What each adapter is left with, at its best, and where the run ended, after all that it learnt."""
    made = job(base, folder, **changes)
    result = train(made)
    best = {name: weights(made.bank, name) for name in ROWS}
    found = load_checkpoint(folder / "checkpoints")
    assert found is not None
    made.bank.detach()
    for name in ROWS:
        last = found[1][f"now/{name}/weights"]
        for together, until in ((best[name], result.best_step[name]), (last, made.feeds.steps)):
            alone = replay(made, name, until, changes.get("dropout", 0.0))
            difference = float((weights(alone, name) - together).abs().max())
            alone.detach()
            assert difference < 1e-7, (name, until)
        assert float(last.abs().max()) > 0.01
    assert max(len(trace(folder, name)) for name in ROWS) >= least_updates
    return result


@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_under_every_schedule(base: Base, tmp_path: Path, schedule: str) -> None:
    assert_all_equal_alone(base, tmp_path, schedule=schedule, batch_size=2)


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": 0.3},
        {"loss_weighting": "token"},
        {"lr_scheduler_type": "linear", "weight_decay": 0.0},
        {"lr_scheduler_type": "constant", "max_grad_norm": 1e-3},
        {"max_tokens_per_batch": 4000},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_under_every_option(base: Base, tmp_path: Path, changes: dict[str, Any]) -> None:
    assert_all_equal_alone(base, tmp_path, **changes)


def test_when_a_neighbour_stops_early(base: Base, tmp_path: Path) -> None:
    stopping: dict[str, Any] = {"early_stopping_patience": 1, "learning_rate": 0.03, "num_train_epochs": 4}
    result = assert_all_equal_alone(base, tmp_path, least_updates=5, **stopping)
    steps = {name: [line["step"] for line in trace(tmp_path, name)] for name in ROWS}
    ended = min(steps[name][-1] for name in ROWS if result.stopped[name] and steps[name])
    assert max(sum(step > ended for step in steps[name]) for name in ROWS) >= 3


def test_the_first_gradient_is_the_same_to_nine_digits(base: Base, tmp_path: Path) -> None:
    made = job(base, tmp_path, max_grad_norm=1e9)
    sampler = Sampler(made.feeds, 0)
    updates = sampler.ready()
    step = 0
    while len(updates) < 3:
        sampler.draw(step, torch.tensor([0.4, 0.4, 0.2]).double().numpy())
        updates, step = sampler.ready(), step + 1
    together = Updater(base, made.bank, made.rows, made.options)
    together._backward([segment for update in updates for segment in together._segments(update)])
    names = made.bank.names
    mixed = {u.adapter: made.bank.gradient(names.index(u.adapter)) for u in updates}
    made.bank.detach()
    for update in updates:
        bank = new_bank(base, [update.adapter])
        alone = Updater(base, bank, made.rows, made.options)
        alone._backward(alone._segments(update))
        torch.testing.assert_close(mixed[update.adapter], bank.gradient(0), rtol=1e-9, atol=1e-12)
        assert float(bank.gradient(0).abs().sum()) > 0.1
        bank.detach()


def test_an_adapter_that_is_absent_does_not_move(base: Base, tmp_path: Path) -> None:
    made = job(base, tmp_path)
    updater = Updater(base, made.bank, made.rows, made.options)
    before = weights(made.bank, "b")
    sampler = Sampler(made.feeds, 0)
    sampler.draw(0, torch.tensor([1.0, 0.0, 0.0]).double().numpy())
    updates = sampler.ready()
    assert {update.adapter for update in updates} == {"a", "shared"}
    updater.apply(updates, {"a": 0.1, "shared": 0.1})
    assert torch.equal(weights(made.bank, "b"), before)
    assert not torch.equal(weights(made.bank, "a"), before)


@pytest.mark.parametrize("poison", ["weights", "activations"])
def test_what_is_not_finite_beside_it_leaves_an_adapter_its_update(tmp_path: Path, poison: str) -> None:
    """In bfloat16 products read neighbours' rows, times zero, which infinity makes no number of."""
    base, data = tiny(tmp_path, dtype="bfloat16"), {"t": rows(24)}
    draws = [tuple(("t", n) for n in range(start, 24, 2)) for start in range(2)]
    found = []
    for names in (["b"], ["a", "b"]):
        bank = new_bank(base, names)
        if len(names) > 1:
            bank.flat[0].fill_(float("nan") if poison == "weights" else 1e30)
        updater = Updater(base, bank, data, Training(learning_rate=0.01))
        updates = [Update(name, 0, draws["ab".index(name)]) for name in names]
        *_, b = updater.apply(updates, dict.fromkeys(names, 0.01))
        found.append((b.losses["t"], b.norm))
        assert bool(weights(bank, "b").isfinite().all())
        bank.detach()
    assert found[1] == pytest.approx(found[0], rel=0.02)
