"""Rows drawn from a plan: for the validation loss while training, and for what the router learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from mixologist import seeds
from mixologist.memory import give_back
from mixologist.mixing import batching
from mixologist.model.adapters import Bank
from mixologist.model.base import Base
from mixologist.model.trunk import prompt_features
from mixologist.model.trunk_cache import TrunkCache, cache_folder
from mixologist.planning import Plan, encode
from mixologist.tasks.encoding import Advance, Encoded
from mixologist.tasks.task import Stage, Task
from mixologist.tasks.wordings import learned_prompts
from mixologist.training.router_features import BASE, OUT_OF_SCOPE, Features

Rows = Sequence[batching.Encoded]


def validation_sample(plan: Plan, task: Task) -> Sequence[Encoded]:
    """The rows that the validation loss is taken on while training."""
    rows = encode(task, "validation", plan.encoder)
    picks = seeds.pick(len(rows), plan.recipe.evaluation.validation_loss_rows, plan.recipe.seed, task.name)
    return [rows[number] for number in picks]


def trunk_rows(
    plan: Plan, base: Base, validation: Mapping[str, Rows], stage: Stage
) -> tuple[dict[str, Rows], dict[str, Rows]]:
    """Train rows of the tasks and data that are drawn from, and validation rows; with a trunk, both with its hidden
    states.
    """
    names = (*plan.feeds.rows, *plan.feeds.general)
    train: dict[str, Rows] = {name: plan.train[name] for name in names}
    room = int(plan.recipe.training.trunk_cache_gb * 1e9)
    if not plan.trunk or not room:
        return train, dict(validation)
    splits = {f"train/{name}": rows for name, rows in train.items()}
    splits |= {f"validation/{name}": rows for name, rows in validation.items()}
    advance = stage("trunk", sum(len(rows) for rows in splits.values()))
    stored = TrunkCache(cache_folder(), room).store(base, plan.trunk, splits, advance)
    give_back()
    return (
        {name: stored[f"train/{name}"] for name in train},
        {name: stored[f"validation/{name}"] for name in validation},
    )


def router_features(plan: Plan, base: Base, bank: Bank | None, advance: Advance) -> Features:
    """Features of every task's prompts, and of general, math and out-of-scope prompts as the base's own."""
    tasks = [(task, number) for number, task in enumerate(plan.tasks.tasks.values())]
    everything = tasks + [(task, BASE) for task in plan.general.values()]
    parts = []
    for task, target in everything:
        parts += prompt_rows(plan, base, bank, task, target)
        give_back()
        advance(1)
    return Features.joined(parts)


def prompt_rows(plan: Plan, base: Base, bank: Bank | None, task: Task, target: int) -> list[Features]:
    """Features of one task's train and validation prompts, with their target; with them those out of its scope."""
    parts = []
    if task.out_of_scope and plan.recipe.router.out_of_scope:
        parts += prompt_rows(plan, base, bank, task.out_of_scope, OUT_OF_SCOPE)
    at_once = plan.recipe.training.read_at_once
    for split in ("train", "validation"):
        for number, prompts in enumerate(learned_prompts(task, split, plan.encoder, plan.recipe)):
            x = prompt_features(base, bank, prompts, plan.depth, max_tokens=at_once).half()
            of, wording = torch.full((len(prompts),), target), torch.full((len(prompts),), number)
            parts.append(Features(x, of, wording, torch.full((len(prompts),), split == "validation")))
    return parts
