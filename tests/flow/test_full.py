"""Fully fine-tuned baselines from recipe to report: trained beside the adapters, resumed, kept, answered, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from transformers import AutoModelForCausalLM

import mixologist
from mixologist.errors import Interrupted
from mixologist.hooks import Hooks
from tests.conftest import SIZES, tiny_recipe, write_data

NAMES = ("queue~full_single_task", "sentiment~full_single_task", "full_multi_task")


@pytest.fixture
def recipe(tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    write_data(tmp_path / "data")
    made = tiny_recipe(tiny_base, tmp_path / "data") | {"output_dir": str(tmp_path / "run")}
    made["training"] |= {"checkpoint_every": 2, "num_train_epochs": 2}
    made["evaluation"] |= {"baselines": ["base", "single_task", "full_single_task", "full_multi_task"]}
    return made


def stopping_at(part: float) -> Hooks:
    """Stop when so much of all steps is done."""
    done = [0.0]

    def progress(step: int, steps: int, news: dict[str, Any]) -> None:
        done[0] = step / steps

    return Hooks(progress=progress, should_stop=lambda: done[0] >= part)


def models(run: Path) -> dict[str, bytes]:
    return {name: (run / "baselines" / name / "model" / "model.safetensors").read_bytes() for name in NAMES}


def test_they_stand_in_the_evaluation_and_a_stopped_run_ends_in_the_same_bytes(
    recipe: dict[str, Any], tmp_path: Path, tiny_base: Path
) -> None:
    other = recipe | {"output_dir": str(tmp_path / "stopped")}
    for number, part in enumerate((0.3, 0.6, 0.9)):
        with pytest.raises(Interrupted):
            mixologist.train(other, resume=number > 0, hooks=stopping_at(part))
    assert [path.name for path in (tmp_path / "stopped" / "baselines").glob("*/checkpoints")] == [
        "checkpoints"
    ]
    assert mixologist.train(other, resume=True)["full"].keys() == set(NAMES)
    record = mixologist.train(recipe)
    written = models(tmp_path / "run")
    assert models(tmp_path / "stopped") == written
    assert len({*written.values()}) == len(NAMES)
    assert {facts["learning_rate"] for facts in record["full"].values()} == {2e-5}
    base = AutoModelForCausalLM.from_pretrained(tiny_base)
    for name in NAMES:
        model = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "baselines" / name / "model")
        pairs = zip(model.parameters(), base.parameters(), strict=True)
        assert all(not torch.equal(own, old) for own, old in pairs), "every matrix has moved"
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    for task in evaluation["tasks"].values():
        assert {"full_single_task", "full_multi_task"} <= task["systems"].keys()
        assert {"single_task - full_single_task", "full_multi_task - full_single_task"} <= task[
            "paired"
        ].keys()
    one = sum(parameter.numel() for parameter in base.parameters())
    size = evaluation["sizes"]
    assert size["full_multi_task"]["parameters"] == one
    assert size["full_single_task"] == {
        "models": 2, "parameters": 2 * one, "bytes": 2 * size["full_multi_task"]["bytes"],
    }  # fmt: skip
    assert size["single_task"]["models"] == 2
    assert size["shared"]["models"] == 1
    assert size["shared"]["parameters"] == mixologist.plan(recipe)["adapter_parameters"]
    assert "fully trained, own" in (tmp_path / "run" / "report.html").read_text()
    again = mixologist.evaluate(tmp_path / "run")
    assert again["tasks"] == evaluation["tasks"]
    less = mixologist.evaluate(tmp_path / "run", overrides=["evaluation.baselines=[base, full_multi_task]"])
    assert "full_single_task" not in less["tasks"]["queue"]["systems"]


def test_they_learn_what_no_adapter_of_one_rank_says(recipe: dict[str, Any], tmp_path: Path) -> None:
    recipe["training"] |= {"full_learning_rate": 1e-3}
    recipe["evaluation"] |= {"seeds": 2}
    told: list[tuple[int, int, int]] = []
    hooks = Hooks(progress=lambda step, steps, news: told.append((step, steps, news["tokens"])))
    record = mixologist.train(recipe, hooks=hooks)
    total = told[0][1]
    assert [done for done, _, _ in told] == [*range(1, total + 1)], (
        "every step counts once, none is announced"
    )
    assert {steps for _, steps, _ in told} == {total}
    assert [tokens for _, _, tokens in told] == sorted(tokens for _, _, tokens in told)
    assert told[-1][2] == record["tokens"]
    assert record["full"]["full_multi_task"]["learning_rate"] == 1e-3
    (second,) = record["replicates"]
    for name in NAMES:
        assert second["full"][name]["digest"] != record["full"][name]["digest"], name
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text())["tasks"]["queue"]["systems"]
    assert found["full_multi_task"]["seeds"] == found["full_single_task"]["seeds"] == 2
    kept = tmp_path / "run" / "predictions" / "test" / "queue"
    lines = {name: (kept / f"{name}.jsonl").read_text().splitlines() for name in (NAMES[0], NAMES[2])}
    assert all(len(rows) == 1 + SIZES["test"] for rows in lines.values())
    losses = (
        record["full"][NAMES[0]]["validation_loss"]["queue"],
        record["adapters"]["queue"]["validation_loss"]["queue"],
    )
    assert losses[0] != pytest.approx(losses[1], rel=1e-3)


def test_plan_counts_them(recipe: dict[str, Any]) -> None:
    full = mixologist.plan(recipe)
    without = mixologist.plan(recipe, overrides=["evaluation.baselines=[base]"])
    assert full["tokens"] == pytest.approx(2 * without["tokens"], rel=0.02), "own and shared, once more each"
    assert full["memory_bytes"] > without["memory_bytes"]
    assert (
        mixologist.plan(recipe, overrides=["training.gradient_checkpointing=true"])["memory_bytes"]
        < full["memory_bytes"]
    )
