"""Rows of a batch that read on from what they have read: a cache whose keys know where they stand.

B = rows, Q = tokens read now, K = all keys

Prompts of a task begin with the same words, which are read once for each adapter and not once for each row
(`generate`). What follows is padded on the left, so that padding stands between a row's keys; who sees what therefore
goes by positions and not by places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mixologist.model import rooms
from mixologist.model.attention import laid_out
from mixologist.model.blocks import replaced
from mixologist.model.families import blocks, logits
from mixologist.model.seen import PADDING, Seen, last_alone

Ids = Sequence[int]


class Reader:
    """A batch's keys and values in every block, and their positions (B, K)."""

    def __init__(self, model: Any, rows: int) -> None:
        self.model = model
        self.cache = rooms.cache()
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
        seen = Seen(self.positions, positions, own)
        with ExitStack() as inside:
            inside.enter_context(laid_out(self.model))
            if alike:
                inside.enter_context(alike.through(self))
            if last and ids.shape[1] > 1:
                inside.enter_context(last_alone(self.model, seen))
            hidden = self.model.get_decoder()(
                input_ids=ids,
                position_ids=positions.clamp(min=0),
                past_key_values=self.cache,
                use_cache=True,
                layout=seen,
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
        return value.of(self.first) if isinstance(value, Seen) else value

    def _spread(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._spread, value))
        return value[self.owners] if isinstance(value, Tensor) else value


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
