"""The last block, only for the tokens that are asked: those whose hidden states the output head will read.

Above the last block's keys and values no token reads another one, so that attention, its output and the MLP of a token
that predicts nothing are work for nobody, forward and backward. In prompts with short answers that is most of a block.

    T = tokens of a pack, C = tokens asked, H = heads, G = key/value heads, D = head size,
    n x Q, n x L = tokens asked and places of the segments of a bucket
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from mixologist.model.attention import Packing, Weighing, attend
from mixologist.model.base import Base
from mixologist.model.blocks import replaced
from mixologist.model.buckets import Buckets
from mixologist.model.families import after_attention
from mixologist.model.tiles import rounded


@dataclass(frozen=True)
class Asked:
    """The last tokens but one of each segment of a pack, as many as its completion has."""

    packing: Packing
    rows: Tensor
    """(C,): their places in the pack; fillers behind them are a filler's place."""
    buckets: Buckets
    """Of the tokens asked, with the pack's segments in each."""
    places: tuple[Tensor, ...]
    """For each bucket (n, Q): each token's place in its segment."""

    @staticmethod
    def of(packing: Packing, lengths: Sequence[int], counts: Sequence[int], rows: Tensor) -> Asked:
        """``counts``: completion tokens of each segment; ``rows``: the tokens before each of these."""
        round_up = partial(rounded, octave=4, least=1) if packing.few_shapes else int
        buckets = Buckets.of(counts, packing.members, len(rows), rows.device, round_up)
        length, size = (torch.tensor(each, device=rows.device) for each in (lengths, counts))
        first = length - size - 1 - (size.cumsum(0) - size)  # place of a segment's first, less its number
        places = [
            first[members, None] + numbers
            for members, numbers in zip(packing.members, buckets.positions, strict=True)
        ]
        return Asked(packing, rows, buckets, tuple(places))

    def attend(self, query: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """As `attention.Layout` has it, with B = 1 and Q = K = T: zeros for those not asked."""
        few = self.buckets.gather(query.index_select(2, self.rows))
        keys, values = (self.packing.buckets.gather(states) for states in (key, value))
        outputs = []
        for q, k, v, places in zip(few, keys, values, self.places, strict=True):
            number = torch.arange(k.shape[2], device=k.device)
            seen = number <= places[..., None]  # (n, Q, L)
            if weighing.window is not None:
                seen &= number > places[..., None] - weighing.window
            if self.packing.few_shapes:  # few queries, many shapes: in float32 these cost nothing
                wide = torch.promote_types(q.dtype, torch.float32)
                q, k, v = q.to(wide), k.to(wide), v.to(wide)
            outputs.append(attend(q, k, v, seen[:, None], weighing).to(query.dtype))
        return self._spread(self.buckets.put_back(outputs), query.shape[2])

    def alone(self, forward: Any, as_asked: Callable[[], AbstractContextManager[None]]) -> Any:
        """``forward`` of a module that looks at one token at a time, (1, T, d) -> (1, T, e), for those asked."""

        def run(hidden: Tensor) -> Any:
            with as_asked():
                found = forward(hidden.index_select(1, self.rows))
            return tree_map(lambda part: self._spread(part, hidden.shape[1]), found)

        return run

    def _spread(self, found: Tensor, tokens: int) -> Tensor:
        return found.new_zeros(1, tokens, *found.shape[2:]).index_copy(1, self.rows, found)


@contextmanager
def asked_only(
    base: Base, asked: Asked, as_asked: Callable[[], AbstractContextManager[None]]
) -> Iterator[None]:
    """Inside, the last block's output is of use for those asked. Within ``as_asked`` linears see the rows of these."""

    def narrowed(forward: Any) -> Any:
        return lambda *given, **options: forward(*given, **options | {"layout": asked})

    last = base.blocks[-1]
    with (
        replaced([last], narrowed),
        replaced(after_attention(last), lambda forward: asked.alone(forward, as_asked)),
    ):
        yield
