from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mixologist.errors import Interrupted, UserError
from mixologist.model.adapters import Bank
from mixologist.model.base import Base
from mixologist.training.job import Job, Watch
from mixologist.training.loop import train
from mixologist.training.state import Log
from tests.tiny import tiny
from tests.training.jobs import ROWS, job, trace, weights


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return tiny(tmp_path, dtype="float32")


def outcome(base: Base, folder: Path, **changes: Any) -> dict[str, torch.Tensor]:
    made = job(base, folder, **changes)
    train(made)
    found = {name: weights(made.bank, name) for name in made.bank.parts}
    made.bank.detach()
    return found


def stop_at(step: int) -> Watch:
    seen = [0]

    def progress(now: int, steps: int, news: dict[str, Any]) -> None:
        seen[0] = now

    return Watch(progress, lambda: seen[0] == step)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"common": True},
        {"dropout": 0.2},
        {"schedule": "anneal"},
        {"early_stopping_patience": 1, "learning_rate": 0.3},
    ],
    ids=["plain", "common", "dropout", "adaptive", "early stop"],
)
def test_a_stopped_run_continues_bit_for_bit(base: Base, tmp_path: Path, changes: dict[str, Any]) -> None:
    whole = outcome(base, tmp_path / "whole", **changes)
    for step in (1, 7, 11):
        made = job(base, tmp_path / "parts", **changes)
        with pytest.raises(Interrupted):
            train(made, stop_at(step))
        made.bank.detach()
    resumed = outcome(base, tmp_path / "parts", **changes)
    for name, tensor in whole.items():
        assert torch.equal(resumed[name], tensor), name
    for log in ("metrics.jsonl", "trace.jsonl"):
        assert (tmp_path / "parts" / log).read_bytes() == (tmp_path / "whole" / log).read_bytes()


def test_an_adapter_that_learnt_nothing_new_loses_no_patience(base: Base, tmp_path: Path) -> None:
    made = job(base, tmp_path, early_stopping_patience=1, num_train_epochs=4)
    train(made)
    updates = trace(tmp_path, "c")
    assert updates
    assert updates[0]["step"] > 2 * made.validate_every, "two validations come before its first update"


def test_what_was_logged_after_the_checkpoint_is_forgotten_on_resume(base: Base, tmp_path: Path) -> None:
    whole = outcome(base, tmp_path / "whole")
    made = job(base, tmp_path / "killed")

    def die(now: int, steps: int, news: dict[str, Any]) -> None:
        if now == 8:  # two steps after the last checkpoint
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(made, Watch(progress=die))
    made.bank.detach()
    resumed = outcome(base, tmp_path / "killed")
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    for log in ("metrics.jsonl", "trace.jsonl"):
        assert (tmp_path / "killed" / log).read_bytes() == (tmp_path / "whole" / log).read_bytes()


def test_training_lowers_every_loss_and_keeps_the_best_state(base: Base, tmp_path: Path) -> None:
    made = job(base, tmp_path)
    result = train(made)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    start = {line["task"]: line["loss"] for line in lines if line.get("adapter") == "base"}
    assert set(start) == set(ROWS)
    first: dict[tuple[str, str], float] = {}
    train_lines = [line for line in lines if line["split"] == "train" and "loss" in line]
    for line in train_lines:
        first.setdefault((line["adapter"], line["task"]), line["loss"])
    last = {(line["adapter"], line["task"]): line["loss"] for line in train_lines}
    assert last["a", "a"] < first["a", "a"]
    held = made.validate(list(result.validation))
    assert held == pytest.approx(result.validation)


def test_the_shared_adapter_is_fed_by_all_and_general_rows_reach_every_adapter(
    base: Base, tmp_path: Path
) -> None:
    outcome(base, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    fed = {
        name: {task for line in lines if line["adapter"] == name for task, _ in line["examples"]}
        for name in [*ROWS, "shared"]
    }
    assert fed["shared"] == {*ROWS, "general"}
    assert all(fed[task] == {task, "general"} for task in ROWS)


def test_a_damaged_checkpoint_is_said_to_be_damaged(base: Base, tmp_path: Path) -> None:
    made = job(base, tmp_path)
    with pytest.raises(Interrupted):
        train(made, stop_at(4))
    made.bank.detach()
    (file,) = tmp_path.glob("checkpoints/*/state.safetensors")
    file.write_bytes(file.read_bytes()[:1000])
    made = job(base, tmp_path)
    with pytest.raises(UserError, match="checkpoint is damaged"):
        train(made)


def test_the_moments_of_a_checkpoint_are_used(base: Base, tmp_path: Path) -> None:
    """A bit-for-bit test could pass on a file that nobody reads: changing it must change what follows."""
    losses = []
    for factor in (1, 4):
        folder = tmp_path / str(factor)
        made = job(base, folder)
        with pytest.raises(Interrupted):
            train(made, stop_at(9))
        made.bank.detach()
        (file,) = folder.glob("checkpoints/*/state.safetensors")
        tensors = load_file(file)
        tensors["now/shared/exp_avg_sq"] = tensors["now/shared/exp_avg_sq"] * factor
        save_file(tensors, file)
        outcome(base, folder)
        losses.append((folder / "metrics.jsonl").read_text())
    assert losses[0] != losses[1]


def test_an_adapter_that_diverges_ends_at_its_best_and_its_neighbours_go_on(
    base: Base, tmp_path: Path
) -> None:
    calm = outcome(base, tmp_path / "calm")
    made = job(base, tmp_path / "wild")

    def poison(step: int, steps: int, news: dict[str, Any]) -> None:
        if step == 12:  # after two validations
            made.bank.flat[0].fill_(float("nan"))

    result = train(made, Watch(progress=poison))
    assert result.stopped == {"a": True, "b": False, "c": False, "shared": False}
    assert result.best_step["a"] == 10
    assert bool(torch.isfinite(weights(made.bank, "a")).all())
    for name in ("b", "c", "shared"):
        torch.testing.assert_close(weights(made.bank, name), calm[name], rtol=1e-4, atol=1e-5)


def test_an_adapter_that_diverges_before_the_first_validation_costs_no_neighbour_its_training(
    base: Base, tmp_path: Path
) -> None:
    calm = outcome(base, tmp_path / "calm")
    made = job(base, tmp_path / "wild")
    bank = made.bank
    assert isinstance(bank, Bank)
    first: list[torch.Tensor] = []

    def poison(step: int, steps: int, news: dict[str, Any]) -> None:
        if step == 2:
            first.append(weights(made.bank, "a"))
            bank.layers[0].lora_A[0].register_hook(lambda gradient: gradient * float("nan"))

    result = train(made, Watch(progress=poison))
    assert result.diverged == {"a"}
    assert result.stopped == {"a": True, "b": False, "c": False, "shared": False}
    assert torch.equal(weights(made.bank, "a"), first[0]), "no step on a gradient that is no number"
    for name in ("b", "c", "shared"):
        torch.testing.assert_close(weights(made.bank, name), calm[name], rtol=1e-4, atol=1e-5)


def test_validation_losses_that_are_no_numbers_pass_through_a_checkpoint(base: Base, tmp_path: Path) -> None:
    def sick() -> Job:
        made = job(base, tmp_path / "sick")
        return replace(made, validate=lambda pairs: {
            pair: float("nan") if pair[0] == "a" else loss for pair, loss in made.validate(pairs).items()
        })  # fmt: skip

    made = sick()
    with pytest.raises(Interrupted):
        train(made, stop_at(7))
    made.bank.detach()
    result = train(sick())
    assert result.diverged == {"a"}
    assert result.best_step["b"] > 0


def test_a_base_without_a_loss_is_said_at_once(base: Base, tmp_path: Path) -> None:
    made = job(base, tmp_path / "run")
    nothing = replace(made, validate=lambda pairs: dict.fromkeys(pairs, float("nan")))
    with pytest.raises(UserError, match="no loss on the validation rows"):
        train(nothing)


def test_a_log_cut_twice_has_no_holes(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.jsonl")
    log.write({"a": 1})
    mark = log.mark()
    log.write({"b": 2})
    log.mark()
    log.cut(mark)
    assert log.mark() == mark
    log.write({"c": 3})
    log.close()
    assert (tmp_path / "log.jsonl").read_text() == '{"a": 1}\n{"c": 3}\n'
