"""What a base is made of, from its configuration alone, and how long training it will take, roughly."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from mixologist.model import families
from mixologist.model.base import DTYPES

EFFICIENCY = 0.35
"""Share of the machine's matrix rate, in products of 1,024 rows, that training reaches where packs are full. On two
cores with AMX, in bfloat16: 0.32 to 0.38 at the 15m shape, 0.37 to 0.40 at 135m."""
LEAST = 0.01
"""Seconds that an update takes to go through one block and back, however few its tokens: on two cores, starting some
hundred operations (5 ms with one adapter, 12 with two). A GPU's is left out."""


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


def training_flops(base: Skeleton, tokens: int, *, full: bool = False, recompute: bool = False) -> float:
    """Forward (2 P) and gradient of the inputs (2 P) of each token; gradients of frozen weights are not computed, those
    of a ``full`` fine-tuning are (2 P). To ``recompute`` is another forward pass (2 P).
    """
    return 2.0 * (2 + full + recompute) * base.parameters * tokens


def seconds(flops: float, passes: int, device: str, dtype: str) -> float:
    """Time for so many operations, in so many passes of an update through a block, on ``device`` (``auto``, ``cpu``,
    ``cuda``; the CPU where there is no GPU) in a dtype of `base.DTYPES`.

    Products of that dtype are timed now, for a fifth of a second. The first one, in which libraries set themselves up,
    is not counted.
    """
    place = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    a = torch.randn(1024, 1024, device=place).to(DTYPES[dtype])
    (a @ a)[0, 0].item()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < 0.2:
        (a @ a)[0, 0].item()
        count += 1
    rate = count * 2 * 1024**3 / (time.perf_counter() - start)
    return flops / (rate * EFFICIENCY) + (passes * LEAST if place == "cpu" else 0)
