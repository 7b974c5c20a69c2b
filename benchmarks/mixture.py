"""Six kinds of rows of very different lengths, equal numbers of each: what training speed is measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixologist.tasks.encoding import Hidden

KINDS = (((35, 70), (1, 2)), ((35, 90), (1, 2)), ((25, 70), (1, 3)), ((40, 120), (10, 40)), ((300, 900), (3, 12)),
         ((20, 200), (20, 150)))  # fmt: skip
"""(prompt, completion) tokens from - to: headline, sentence, tweet, extraction, table question, instruction."""
BATCH = 16
"""Examples of an update."""


@dataclass(frozen=True)
class Row:
    """An encoded example."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    hidden: Hidden | None = None

    def __len__(self) -> int:
        """Prompt and completion, in tokens."""
        return len(self.prompt) + len(self.completion)


def examples(count: int, seed: int = 0) -> list[Row]:
    """Equal numbers of each kind, random tokens, the shortest first."""
    random = np.random.default_rng(seed)

    def tokens(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(t) for t in random.integers(10, 8000, random.integers(low, high + 1)))

    found = [Row(tokens(*KINDS[n % 6][0]), tokens(*KINDS[n % 6][1])) for n in range(count)]
    return sorted(found, key=len)


def batches(count: int, *, grouped: bool) -> list[list[Row]]:
    """The examples of each update in an order drawn once: ``grouped``, those of like length go together."""
    random, rows = np.random.default_rng(1), examples(count)
    if not grouped:
        rows = [rows[i] for i in random.permutation(count)]
    cut = [rows[start : start + BATCH] for start in range(0, count, BATCH)]
    return [cut[i] for i in random.permutation(len(cut))]
