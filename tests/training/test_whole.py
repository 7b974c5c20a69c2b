"""All weights of a base trained by the loop that trains adapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from mixologist.errors import Interrupted
from mixologist.evaluation.loss import validation_losses
from mixologist.mixing.batching import Encoded
from mixologist.mixing.forecast import forecast
from mixologist.model.base import load_base
from mixologist.model.whole import WholeModel
from mixologist.training.job import Job
from mixologist.training.loop import train
from tests.tiny import rows, save_base, tiny
from tests.training.jobs import job, trace
from tests.training.test_loop import stop_at


def whole_job(place: Path, folder: Path, dtype: str = "float64", **changes: Any) -> tuple[Job, WholeModel]:
    """One model of task a alone, its draws those that the mixture gives to a's adapter; no general data."""
    base = load_base(str(place), dtype=dtype, device="cpu")
    made = job(base, folder, **({"learning_rate": 1e-3} | changes))
    made.bank.detach()
    feeds = replace(made.feeds, adapters={"a": ("a",)}, general={})
    held = {task: rows(6, seed=100 + n, longest=25) for n, task in enumerate(feeds.rows)}
    model = WholeModel(base, "a")
    validate = lambda pairs: validation_losses(base, model, held, pairs, 200)  # noqa: E731
    made = replace(
        made, bank=model, feeds=feeds, validate=validate, forecast=forecast(feeds, made.mixture, [1.0] * 3)
    )
    return made, model


def test_it_equals_plain_torch_and_transformers(tmp_path: Path) -> None:
    place = save_base(tmp_path / "base")
    made, model = whole_job(place, tmp_path / "run")
    best = train(made).best_step["a"]
    updates = [line for line in trace(tmp_path / "run", "a") if line["step"] < best]
    assert len(updates) >= 5
    plain = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float64).eval()
    adamw = torch.optim.AdamW(plain.parameters(), lr=1.0, weight_decay=0.1, foreach=False)
    before = [parameter.detach().clone() for parameter in plain.parameters()]
    for line in updates:
        adamw.zero_grad()
        examples = [made.rows["a"][index] for _, index in line["examples"]]
        tokens = sum(len(example.completion) for example in examples)
        sum(_loss(plain, example) for example in examples).div(tokens).backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(plain.parameters(), made.options.max_grad_norm)
        adamw.param_groups[0]["lr"] = line["rate"]
        adamw.step()
    for ours, theirs, start in zip(model.parameters, plain.parameters(), before, strict=True):
        torch.testing.assert_close(ours.data, theirs.data, rtol=1e-9, atol=1e-9)
        assert float((theirs.detach() - start).abs().max()) > 1e-4


def _loss(model: Any, example: Encoded) -> torch.Tensor:
    """Summed over the completion's tokens."""
    ids = torch.tensor([[*example.prompt, *example.completion]])
    logits = model(input_ids=ids).logits[0, len(example.prompt) - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(example.completion), reduction="sum")


def test_a_stopped_one_continues_bit_for_bit_and_is_saved_for_transformers(tmp_path: Path) -> None:
    place = save_base(tmp_path / "base")
    made, model = whole_job(place, tmp_path / "whole", dtype="float32")
    train(made)
    whole = model.flat[0].clone()
    for step in (5, 12):
        made, _ = whole_job(place, tmp_path / "parts", dtype="float32")
        with pytest.raises(Interrupted):
            train(made, stop_at(step))
    made, model = whole_job(place, tmp_path / "parts", dtype="float32")
    train(made)
    assert torch.equal(model.flat[0], whole)
    model.detach()
    model.save(tmp_path / "model")
    read = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    assert torch.equal(_numbers(read.parameters()), whole)
    assert not torch.equal(_numbers(tiny(tmp_path, dtype="float32").model.parameters()), whole)


def test_small_steps_are_not_lost_on_a_base_of_low_precision(tmp_path: Path) -> None:
    made, model = whole_job(
        save_base(tmp_path / "base"), tmp_path / "run", dtype="bfloat16", learning_rate=1e-5
    )
    before = model.flat[0].clone()
    train(made)
    assert model.flat[0].dtype == torch.float32
    moved = (model.flat[0] != before).double().mean()
    assert float(moved) > 0.5
    model.detach()
    assert {parameter.dtype for parameter in model.base.model.parameters()} == {torch.bfloat16}


def _numbers(parameters: Any) -> torch.Tensor:
    listed: Sequence[torch.Tensor] = [parameter.detach().flatten() for parameter in parameters]
    return torch.cat(list(listed))
