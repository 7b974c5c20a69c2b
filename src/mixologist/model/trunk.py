"""Hidden states of the plain base at a depth: what the router reads.

n = prompts, d = hidden size, T = tokens of a pack
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from mixologist.model.adapters import Bank
from mixologist.model.attention import Packing, laid_out
from mixologist.model.base import Base
from mixologist.tasks.encoding import Encoded


class _Reached(Exception):  # noqa: N818 - not an error: the forward pass has come as far as it must
    def __init__(self, hidden: Tensor) -> None:
        self.hidden = hidden


def _stop(module: Any, inputs: Any, output: Any) -> None:  # noqa: ARG001
    raise _Reached(output[0] if isinstance(output, tuple) else output)


@torch.no_grad()
def prompt_features(
    base: Base,
    bank: Bank | None,
    prompts: Sequence[Encoded],
    depth: int,
    *,
    max_tokens: int = 8192,
    advance: Callable[[int], None] = lambda count: None,
) -> Tensor:
    """Router input (n, 2 d), float32 on the CPU: mean of h_d over the last user turn, and h_d at the last prompt token.

    h_d is the output of block ``depth`` (1-based) of the plain base; the blocks above are not computed, nor is any
    adapter. ``advance`` is told how many prompts are done.
    """
    features = torch.empty(len(prompts), 2 * base.model.config.hidden_size)
    hook = base.blocks[depth - 1].register_forward_hook(_stop)
    try:
        for batch in _batches(prompts, max_tokens):
            features[batch] = _features(base, bank, [prompts[i] for i in batch]).float().cpu()
            advance(len(batch))
    finally:
        hook.remove()
    return features


def _features(base: Base, bank: Bank | None, prompts: Sequence[Encoded]) -> Tensor:
    lengths = [len(prompt.prompt) for prompt in prompts]
    hidden = _forward(base, bank, prompts, lengths)  # (T, d)
    ends = torch.tensor(lengths).cumsum(0)
    starts = ends - torch.tensor(lengths)
    turns = [
        hidden[s + p.turn[0] : s + p.turn[1]].mean(0) for s, p in zip(starts.tolist(), prompts, strict=True)
    ]
    return torch.cat([torch.stack(turns), hidden[ends.to(hidden.device) - 1]], dim=1)


def _forward(base: Base, bank: Bank | None, prompts: Sequence[Encoded], lengths: list[int]) -> Tensor:
    ids = torch.tensor([token for prompt in prompts for token in prompt.prompt], device=base.device)
    positions = torch.cat([torch.arange(length, device=base.device) for length in lengths])
    plain = bank.use(None) if bank else nullcontext()
    try:
        with laid_out(base.model), plain:
            layout = Packing.of(lengths, base.device)
            base.model(input_ids=ids[None], position_ids=positions[None], layout=layout, use_cache=False)
    except _Reached as reached:
        return reached.hidden[0]
    raise AssertionError("the hook did not stop the forward pass")


def _batches(prompts: Sequence[Encoded], max_tokens: int) -> list[list[int]]:
    """Indices, shortest prompt first, in batches of at most ``max_tokens`` tokens."""
    batches: list[list[int]] = []
    room = 0
    for index in sorted(range(len(prompts)), key=lambda i: len(prompts[i].prompt)):
        length = len(prompts[index].prompt)
        if length > room or not batches:
            batches.append([])
            room = max_tokens
        batches[-1].append(index)
        room -= length
    return batches
