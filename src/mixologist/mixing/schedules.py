"""Mixing schedules: pure functions (state, options) -> probability of drawing each task, in examples.

    K = number of tasks, N_i = train rows of task i, e = epoch 1..E, u = progress in [0, 1]

    round_robin         one task a step, in recipe order                       p = onehot(step mod K)
    uniform             every task alike within each step                      p_i ~ 1
    proportional        every row alike (plain concatenation)                  p_i ~ N_i
    temperature         between the two (T5 writes 1/T for alpha)              p_i ~ N_i^alpha
    anneal_to_uniform   from proportional towards uniform                      p_i ~ N_i^(1 - 0.8 (e-1)/(E-1))
    anneal              balanced first, then towards the small or hard tasks   p_i ~ N_i^(-strength u)
                                                                            or p_i ~ (L_i / L_i at start)^(8 strength u)

``temperature``: Raffel et al. 2020 (T5), section 3.5.2. ``anneal_to_uniform``: Stickland & Murray 2019 (PALs), whose
formula divides by zero for E = 1; there we take its last value, alpha = 0.2. ``anneal`` is our own reading of the
common advice; its ``harder`` form weights by the share of the starting validation loss that is left, which is free of
the loss's scale (raw losses favour noisy tasks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixologist.recipe.schema import Mixture
from mixologist.registry import Registry

FloatArray = NDArray[np.float64]
HARDER_SHARPNESS = 8.0
"""Loss ratios lie close together (0.6 against 0.8); the power makes that a visible difference."""


@dataclass(frozen=True)
class State:
    """What a schedule may look at."""

    step: int
    progress: float
    """Share of all steps done, in [0, 1]."""
    epoch: int
    """1-based."""
    epochs: int
    rows: FloatArray  # (K,) train rows
    weights: FloatArray  # (K,) the recipe's weight of each task
    loss_ratio: FloatArray
    """(K,) last validation loss over the base's, 1 where unknown."""


Schedule = Callable[[State, Mixture], FloatArray]
"""Scores (K,), non-negative and not all zero."""

SCHEDULES: Registry[Schedule] = Registry("schedule")


def probabilities(state: State, options: Mixture) -> FloatArray:
    """Probabilities (K,) of drawing each task at this step; they sum to 1.

    >>> state = State(0, 0.0, 1, 3, np.array([100.0, 300.0]), np.ones(2), np.ones(2))
    >>> probabilities(state, Mixture(schedule="proportional")).tolist()
    [0.25, 0.75]
    """
    scores = SCHEDULES[options.schedule](state, options) * state.weights
    return np.asarray(scores / scores.sum())


@SCHEDULES.register("round_robin")
def round_robin(state: State, _options: Mixture) -> FloatArray:
    """One task a step, in recipe order (weights do not change whose turn it is)."""
    return np.asarray(np.eye(len(state.rows))[state.step % len(state.rows)])


@SCHEDULES.register("uniform")
def uniform(state: State, _options: Mixture) -> FloatArray:
    """Every task alike within each step."""
    return np.ones_like(state.rows)


@SCHEDULES.register("proportional")
def proportional(state: State, _options: Mixture) -> FloatArray:
    """Every row alike."""
    return state.rows


@SCHEDULES.register("temperature")
def temperature(state: State, options: Mixture) -> FloatArray:
    """Rows to the power alpha."""
    return _power(state.rows, options.alpha)


@SCHEDULES.register("anneal_to_uniform")
def anneal_to_uniform(state: State, _options: Mixture) -> FloatArray:
    """Alpha falls from 1 to 0.2 over the epochs."""
    done = (state.epoch - 1) / (state.epochs - 1) if state.epochs > 1 else 1.0
    return _power(state.rows, 1 - 0.8 * min(done, 1.0))


@SCHEDULES.register("anneal")
def anneal(state: State, options: Mixture) -> FloatArray:
    """Balanced first, then towards the smaller or the harder tasks."""
    strength = options.strength * state.progress
    if options.toward == "smaller":
        return _power(state.rows, -strength)
    return _power(np.maximum(state.loss_ratio, 1e-6), HARDER_SHARPNESS * strength)


def _power(values: FloatArray, exponent: float) -> FloatArray:
    """Values to a power, scaled by the largest first, so that a million rows do not overflow."""
    return np.asarray(np.power(values / values.max(), exponent))
