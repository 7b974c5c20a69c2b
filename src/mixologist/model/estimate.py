"""What a run will take, from the base's configuration alone: memory and time, both rough.

P = parameters, A = numbers of one adapter, k = adapters, T = tokens computed at once, L = blocks, d = hidden size
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from mixologist.model import families

EFFICIENCY = 0.35
"""Share of the machine's matrix rate that training reaches: measured on the built-in base on two cores."""
ACTIVATIONS = 48
"""Numbers kept for the backward pass per token, block and hidden unit: measured on the built-in base (1,050 to 4,095
tokens, bfloat16, eight adapters: 197 kB a token)."""
LIBRARIES = 500_000_000
"""Bytes of a process that has imported everything and loaded nothing."""


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


def memory_bytes(
    base: Skeleton,
    trained: int,
    tokens: int,
    number_bytes: int,
    *,
    trunk: int = 0,
    full: bool = False,
    recompute: bool = False,
) -> int:
    """Training's peak: libraries, base, what is trained (weights, gradients, two moments, best state in float32),
    activations, logits of the targets. Evaluation may need more.

    Args:
        base: the frozen one.
        trained: numbers of all adapters in the bank.
        tokens: computed at once.
        number_bytes: of one number of the base.
        trunk: lowest blocks that carry no adapter: nothing of theirs is kept for the backward pass.
        full: whether copies of the base are also trained whole, one at a time, when the adapters are done.
        recompute: whether blocks keep their inputs only; one at a time then has all its activations.
    """
    weights = base.parameters * number_bytes
    lowered = base.parameters * number_bytes if number_bytes < 4 else 0  # autocast's copy
    vectors = 5 * 4 * max(trained, base.parameters if full else 0) + (lowered if full else 0)
    above = base.blocks - (0 if full else trunk)
    kept = ACTIVATIONS + above if recompute else ACTIVATIONS * above
    activations = kept * base.hidden_size * tokens * number_bytes
    logits = 3 * base.vocabulary * (tokens // 8) * 4
    return LIBRARIES + weights + vectors + activations + logits


def training_flops(base: Skeleton, tokens: int, *, full: bool = False) -> float:
    """Forward (2 P) and gradient of the inputs (2 P) of each token; gradients of frozen weights are not computed, those
    of a ``full`` fine-tuning are (2 P).
    """
    return (6.0 if full else 4.0) * base.parameters * tokens


def seconds(flops: float) -> float:
    """Time for so many operations on this machine, from a matrix product timed now (a fifth of a second)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    a = torch.randn(1024, 1024, device=device)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < 0.2:
        (a @ a)[0, 0].item()
        count += 1
    rate = count * 2 * 1024**3 / (time.perf_counter() - start)
    return flops / (rate * EFFICIENCY)
