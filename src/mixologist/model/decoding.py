"""Answers token by token; rows that have ended leave the batch.

B = rows, V = vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mixologist.model.reading import Reader

Using = Callable[[Sequence[int]], AbstractContextManager[None]]
"""Row numbers -> what puts their adapters to use, in this order."""
LEAVE = 0.25
"""Share of the rows in a batch that must have ended before they leave it: leaving copies what the others have read."""


@dataclass(frozen=True)
class Decoding:
    """When an answer ends, and how its tokens are picked."""

    end_ids: Sequence[int]
    max_new_tokens: int
    temperature: float
    """0: the likeliest token."""
    stop: tuple[str, ...]
    text: Callable[[list[int]], str]
    """What token ids say, for ``stop``."""

    def pick(self, logits: Tensor, random: torch.Generator) -> Tensor:
        """Next tokens (B,) from logits (B, V)."""
        if self.temperature == 0:
            return logits.argmax(-1)
        return torch.multinomial((logits / self.temperature).softmax(-1), 1, generator=random)[:, 0]

    def stops(self, tokens: list[int]) -> bool:
        """Whether the newest token completes a stop string: every token is a byte or more, a character at most four."""
        return any(stop in self.text(tokens[-4 * len(stop) - 4 :]) for stop in self.stop)


def decode(
    reader: Reader, logits: Tensor, how: Decoding, random: torch.Generator, using: Using, streamer: Any = None
) -> list[list[int]]:
    """Answers (token ids, no end token) of rows that have read their prompts; ``logits`` (B, V) follow these."""
    answers: list[list[int]] = [[] for _ in range(len(logits))]
    left, running = list(range(len(logits))), set(range(len(logits)))
    following = reader.positions.amax(1) + 1
    for number in range(how.max_new_tokens):
        tokens = how.pick(logits, random)
        for row, token in zip(left, tokens.tolist(), strict=True):
            if row in running and not _goes_on(answers[row], token, how, streamer):
                running.discard(row)
        if not running or number == how.max_new_tokens - 1:
            break
        if len(running) <= (1 - LEAVE) * len(left):
            kept = torch.tensor([place for place, row in enumerate(left) if row in running])
            kept = kept.to(tokens.device)
            reader.select(kept)
            left, tokens, following = [row for row in left if row in running], tokens[kept], following[kept]
        with using(left):
            logits = reader.read(tokens[:, None], following[:, None])[:, -1].float()
        following = following + 1
    if streamer is not None:
        streamer.end()
    return answers


def _goes_on(answer: list[int], token: int, how: Decoding, streamer: Any) -> bool:
    """Add a token to an answer; whether more may follow."""
    if token in how.end_ids:
        return False
    answer.append(token)
    if streamer is not None:
        streamer.put(torch.tensor([token]))
    return not (how.stop and how.stops(answer))
