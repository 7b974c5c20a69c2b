"""Rows of a batch that read on from what they have read: a cache whose keys know where they stand.

B = rows, Q = tokens read now, K = all keys, P = tokens that all prompts begin with

Prompts of a task begin with the same words. These are read once for each adapter of the batch and not once for each
row. What follows is padded on the left, so that padding stands between a row's keys; who sees what therefore goes by
positions and not by places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers.cache_utils import Cache, DynamicLayer

from mixologist.model.attention import Weighing, attend, laid_out
from mixologist.model.blocks import replaced
from mixologist.model.families import blocks, logits

Ids = Sequence[int]
PADDING = -1
"""Position of a token that nobody sees."""
STEP = 32
"""Tokens by which the room for keys and values grows."""


def _room(tokens: int) -> int:
    """Places for so many tokens, and up to ``STEP`` - 1 that are empty."""
    return -(-tokens // STEP) * STEP


class _Roomy(DynamicLayer):  # type: ignore[misc]
    """One block's keys and values, (B, G, `_room` (K), D), the last places empty: new tokens are written into these.

    Whole rooms go into attention, which sees by positions. So most steps copy nothing and have the shapes of the step
    before: on a CPU new shapes of bfloat16 products cost more than these products (docs/decisions/0016).
    """

    keys: Tensor
    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.used = 0

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """New states, (B, G, Q, D) each -> the rooms with them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys, self.values = self._with(self.keys, key_states), self._with(self.values, value_states)
        self.used += key_states.shape[-2]
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens read."""
        return self.used

    def _with(self, room: Tensor, new: Tensor) -> Tensor:
        end = self.used + new.shape[-2]
        if not self.used or end > room.shape[-2]:
            larger = new.new_zeros(*new.shape[:-2], _room(end), new.shape[-1])
            if self.used:
                larger[..., : self.used, :] = room[..., : self.used, :]
            room = larger
        room[..., self.used : end, :] = new
        return room


class Reader:
    """A batch's keys and values in every block, and their positions (B, K)."""

    def __init__(self, model: Any, rows: int) -> None:
        self.model = model
        # Not as the base's configuration has it: it forgets nothing, whatever the window.
        self.cache = Cache(layer_class_to_replicate=_Roomy)
        self.positions = torch.empty(rows, 0, dtype=torch.long, device=model.device)

    def read(
        self,
        ids: Tensor,
        positions: Tensor,
        *,
        own: Tensor | None = None,
        last: bool = True,
        alike: Alike | None = None,
    ) -> Tensor:
        """Read ``ids`` (B, Q) at ``positions`` (B, Q), padding among them; logits (B, Q, V), or (B, 1, V) of the last.

        ``own`` (Q, Q) says which of the new tokens see each other; None: those that stand before. ``alike`` rows go
        through the trunk once.
        """
        self.positions = torch.cat([self.positions, positions], dim=1)
        with laid_out(self.model), alike.through(self) if alike else nullcontext():
            hidden = self.model.get_decoder()(
                input_ids=ids,
                position_ids=positions.clamp(min=0),
                past_key_values=self.cache,
                use_cache=True,
                layout=_Seen(self.positions, positions, own),
            ).last_hidden_state
        if last:
            hidden = hidden[:, -1:]
        # Laid out as rows: a linear copies its weight for each row of a batch that has gaps, and the head's is large.
        found: Tensor = logits(self.model, hidden.flatten(0, 1).contiguous()).unflatten(0, hidden.shape[:2])
        return found

    def branch(self, rows: Tensor) -> Reader:
        """Another reader that has read what these rows have; this one stays as it is."""
        found = copy(self)
        found.cache = copy(self.cache)
        found.cache.layers = [copy(layer) for layer in self.cache.layers]
        found.select(rows)
        return found

    def select(self, rows: Tensor) -> None:
        """Go on with these rows, in this order, some perhaps more than once."""
        self.cache.batch_select_indices(rows)
        self.positions = self.positions[rows]


@dataclass(frozen=True)
class Alike:
    """Rows of one text for several adapters: their lowest blocks, which carry none, give all of them the same."""

    trunk: int
    """How many blocks."""
    first: Tensor  # (U,) a row of each text
    owners: Tensor  # (B,) of each row, which of the U has its text

    @staticmethod
    def of(prompts: Sequence[Ids], trunk: int, device: torch.device) -> Alike | None:
        """None where there is no trunk, or all texts differ."""
        texts = [tuple(prompt) for prompt in prompts]
        places = {text: place for place, text in reversed(list(enumerate(texts)))}
        if not trunk or len(places) == len(texts):
            return None
        number = {text: n for n, text in enumerate(places)}
        first = torch.tensor(list(places.values()), device=device)
        return Alike(trunk, first, torch.tensor([number[text] for text in texts], device=device))

    @contextmanager
    def through(self, reader: Reader) -> Iterator[None]:
        """Inside, the trunk's blocks compute the first row of each text, and give it to all that have it."""

        def once(forward: Any) -> Any:
            return lambda *args, **options: self._spread(
                forward(
                    *map(self._narrow, args), **{name: self._narrow(each) for name, each in options.items()}
                )
            )

        self._select(reader, self.first)
        with replaced(list(blocks(reader.model))[: self.trunk], once):
            yield
        self._select(reader, self.owners)

    def _select(self, reader: Reader, rows: Tensor) -> None:
        for layer in reader.cache.layers[: self.trunk]:
            layer.batch_select_indices(rows)

    def _narrow(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._narrow, value))
        if isinstance(value, Tensor):
            return value[self.first] if value.dim() > 1 and len(value) == len(self.owners) else value
        return value.of(self.first) if isinstance(value, _Seen) else value

    def _spread(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._spread, value))
        return value[self.owners] if isinstance(value, Tensor) else value


class _Seen:
    """Each new token sees the keys at its own and at lower positions, padding excepted; and ``own`` among the new."""

    def __init__(self, read: Tensor, queries: Tensor, own: Tensor | None) -> None:
        """``read``: positions (B, K) of all keys, the last Q of them new; keys come with their empty room."""
        new, tokens = queries.shape[1], read.shape[1]
        self._keys = functional.pad(read, (0, _room(tokens) - tokens), value=PADDING)[:, None]
        self._queries = queries[..., None]
        self._causal = own is None and new == tokens and not bool((read == PADDING).any())
        seen = (self._keys != PADDING) & (self._keys <= self._queries)  # (B, Q, room)
        if own is not None:
            seen[..., tokens - new : tokens] = own
        # Padding sees everything: no row of weights is empty, and nobody reads what it makes of them.
        self._seen = seen | (self._queries == PADDING)

    def of(self, rows: Tensor) -> _Seen:
        """The same for these rows only."""
        found = copy(self)
        found._keys, found._queries, found._seen = self._keys[rows], self._queries[rows], self._seen[rows]
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


def common_prefix(prompts: Sequence[Ids]) -> int:
    """Tokens that all prompts begin with; at least one token of each is left over."""
    first, last = min(map(tuple, prompts)), max(map(tuple, prompts))  # of all pairs these two differ first
    most = min(len(prompt) for prompt in prompts) - 1
    return next((n for n in range(most) if first[n] != last[n]), most)


def padded(texts: Sequence[Ids], start: int, pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids and positions (B, Q) of texts that begin at position ``start``, padded on the left."""
    longest = max(len(text) for text in texts)
    ids = [[pad] * (longest - len(text)) + list(text) for text in texts]
    places = [[PADDING] * (longest - len(text)) + list(range(start, start + len(text))) for text in texts]
    return torch.tensor(ids, device=device), torch.tensor(places, device=device)
