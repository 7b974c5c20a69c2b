"""Do texts that belong to no task look foreign to the router? Its base score on them against the task's own prompts.

AUROC: the chance that an out-of-scope text has a higher base score than a prompt of the task, ties counting one half
(Mann & Whitney 1947; Hanley & McNeil 1982). It asks for no threshold, so it does not hang on ``router.abstain``.

o = out-of-scope texts, t = prompts of the task, b = resamples
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.evaluation.intervals import Interval
from mixologist.evaluation.limits import limits
from mixologist.evaluation.metrics import Floats
from mixologist.evaluation.resampling import BLOCK_BYTES, draws
from mixologist.evaluation.verdicts import ENOUGH
from mixologist.model.router import Route
from mixologist.recipe.schema import Evaluation

Prompts = Sequence[tuple[str, Route]]
"""A row's cluster (`resampling.cluster_of`) and its route."""


def separation(foreign: Prompts, own: Prompts, options: Evaluation, seed: int, name: str) -> dict[str, Any]:
    """AUROC with interval, n and the share that reaches the base, of one task's out-of-scope texts."""
    scores = [np.array([route.base_score for _, route in prompts]) for prompts in (foreign, own)]
    rows = [_numbers([cluster for cluster, _ in prompts]) for prompts in (foreign, own)]
    found = _interval(scores, rows, options, seed, name)
    return {
        "auroc": found.value,
        "low": found.low,
        "high": found.high,
        "to_base": sum(route.abstained for _, route in foreign) / len(foreign),
        "n": len(foreign),
        "n_own": len(own),
        "enough": found.clusters >= ENOUGH,
    }


def auroc(foreign: Floats, own: Floats, foreign_weights: Floats, own_weights: Floats) -> Floats:
    """AUROC of scores (o,) over (t,), each text counting as often as its weight (..., o), (..., t) says: (...)."""
    order = np.argsort(own)
    below = np.concatenate([np.zeros_like(own_weights[..., :1]), own_weights[..., order].cumsum(-1)], axis=-1)
    beaten, met = (np.searchsorted(own[order], foreign, side=side) for side in ("left", "right"))
    wins = (below[..., beaten] + below[..., met]) / 2  # (..., o)
    pairs = foreign_weights.sum(-1) * own_weights.sum(-1)
    return np.asarray((wins * foreign_weights).sum(-1) / pairs)


def _interval(
    scores: list[Floats], rows: list[NDArray[np.int64]], options: Evaluation, seed: int, name: str
) -> Interval:
    """Percentile bootstrap; both groups are drawn anew, turns of one conversation together (`intervals`)."""
    value = float(auroc(*scores, *map(np.ones_like, scores)))
    sizes = [int(row.max()) + 1 for row in rows]
    rng = seeds.generator(seed, "bootstrap", name)
    block = max(1, BLOCK_BYTES // (8 * max(sizes)))
    values = []
    for start in range(0, options.bootstrap_samples, block):
        samples = min(block, options.bootstrap_samples - start)
        weights = [next(draws(size, samples, rng))[:, row] for size, row in zip(sizes, rows, strict=True)]
        values.append(auroc(*scores, *weights))
    low, high = limits(value, np.concatenate(values), (0, 1), min(sizes), options.confidence)
    return Interval(value, low, high, len(scores[0]), min(sizes))


def _numbers(clusters: Sequence[str]) -> NDArray[np.int64]:
    """The number of each example's cluster, from 0."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters], dtype=np.int64)
