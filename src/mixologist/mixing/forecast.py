"""What a schedule will do, before anything is trained: the same sampler, run without data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixologist.mixing.sampler import Feeds, Sampler
from mixologist.mixing.schedules import State, probabilities
from mixologist.recipe.schema import Mixture


@dataclass(frozen=True)
class Forecast:
    """Counts of a whole run; expected ones where the schedule looks at losses."""

    steps: int
    updates: dict[str, int]
    """Adapter -> its optimizer steps: the horizon of its learning rate."""
    shares: list[dict[str, float]]
    """By epoch: task or general data -> share of the draws, in examples."""
    draws: dict[str, int]
    """Task -> examples drawn in all."""


def state_at(step: int, feeds: Feeds, weights: list[float], loss_ratio: dict[str, float]) -> State:
    """What the schedule sees at a step."""
    steps, epochs = feeds.steps, feeds.passes
    return State(
        step=step,
        progress=step / max(1, steps - 1),
        epoch=min(epochs, 1 + int(step * epochs / steps)),
        epochs=epochs,
        rows=np.array([float(rows) for rows in feeds.rows.values()]),
        weights=np.array(weights),
        loss_ratio=np.array([loss_ratio.get(task, 1.0) for task in feeds.rows]),
    )


def forecast(feeds: Feeds, mixture: Mixture, weights: list[float], seed: int = 0) -> Forecast:
    """Run the sampler through all its steps. Time and memory: some microseconds a draw, nothing kept."""
    sampler = Sampler(feeds, seed)
    totals = np.zeros((feeds.passes, len(feeds.rows)))
    before = np.zeros(len(feeds.rows))
    for step in range(feeds.steps):
        state = state_at(step, feeds, weights, {})
        sampler.draw(step, probabilities(state, mixture))
        while sampler.ready(last=step == feeds.steps - 1):
            pass
        taken = np.array([float(stream.taken) for stream in sampler.streams.values()])
        totals[state.epoch - 1] += taken - before
        before = taken
    general = {name: share for name, (_, share) in feeds.general.items()}
    rest = 1 - sum(general.values())
    shares = [
        {task: float(rest * n / max(1.0, row.sum())) for task, n in zip(feeds.rows, row, strict=True)}
        | general
        for row in totals
    ]
    draws = {task: int(count) for task, count in zip(feeds.rows, totals.sum(axis=0), strict=True)}
    return Forecast(feeds.steps, dict(sampler.updates), shares, draws)
