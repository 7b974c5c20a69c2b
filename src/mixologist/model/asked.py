"""The last block, only for the tokens that are asked: those whose hidden states the output head will read.

Above the last block's keys and values no token reads another one, so that attention, its output and the MLP of a token
that predicts nothing are work for nobody, forward and backward. In prompts with short answers that is most of a block.

    T = tokens of a pack, C = tokens asked, H = heads, G = key/value heads, D = head size,
    n x Q, n x L = tokens asked and tokens of the segments of a bucket
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from mixologist.model.attention import Packing, Weighing, attend, gathered, put_back
from mixologist.model.base import Base
from mixologist.model.blocks import replaced
from mixologist.model.families import after_attention


@dataclass(frozen=True)
class Asked:
    """The last tokens but one of each segment of a pack, as many as its completion has."""

    packing: Packing
    rows: Tensor
    """(C,): their places in the pack."""
    buckets: tuple[tuple[Tensor, Tensor], ...]
    """For each bucket, both (n, Q): number among the asked, and place in its segment; the last one stands again for
    those that a segment has less."""
    restore: Tensor
    """(C,): row in the concatenated, flattened buckets that holds each."""

    @staticmethod
    def of(packing: Packing, lengths: Sequence[int], counts: Sequence[int], rows: Tensor) -> Asked:
        """``counts``: completion tokens of each segment; ``rows``: the tokens before each of these."""
        size, length = torch.tensor(counts), torch.tensor(lengths)
        start = size.cumsum(0) - size
        restore = torch.empty(int(size.sum()), dtype=torch.long)
        buckets, done = [], 0
        for members in packing.members:
            offsets = torch.arange(int(size[members].max()))
            nth = torch.minimum(offsets[None], size[members, None] - 1)
            numbers, real = start[members, None] + nth, offsets[None] < size[members, None]
            restore[numbers[real]] = done + torch.arange(numbers.numel()).view_as(numbers)[real]
            done += numbers.numel()
            places = (length - size)[members, None] - 1 + nth
            buckets.append((numbers.to(rows.device), places.to(rows.device)))
        return Asked(packing, rows, tuple(buckets), restore.to(rows.device))

    def attend(self, query: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """As `attention.Layout` has it, with B = 1 and Q = K = T: zeros for those not asked."""
        few, outputs = query.index_select(2, self.rows), []
        for (numbers, places), tokens in zip(self.buckets, self.packing.buckets, strict=True):
            keys = torch.arange(tokens.shape[1], device=tokens.device)
            seen = keys <= places[..., None]  # (n, Q, L)
            if weighing.window is not None:
                seen &= keys > places[..., None] - weighing.window
            states = gathered(few, numbers), gathered(key, tokens), gathered(value, tokens)
            outputs.append(attend(*states, seen[:, None], weighing))
        return self._spread(put_back(outputs, self.restore), query.shape[2])

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
