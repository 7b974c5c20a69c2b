"""Small real training jobs on a tiny base, and the replay of one adapter's trace alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from mixologist.evaluation.loss import validation_losses
from mixologist.mixing.forecast import forecast
from mixologist.mixing.sampler import Feeds, Update
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base
from mixologist.model.whole import Trained
from mixologist.recipe.schema import Mixture, Training
from mixologist.training.job import Job
from mixologist.training.updates import Updater
from tests.tiny import linears, rows

ROWS = {"a": 40, "b": 90, "c": 9}
"""c is so small that its adapter is absent from most steps."""
OPTIONS: dict[str, Any] = {
    "learning_rate": 0.02, "batch_size": 4, "num_train_epochs": 1, "weight_decay": 0.1, "max_grad_norm": 0.5,
    "max_tokens_per_batch": 90, "checkpoint_every": 3,
}  # fmt: skip


def job(
    base: Base,
    folder: Path,
    *,
    common: bool = False,
    dropout: float = 0.0,
    schedule: str = "proportional",
    **changes: Any,
) -> Job:
    """Three tasks, plan ``auto``, general data; every test may change the options."""
    options = Training.model_validate(OPTIONS | changes)
    names = [*ROWS, "shared", *(["common"] if common else [])]
    bank = new_bank(base, names, common=common, dropout=dropout)
    data = {
        task: rows(count, seed=n, longest=25)
        for n, (task, count) in enumerate({**ROWS, "general": 20}.items())
    }
    held = {task: rows(6, seed=100 + n, longest=25) for n, task in enumerate(ROWS)}
    feeds = Feeds(
        ROWS, {**{task: (task,) for task in ROWS}, "shared": tuple(ROWS)}, {"general": (20, 0.2)},
        options.batch_size, options.num_train_epochs, options.max_steps,
    )  # fmt: skip
    mixture = Mixture.model_validate({"schedule": schedule, "toward": "harder"})
    return Job(
        base=base, bank=bank, rows=data, feeds=feeds, forecast=forecast(feeds, mixture, [1.0] * 3), weights=[1.0] * 3,
        mixture=mixture, options=options, seed=0, validate_every=5,
        validate=lambda pairs: validation_losses(base, bank, held, pairs, 200), folder=folder,
    )  # fmt: skip


def new_bank(base: Base, names: list[str], *, common: bool = False, dropout: float = 0.0) -> Bank:
    """A fresh bank, as training begins with."""
    return Bank(
        base,
        [Shape(name, 4, 8.0) for name in names],
        modules=linears(base),
        common=common,
        dropout=dropout,
        seed=0,
    )


def weights(bank: Trained, name: str) -> torch.Tensor:
    """All numbers of one adapter."""
    return bank.flat[bank.parts.index(name)].clone()


def trace(folder: Path, adapter: str) -> list[dict[str, Any]]:
    """The recorded updates of one adapter."""
    lines = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    return [line for line in lines if line["adapter"] == adapter and "update" in line]


def replay(made: Job, adapter: str, until_step: int, dropout: float = 0.0) -> Bank:
    """The adapter alone in a bank of its own, fed what its trace says. The job's bank must be detached."""
    bank = new_bank(made.base, [adapter], dropout=dropout)
    updater = Updater(made.base, bank, made.rows, made.options)
    for line in trace(made.folder, adapter):
        if line["step"] < until_step:
            update = Update(adapter, line["update"], tuple((task, row) for task, row in line["examples"]))
            (measured,) = updater.apply([update], {adapter: line["rate"]})
            assert measured.tokens == line["tokens"]
    return bank
