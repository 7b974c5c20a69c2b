"""Which settings fit a plan into a given memory, and with how many tokens at once: ``plan --memory``."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch

from mixologist.model.base import choose_device, choose_dtype
from mixologist.model.footprint import Footprint, footprint
from mixologist.planning import Plan, full_models

SPARE = 0.9
"""Share of the memory that is planned with."""
STEP, MOST = 256, 2**16
"""Tokens at once are offered in multiples of the first, up to the second."""


def memory_fits(plan: Plan, room: float) -> dict[str, Any]:
    """``memory_fits`` of ``plan --json``: settings from the fastest to the most frugal, each with its memory at the
    recipe's ``max_tokens_per_batch``, whether that fits into ``room`` bytes (a tenth of it is spared), and the largest
    ``max_tokens_per_batch`` that does (0: none). ``chosen`` is the number of the first that fits as the recipe stands,
    or of the one that takes most tokens at once, or None. Four bits, slow on a CPU, are counted for a GPU, and not
    offered where the recipe names the CPU.
    """
    four_bits = ("nf4",) if plan.recipe.training.device != "cpu" else ()
    dtypes = dict.fromkeys((dtype_of(plan), "bfloat16", *four_bits))
    settings = [
        _fit(plan, dtype, recompute, SPARE * room) for dtype, recompute in product(dtypes, (False, True))
    ]
    return {"memory_bytes": int(room), "settings": settings, "chosen": _chosen(settings)}


def _chosen(settings: list[dict[str, Any]]) -> int | None:
    most = max(range(len(settings)), key=lambda number: settings[number]["largest"])
    fitting = [number for number, fit in enumerate(settings) if fit["fits"]]
    return next(iter(fitting), most if settings[most]["largest"] else None)


def _fit(plan: Plan, dtype: str, recompute: bool, room: float) -> dict[str, Any]:
    on_gpu = trains_on_gpu(plan) or (dtype == "nf4" and plan.recipe.training.device == "auto")
    memory = needs(plan, dtype, recompute, on_gpu=on_gpu)
    total = memory.total(tokens_at_once(plan))
    largest = min(MOST, memory.largest(room) // STEP * STEP)
    return {
        "dtype": dtype, "gradient_checkpointing": recompute, "on_gpu": on_gpu, "memory_bytes": total,
        "fits": total <= room, "largest": largest if largest >= _longest(plan) else 0,
    }  # fmt: skip


def needs(plan: Plan, dtype: str, recompute: bool, *, on_gpu: bool) -> Footprint:
    """The memory of a plan's training with these settings."""
    return footprint(
        plan.skeleton, plan.adapter_numbers * plan.adapters, dtype, trunk=plan.trunk,
        full=bool(full_models(plan)), recompute=recompute, dropout=plan.recipe.adapters.lora_dropout > 0,
        on_gpu=on_gpu,
    )  # fmt: skip


def dtype_of(plan: Plan) -> str:
    """``training.dtype``, or what ``auto`` comes to on this machine."""
    training = plan.recipe.training
    if training.dtype != "auto":
        return training.dtype
    if for_another_machine(plan):
        return "bfloat16"  # its GPU will have it
    return str(choose_dtype(choose_device(training.device))).removeprefix("torch.")


def for_another_machine(plan: Plan) -> bool:
    """Whether the recipe names a GPU and there is none here."""
    return plan.recipe.training.device.startswith("cuda") and not torch.cuda.is_available()


def trains_on_gpu(plan: Plan) -> bool:
    """Whether training does: one that is here, or that the recipe names."""
    device = plan.recipe.training.device
    return device.startswith("cuda") or choose_device(device).type == "cuda"


def tokens_at_once(plan: Plan) -> int:
    """``max_tokens_per_batch``, or the longest row where that is longer."""
    return max(plan.recipe.training.max_tokens_per_batch, _longest(plan))


def _longest(plan: Plan) -> int:
    return max(rows.longest for rows in plan.train.values())
