"""Who sees whom in a batch that reads on: it goes by positions, since padding and empty room stand between the keys.

B = rows, Q = tokens read now, K = all keys
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_map

from mixologist.model.attention import Weighing, attend
from mixologist.model.blocks import replaced
from mixologist.model.families import after_attention, blocks
from mixologist.model.rooms import room

PADDING = -1
"""Position of a token that nobody sees."""


class Seen:
    """Each new token sees the keys at its own and at lower positions, padding excepted; and ``own`` among the new."""

    def __init__(self, read: Tensor, queries: Tensor, own: Tensor | None) -> None:
        """``read``: positions (B, K) of all keys, the last Q of them new; keys come with their empty room."""
        new, tokens = queries.shape[1], read.shape[1]
        self._keys = functional.pad(read, (0, room(tokens) - tokens), value=PADDING)[:, None]
        self._queries = queries[..., None]
        self._causal = own is None and new == tokens and not bool((read == PADDING).any())
        seen = (self._keys != PADDING) & (self._keys <= self._queries)  # (B, Q, room)
        if own is not None:
            seen[..., tokens - new : tokens] = own
        # Padding sees everything: no row of weights is empty, and nobody reads what it makes of them.
        self._seen = seen | (self._queries == PADDING)

    def of(self, rows: Tensor) -> Seen:
        """The same for these rows only."""
        found = copy(self)
        found._keys, found._queries, found._seen = self._keys[rows], self._queries[rows], self._seen[rows]
        return found

    def at_last(self) -> Seen:
        """The same for the last of the new tokens alone."""
        found = copy(self)
        found._queries, found._seen, found._causal = self._queries[:, -1:], self._seen[:, -1:], False
        return found

    def attend(self, query: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """As `attention.Layout` has it."""
        seen = self._seen
        if weighing.window is not None:
            seen = seen & (self._keys > self._queries - weighing.window)
        elif self._causal:
            key, value = (states[:, :, : query.shape[2]] for states in (key, value))
            return attend(query, key, value, None, weighing).transpose(1, 2)
        return attend(query, key, value, seen[:, None], weighing).transpose(1, 2)


class _AtLast:
    """Attention of the last new token of each row; zeros stand for the others."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen.at_last()

    def attend(self, query: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """As `attention.Layout` has it."""
        return _behind_zeros(self._seen.attend(query[:, :, -1:], key, value, weighing), query.shape[2])


@contextmanager
def last_alone(model: Any, seen: Seen) -> Iterator[None]:
    """Inside, past its keys and values the last block computes the last new tokens alone: no others are read (compare
    `model.asked`).
    """

    def narrowed(forward: Any) -> Any:
        return lambda *given, **options: forward(*given, **options | {"layout": _AtLast(seen)})

    def at_last(forward: Any) -> Any:
        return lambda hidden: tree_map(
            lambda part: _behind_zeros(part, hidden.shape[1]) if part.dim() == hidden.dim() else part,
            forward(hidden[:, -1:]),
        )

    block = list(blocks(model))[-1]
    with replaced([block], narrowed), replaced(after_attention(block), at_last):
        yield


def _behind_zeros(last: Tensor, tokens: int) -> Tensor:
    """(B, 1, ...) -> (B, tokens, ...)"""
    found = last.new_zeros(len(last), tokens, *last.shape[2:])
    found[:, -1:] = last
    return found
