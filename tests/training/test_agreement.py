"""Gradient agreement: right cosines, and a look that changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mixologist.mixing.batching import Segment
from mixologist.model.base import Base
from mixologist.training.agreement import EVERY, agreement, gradient
from mixologist.training.loop import train
from tests.tiny import bank_of, rows, tiny
from tests.training.jobs import job, weights


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return tiny(tmp_path)


@pytest.mark.parametrize("common", [False, True])
def test_a_task_agrees_with_its_own_rows_and_opposes_the_opposite(base: Base, common: bool) -> None:
    bank = bank_of(base, "a", "b", *(["common"] if common else []), common=common)
    same = [Segment(1, row, 1.0, key=str(n)) for n, row in enumerate(rows(4))]
    against = [replace(segment, weight=-1.0) for segment in same]
    twice = [same[0], same[0]]
    found = agreement(base, bank, {"x": same, "y": same, "z": against, "t": twice, "one": same[:1]}, 100)
    # Of the four pairs of halves two are a half with itself and two are those that x is seen by: as noisy as x alone.
    assert found["x"]["y"] == pytest.approx((1 + found["x"]["x"]) / 2)
    assert found["x"]["z"] == pytest.approx(-(1 + found["x"]["x"]) / 2)
    assert found["t"]["t"] == pytest.approx(1)
    assert -1 < found["x"]["x"] < 1
    assert "one" not in found.get("one", {})
    assert found["t"]["one"] == pytest.approx(1)
    assert not any(bank.gradient(index).any() for index in range(len(bank.parts)))


def test_a_gradient_is_that_of_the_weighted_loss(base: Base) -> None:
    bank = bank_of(base, "a")
    segments = [Segment(0, row, 0.5 + n) for n, row in enumerate(rows(3))]
    whole = gradient(base, bank, segments, 10_000)
    torch.testing.assert_close(gradient(base, bank, segments, 1), whole, rtol=1e-9, atol=1e-12)
    again = gradient(base, bank, segments, 10_000, recompute=True)
    torch.testing.assert_close(again, whole, rtol=1e-9, atol=1e-12)
    parts = sum(gradient(base, bank, [segment], 100) for segment in segments)
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-12)


def test_looking_changes_no_weight(base: Base, tmp_path: Path) -> None:
    after = []
    for looks in (False, True):
        made = replace(
            job(base, tmp_path / str(looks), num_train_epochs=3, dropout=0.2), gradient_agreement=looks
        )
        train(made)
        after.append({name: weights(made.bank, name) for name in made.bank.parts})
        made.bank.detach()
    assert all(torch.equal(after[0][name], after[1][name]) for name in after[0])
    lines = [json.loads(line) for line in (tmp_path / "True" / "metrics.jsonl").read_text().splitlines()]
    found = [line for line in lines if "agreement" in line]
    assert {line["adapter"] for line in found} == {"shared"}
    trace = [json.loads(line) for line in (tmp_path / "True" / "trace.jsonl").read_text().splitlines()]
    updates = sum(line["adapter"] == "shared" and "update" in line for line in trace)
    assert len(found) == -(-updates // EVERY) > 1
    assert all(
        -1 <= cosine <= 1 for line in found for row in line["agreement"].values() for cosine in row.values()
    )
