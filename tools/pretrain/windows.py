"""The order of training: which window of which source comes when, fixed before the first step.

A stage draws windows of one length, so much from each source; a source that is asked for more than it holds is gone
through again with other window borders. The whole order is an array of starts (16 bytes a window): step n can be had
without the steps before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.uint16]


@dataclass(frozen=True)
class Stage:
    """``share`` of a run's tokens, in windows of ``length`` tokens; ``weights``: source -> its part, of any sum."""

    share: float
    length: int
    weights: Mapping[str, float]


GENERAL = {
    "wikipedia": 32.0, "books_classic": 20.0, "wikinews": 12.0, "sec_contracts": 5.0, "company_profiles": 3.0,
    "dialogues_sgd": 4.0, "dialogues_taskmaster4": 0.3, "articles_digitalgov": 6.0, "howto_business_central": 4.0,
    "howto_va_benefits": 0.6, "openstax_ccby": 3.0, "us_presidential_addresses": 1.5, "stories_african_storybook": 0.6,
    "task_inputs": 6.0, "instructions": 4.0,
}  # fmt: skip
"""About as much of each as there is, books and formulaic sources less."""

LAST = {**GENERAL, "task_inputs": 9.0, "instructions": 26.0, "wikipedia": 24.0, "books_classic": 14.0}
"""The end of a run: nearer to what the base is for."""

STAGES = (Stage(0.80, 512, GENERAL), Stage(0.12, 512, LAST), Stage(0.08, 2048, LAST))


def load(folder: Path) -> dict[str, Tokens]:
    """Source -> its token ids, memory-mapped."""
    return {file.stem: np.memmap(file, dtype=np.uint16, mode="r") for file in sorted(folder.glob("*.bin"))}


@dataclass(frozen=True)
class Order:
    """Batches of one run. ``rows[stage]``: (windows, 2) of source number and start, shuffled."""

    sources: Sequence[Tokens]
    stages: Sequence[Stage]
    rows: Sequence[NDArray[np.int64]]
    batch_tokens: int

    @staticmethod
    def plan(
        sources: Mapping[str, Tokens],
        stages: Sequence[Stage],
        tokens: int,
        batch_tokens: int,
        seed: int,
        skip: int = 0,
    ) -> Order:
        """Lay out a run of about ``tokens`` tokens; the same arguments give the same order.

        ``skip``: tokens of earlier parts with this seed, whose windows do not come again before all have come.
        """
        names = list(sources)
        rows = []
        for number, stage in enumerate(stages):
            weights = np.array([stage.weights.get(name, 0.0) for name in names])
            windows = weights / weights.sum() * stage.share / stage.length
            begin, end = (np.rint(windows * n).astype(int) for n in (skip, skip + tokens))
            drawn = []
            for i, name in enumerate(names):
                rng = np.random.default_rng([seed, number, i])
                drawn.append(_windows(i, len(sources[name]), stage.length, end[i], rng)[begin[i] :])
            rows.append(np.random.default_rng([seed, number]).permutation(np.concatenate(drawn)))
        return Order(list(sources.values()), stages, rows, batch_tokens)

    def steps(self) -> list[int]:
        """Whole batches of each stage."""
        return [
            len(rows) // (self.batch_tokens // s.length)
            for rows, s in zip(self.rows, self.stages, strict=True)
        ]

    def batch(self, step: int) -> NDArray[np.int64]:
        """(windows, length + 1) token ids of a step."""
        for stage, rows, steps in zip(self.stages, self.rows, self.steps(), strict=True):
            if step < steps:
                size = self.batch_tokens // stage.length
                chosen = rows[step * size : (step + 1) * size]
                cut = [self.sources[i][start : start + stage.length + 1] for i, start in chosen]
                return np.stack(cut).astype(np.int64)
            step -= steps
        raise IndexError("past the last step")


def _windows(source: int, held: int, length: int, wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``wanted`` windows of a source, each pass over it with its own random phase and without repetition."""
    starts: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    while (missing := wanted - sum(map(len, starts))) > 0:
        cut = np.arange(rng.integers(length), held - length, length)
        if not len(cut):
            raise ValueError(f"source {source} has {held} tokens, too few for a window of {length}")
        starts.append(rng.permutation(cut)[:missing])
    found = np.concatenate(starts)
    return np.stack([np.full_like(found, source), found], axis=1)
