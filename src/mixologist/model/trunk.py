"""Hidden states of the plain base at a depth: what the router reads, and what adapted blocks go on from.

n = prompts, d = hidden size, T = tokens of a pack
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from mixologist.model.adapters import Bank
from mixologist.model.attention import Packing, laid_out
from mixologist.model.base import Base
from mixologist.tasks.encoding import Encoded, Hidden

LARGEST = torch.finfo(torch.float16).max


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
    adapter. ``advance`` is told how many prompts are done. Numbers are cut at float16's largest, in which features are
    stored: some families' hidden states (Gemma 3) have larger ones.
    """
    features = torch.empty(len(prompts), 2 * base.model.config.hidden_size)
    with base.lock, bank.use(None) if bank else nullcontext():
        for batch in batches([len(prompt.prompt) for prompt in prompts], max_tokens):
            features[batch] = _features(base, [prompts[i] for i in batch], depth).float().cpu()
            advance(len(batch))
    return features.clamp_(-LARGEST, LARGEST)


def _features(base: Base, prompts: Sequence[Encoded], depth: int) -> Tensor:
    hidden = hidden_states(base, [prompt.prompt for prompt in prompts], depth)
    lengths = [len(prompt.prompt) for prompt in prompts]
    ends = torch.tensor(lengths).cumsum(0)
    starts = ends - torch.tensor(lengths)
    turns = [
        hidden[s + p.turn[0] : s + p.turn[1]].mean(0) for s, p in zip(starts.tolist(), prompts, strict=True)
    ]
    return torch.cat([torch.stack(turns), hidden[ends.to(hidden.device) - 1]], dim=1)


@torch.no_grad()
def hidden_states(base: Base, texts: Sequence[Sequence[int]], depth: int) -> Tensor:
    """Output (T, d) of block ``depth`` (1-based) for token ids laid end to end; the blocks above are not computed.

    Adapters in the blocks below must be out of use.
    """
    lengths = [len(text) for text in texts]
    ids = torch.tensor([token for text in texts for token in text], device=base.device)
    positions = torch.cat([torch.arange(length, device=base.device) for length in lengths])
    layout = Packing(lengths, len(ids), base.device, few_shapes=False)
    with base.lock, laid_out(base.model):
        hook = base.blocks[depth - 1].register_forward_hook(_stop)
        try:
            base.model(input_ids=ids[None], position_ids=positions[None], layout=layout, use_cache=False)
        except _Reached as reached:
            return reached.hidden[0]
        finally:
            hook.remove()
    raise AssertionError("the hook did not stop the forward pass")


def as_array(states: Tensor) -> NDArray[Any]:
    """Hidden states as `Hidden` has them."""
    states = states.cpu()
    return (states.view(torch.int16) if states.dtype == torch.bfloat16 else states).numpy()


def as_tensor(hidden: Hidden) -> Tensor:
    """The states (T, d) in their own dtype."""
    states = torch.from_numpy(hidden.states)
    return states.view(torch.bfloat16) if states.dtype == torch.int16 else states


def batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices of texts of these lengths, shortest first, in batches of at most ``max_tokens`` tokens.

    >>> batches([5, 2, 4, 9], 7)
    [[1, 2], [0], [3]]
    """
    found: list[list[int]] = []
    room = 0
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if lengths[index] > room or not found:
            found.append([])
            room = max_tokens
        found[-1].append(index)
        room -= lengths[index]
    return found
