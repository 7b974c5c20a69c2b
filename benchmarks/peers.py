"""The settings of the peers: which there are, and which are fastest on this machine."""

from __future__ import annotations

import itertools
import sys

from transformers.utils import is_flash_attn_2_available, is_liger_kernel_available

from benchmarks.sides import Process, Side

SCREENED = 48
"""Rows by which a peer's setting is chosen, at most."""


def grid(peer: str, shape: str, device: str) -> list[Side]:
    """All settings of a peer."""
    if device != "cpu":
        return on_a_gpu(peer, shape, device)
    dtypes, batches_of = ("float32", "bfloat16"), (16, 4, 1)
    if peer == "loop":
        return [
            Side("loop", shape, dtype, SCREENED, batch=batch)
            for dtype, batch in itertools.product(dtypes, batches_of)
        ]
    return [
        Side("trl", shape, dtype, SCREENED, grouped, batch)
        for dtype, grouped, batch in itertools.product(dtypes, (True, False), batches_of)
    ]


def on_a_gpu(peer: str, shape: str, device: str) -> list[Side]:
    """In bfloat16, grouped by length; with FlashAttention and Liger, too, where installed. Best guess first."""
    attentions = ["flash_attention_2"] * is_flash_attn_2_available() + ["sdpa"]
    ligers = [True] * is_liger_kernel_available() + [False]
    return [
        Side(peer, shape, "bfloat16", SCREENED, batch=batch, device=device, attention=attention, liger=liger)
        for attention, liger, batch in itertools.product(attentions, ligers, (16, 4, 1))
    ]


def likely(peer: str, shape: str, device: str) -> Side:
    """What was the best of the grid, or near it, on the machines that it was run on; on a GPU, what ought to be."""
    if device != "cpu":
        return on_a_gpu(peer, shape, device)[0]
    dtype, batch = ("bfloat16", 4) if peer == "loop" else ("float32", 1)
    return Side(peer, shape, dtype, SCREENED, batch=batch)


def screened(sides: list[Side]) -> dict[Side, dict[str, float] | None]:
    """One pass of each, in turn; the second on a GPU, where the first makes kernels; None where it was not done."""
    found = {}
    for side in sides:
        process = Process(side)
        found[side] = process.run()
        if side.device != "cpu" and found[side]:
            found[side] = process.run()
        process.close()
        print(side, found[side], file=sys.stderr, flush=True)
    return found


def fastest(found: dict[Side, dict[str, float] | None], count: int) -> list[Side]:
    """Those of least time, of the settings that ran."""
    ran = {side: one["seconds"] for side, one in found.items() if one}
    return sorted(ran, key=lambda side: ran[side])[:count]
