"""Do tasks that feed one adapter pull it the same way? Cosines between their gradients, seen on some of its updates.

    cos(a, b) = g_a . g_b / (|g_a| |g_b|)      below 0: the tasks conflict (Yu et al. 2020, arXiv 2001.06782)

g_t is the gradient of the update's loss from some examples of task t, at the weights before the step. An update has few
examples of a task, and their noise draws every cosine towards 0, so each task is also compared with itself: cos(t, t)
is between two halves of its examples, and cos(a, b) the mean over a's halves and b's. All are gradients of half of a
task's examples, equally noisy, so that the one says how much of the other could be seen.

Gradients are taken beside the training's own, in a pass of their own: no update changes. P = the adapter's numbers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations, combinations_with_replacement, product
from math import isfinite
from statistics import mean

import torch
from torch import Tensor

from mixologist.mixing.batching import Segment, micro_batches
from mixologist.model.base import Base
from mixologist.model.forward import target_losses
from mixologist.model.whole import Trained

EVERY = 20
"""Updates of an adapter of which one is looked at: it goes through the base once more, 1/20 of the adapter's tokens."""

Agreement = dict[str, dict[str, float]]
"""Task -> task that is not before it -> cosine of their gradients, in [-1, 1]."""


def agreement(
    base: Base,
    bank: Trained,
    by_task: Mapping[str, Sequence[Segment]],
    max_tokens: int,
    *,
    recompute: bool = False,
) -> Agreement:
    """Cosines between the tasks of one update of one adapter; a task of one example is not compared with itself, and
    stands whole beside the others' halves. What is not finite is left out.

    Costs a forward and a backward pass over the segments, and memory for 2 P numbers a task.
    """
    of = partial(gradient, base, bank, max_tokens=max_tokens, recompute=recompute)
    halves = {
        task: [of(part) for part in (found[::2], found[1::2]) if part] for task, found in by_task.items()
    }
    cosines: Agreement = {}
    for a, b in combinations_with_replacement(halves, 2):
        pairs = product(halves[a], halves[b]) if a != b else combinations(halves[a], 2)
        found = [_cosine(*pair) for pair in pairs]
        if found and isfinite(mean(found)):
            cosines.setdefault(a, {})[b] = mean(found)
    return cosines


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(torch.cosine_similarity(a, b, dim=0))


def gradient(
    base: Base, bank: Trained, segments: Sequence[Segment], max_tokens: int, *, recompute: bool = False
) -> Tensor:
    """Gradient (P,) of the segments' weighted loss, all of one adapter, taken between two updates: the bank's own
    gradients are zero before and after.
    """
    touched = [segments[0].adapter, *range(len(bank.names), len(bank.parts))]  # `common` is always on
    for batch in micro_batches(segments, max_tokens, len(bank.names)):
        losses = target_losses(base, bank, batch, recompute=recompute)
        weights = torch.as_tensor(batch.weights, dtype=losses.dtype, device=losses.device)
        (losses * weights).sum().backward()
    found = bank.gradient(touched[0]).clone()
    for index in touched:
        bank.gradient(index).zero_()
    return found
