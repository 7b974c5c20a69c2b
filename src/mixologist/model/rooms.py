"""Keys and values of a batch that reads on, in rooms with empty places (docs/decisions/0018).

B = rows, G = key/value heads, Q = tokens read now, K = all tokens read, D = head size
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

STEP = 32
"""Tokens by which a room grows."""


def room(tokens: int) -> int:
    """Places for so many tokens, and up to ``STEP`` - 1 that are empty."""
    return -(-tokens // STEP) * STEP


class Rooms(DynamicLayer):  # type: ignore[misc]
    """One block's keys and values, (B, G, `room` (K), D), the last places empty: new tokens are written into these.

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

    def _with(self, before: Tensor, new: Tensor) -> Tensor:
        end = self.used + new.shape[-2]
        found = before
        if not self.used or end > before.shape[-2]:
            found = new.new_zeros(*new.shape[:-2], room(end), new.shape[-1])
            if self.used:
                found[..., : self.used, :] = before[..., : self.used, :]
        found[..., self.used : end, :] = new
        return found


def cache() -> Cache:
    """An empty one for all blocks. Not as the base's configuration has it: it forgets nothing, whatever the window."""
    return Cache(layer_class_to_replicate=Rooms)
