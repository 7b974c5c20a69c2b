"""What a base is made of, from its configuration alone, and how long training it will take, roughly."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from mixologist.memory import keep_few_shapes
from mixologist.model import families
from mixologist.model.base import DTYPES

A_STEP = 0.005
"""Seconds that a step takes to go through one block and back, however few its tokens: a CPU starts hundreds of
operations."""
BESIDE, BESIDE_A_UNIT = 14e-6, 22e-9
"""Seconds for each token and block besides the base's products, on a CPU: attention, adapters, norms and whatever else
passes over memory; and what comes to that for each hidden unit. Fitted on two cores with AMX to packs of 4,018
tokens (built-in base, 15m and 135m shapes, bfloat16), where it is 17 to 24 microseconds; float32 takes as long."""
GPU_SHARE = 0.35
"""Share of a GPU's matrix rate that training reaches; a guess."""


@dataclass(frozen=True)
class Skeleton:
    """A base without weights."""

    parameters: int
    linears: dict[str, tuple[int, int]]
    """Module name -> (d_in, d_out) of every linear in the blocks."""
    blocks: int
    hidden_size: int
    vocabulary: int


def skeleton(config: Any) -> Skeleton:
    """Build the model on the meta device: names and shapes of its layers, no memory."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    linears = {name: families.sizes(linear) for name, linear in families.linears(model).items()}
    parameters = sum(p.numel() for p in model.parameters())
    depth = len(families.blocks(model))
    return Skeleton(parameters, linears, depth, config.hidden_size, config.vocab_size)


def training_flops(base: Skeleton, tokens: float, *, full: bool = False, recompute: bool = False) -> float:
    """Forward (2 P) and gradient of the inputs (2 P) of each token; gradients of frozen weights are not computed, those
    of a ``full`` fine-tuning are (2 P). To ``recompute`` is another forward pass (2 P).
    """
    return 2.0 * (2 + full + recompute) * base.parameters * tokens


def seconds(
    base: Skeleton,
    adapted: float,
    full: int,
    steps: int,
    device: str,
    dtype: str,
    *,
    recompute: bool = False,
) -> float:
    """Time to train adapters on ``adapted`` tokens (less than there are, where a trunk spares passes) and copies of the
    base on ``full``, in so many steps, on ``device`` (``auto``, ``cpu``, ``cuda``; the CPU where there is no GPU)
    in a dtype of `base.DTYPES`. Rough: on two cores the demo, full packs and 200 steps of the finance recipe took 0.8
    to 1.3 of it.
    """
    flops = training_flops(base, adapted, recompute=recompute)
    flops += training_flops(base, full, full=True, recompute=recompute)
    place = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    rate = matrix_rate(place, DTYPES[dtype])
    if place == "cuda":
        return flops / (rate * GPU_SHARE)
    beside = steps * A_STEP + (adapted + full) * (BESIDE + base.hidden_size * BESIDE_A_UNIT)
    return flops / rate + base.blocks * beside


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """Operations a second in products of 1,024 rows, timed now (a fifth of a second). The first one, in which libraries
    set themselves up, is not counted.
    """
    keep_few_shapes()  # what trains next in this process must not find the libraries' habits settled
    a = torch.randn(1024, 1024, device=device).to(dtype)
    (a @ a)[0, 0].item()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < 0.2:
        (a @ a)[0, 0].item()
        count += 1
    return count * 2 * 1024**3 / (time.perf_counter() - start)
