"""What a plan comes to, before anything is trained: rows, schedule, adapters, memory, time, disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mixologist.fitting import (
    dtype_of,
    for_another_machine,
    memory_fits,
    needs,
    tokens_at_once,
    trains_on_gpu,
)
from mixologist.model.base import DTYPES
from mixologist.model.estimate import seconds
from mixologist.planning import Plan, full_models, plan_of_full
from mixologist.tasks.task import Task


def describe(plan: Plan, memory_gb: float | None = None) -> dict[str, Any]:
    """``plan --json`` (DESIGN: JSON shapes); with ``memory_gb`` also what fits into so much."""
    everything = plan.tasks.tasks | plan.general
    seeds, fulls = plan.recipe.evaluation.seeds, [plan_of_full(plan, name) for name in full_models(plan)]
    adapted, full = plan.tokens_computed() * seeds, sum(each.tokens_computed() for each in fulls) * seeds
    trunk = trunk_cache(plan, adapted)
    return {
        "tasks": {name: _describe_task(plan, task) for name, task in everything.items()},
        "schedule": [{"epoch": n + 1, "shares": shares} for n, shares in enumerate(plan.forecast.shares)],
        "adapters": {
            name: {"tasks": list(tasks), "updates": plan.forecast.updates[name]}
            for name, tasks in plan.feeds.adapters.items()
        },
        "adapter_parameters": plan.adapter_numbers,
        "trunk": plan.trunk,
        "trunk_cache": trunk,
        "trunk_offers": trunk_offers(plan, adapted),
        "router_depth": plan.depth,
        "steps": plan.forecast.steps,
        "seeds": seeds,
        "tokens": adapted + full,
        "memory_bytes": _memory(plan),
        "seconds": _seconds(plan, adapted * trunk["passes"], full, fulls),
        "memory_fits": memory_fits(plan, memory_gb * 1e9) if memory_gb else None,
        "audit": plan.tasks.audit.as_json(),
        "fingerprint": plan.fingerprint,
        "warnings": plan.warnings,
    }


def trunk_cache(plan: Plan, computed: int) -> dict[str, Any]:
    """What storing the trunk's hidden states takes and saves, where ``computed`` tokens go through the base.

    Ordinary training of L blocks passes 2 L of them for each token, forward and backward. The lowest s without adapters
    need no backward: 2 L - s. Stored, they are passed once for each of the rows' own tokens, and 2 (L - s) are left.
    """
    s, blocks = plan.trunk, plan.skeleton.blocks
    own = sum(plan.tokens(name) for name in plan.train) + _validation_tokens(plan)
    size = own * plan.skeleton.hidden_size * DTYPES[dtype_of(plan)].itemsize if s else 0
    used = 0 < size <= plan.recipe.training.trunk_cache_gb * 1e9
    plain = (2 * blocks - s) * computed
    passes = 2 * (blocks - s) * computed + s * own if used else plain
    return {
        "bytes": size,
        "used": used,
        "passes": passes / max(1, 2 * blocks * computed),
        "saves": 1 - passes / max(1, plain),
    }


def trunk_offers(plan: Plan, computed: int) -> list[dict[str, Any]]:
    """What deeper trunks, of a quarter and half of the blocks, would take on disk, and save of the passes of training
    without any.
    """
    blocks = plan.skeleton.blocks
    depths = sorted({depth for depth in (blocks // 4, blocks // 2) if depth > plan.trunk})
    offers = {depth: trunk_cache(replace(plan, trunk=depth), computed) for depth in depths}
    return [
        {"trunk": depth, "bytes": offer["bytes"], "saves": 1 - offer["passes"]}
        for depth, offer in offers.items()
    ]


def _validation_tokens(plan: Plan) -> int:
    """Of the rows that validation losses are taken on, if they are as long as the train rows."""
    most, tokens = plan.recipe.evaluation.validation_loss_rows, 0
    for name, task in plan.tasks.tasks.items():
        rows = min(most, len(task.splits["validation"]))
        tokens += plan.tokens(name) * rows // max(1, len(plan.train[name]))
    return tokens


def _seconds(plan: Plan, adapted: float, full: int, fulls: Sequence[Plan]) -> int | None:
    """None where this machine cannot tell."""
    if for_another_machine(plan):
        return None
    training = plan.recipe.training
    steps = plan.recipe.evaluation.seeds * sum(each.forecast.steps for each in (plan, *fulls))
    found = seconds(
        plan.skeleton, adapted, full, steps, training.device, dtype_of(plan),
        recompute=training.gradient_checkpointing,
    )  # fmt: skip
    return round(found)


def _describe_task(plan: Plan, task: Task) -> dict[str, Any]:
    encoded = plan.train[task.name]
    return {
        "train_rows": len(encoded),
        "validation_rows": len(task.splits["validation"]),
        "test_rows": len(task.splits["test"]),
        "tokens": plan.tokens(task.name),
        "completion_tokens": encoded.completion_tokens,
        "shortened": encoded.shortened,
        "lost": encoded.lost,
        "dropped": encoded.dropped,
        "estimated": not encoded.exact,
        "format": task.format.name,
        "metric": task.metric,
        "licence": task.licence,
        "noncommercial": task.noncommercial,
    } | _outside_rows(task)


def _outside_rows(task: Task) -> dict[str, Any]:
    """How many rows of each split are out of the task's scope, where its data marks any."""
    if task.out_of_scope is None:
        return {}
    return {"out_of_scope": {split: len(rows) for split, rows in task.out_of_scope.splits.items()}}


def _memory(plan: Plan) -> int:
    recompute = plan.recipe.training.gradient_checkpointing
    memory = needs(plan, dtype_of(plan), recompute, on_gpu=trains_on_gpu(plan))
    return memory.total(tokens_at_once(plan))
