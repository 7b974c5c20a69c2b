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
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from mixologist.model.attention import Packing, Weighing, as_runs, attend
from mixologist.model.base import Base
from mixologist.model.blocks import replaced
from mixologist.model.buckets import Buckets
from mixologist.model.families import after_attention
from mixologist.model.tiles import rounded
from mixologist.model.varlen import Runs, attend_runs


@dataclass(frozen=True)
class Asked:
    """The last tokens but one of each segment of a pack, as many as its completion has."""

    packing: Packing
    counts: Sequence[int]
    """Completion tokens of each segment."""
    rows: Tensor
    """(C,): their places in the pack; fillers behind them are a filler's place."""

    @cached_property
    def buckets(self) -> Buckets:
        """Of the tokens asked, with the pack's segments in each."""
        round_up = partial(rounded, octave=4, least=1) if self.packing.few_shapes else int
        return Buckets.of(self.counts, self.packing.members, len(self.rows), self.rows.device, round_up)

    @cached_property
    def places(self) -> list[Tensor]:
        """For each bucket (n, Q): each token's place in its segment."""
        before_last = torch.tensor(self.packing.lengths) - 1
        first = before_last - torch.tensor(self.counts).cumsum(0)
        first = first.to(self.rows.device)  # place of a segment's first, less its number
        both = zip(self.packing.members, self.buckets.positions, strict=True)
        return [first[members, None] + numbers for members, numbers in both]

    @cached_property
    def runs(self) -> tuple[Runs, Runs, Tensor]:
        """Those asked and what they see: each segment but its last token, which lies at these places of the pack."""
        lengths = torch.tensor(self.packing.lengths)
        read = torch.ones(int(lengths.sum()), dtype=torch.bool)
        read[lengths.cumsum(0) - 1] = False
        device = self.rows.device
        seen = Runs.of([length - 1 for length in self.packing.lengths], device)
        return Runs.of(self.counts, device), seen, read.nonzero()[:, 0].to(device)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """As `attention.Layout` has it, with B = 1 and Q = K = T: zeros for those not asked."""
        few = query.index_select(2, self.rows)
        by = self._by_runs if as_runs(query, weighing) else self._by_buckets
        return self._spread(by(few, key, value, weighing), query.shape[2])

    def _by_runs(self, few: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """(1, H, C, D), (1, G, T, D), (1, G, T, D) -> (1, C, H, D)."""
        queries, keys, read = self.runs
        k, v = (states.index_select(2, read) for states in (key, value))
        return attend_runs(few, k, v, queries, keys, weighing.scale, weighing.window)

    def _by_buckets(self, few: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """The same."""
        found = self.buckets.gather(few)
        keys, values = (self.packing.buckets.gather(states) for states in (key, value))
        outputs = []
        for q, k, v, places in zip(found, keys, values, self.places, strict=True):
            number = torch.arange(k.shape[2], device=k.device)
            seen = number <= places[..., None]  # (n, Q, L)
            if weighing.window is not None:
                seen &= number > places[..., None] - weighing.window
            if self.packing.few_shapes:  # few queries, many shapes: in float32 these cost nothing
                wide = torch.promote_types(q.dtype, torch.float32)
                q, k, v = q.to(wide), k.to(wide), v.to(wide)
            outputs.append(attend(q, k, v, seen[:, None], weighing).to(few.dtype))
        return self.buckets.put_back(outputs)

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
