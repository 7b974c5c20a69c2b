"""Other rows that might have been drawn, and other answers had the systems been swapped: totals of counts, redrawn.

Turns of one conversation ("test/17.0", "test/17.2") are not independent, nor are rows about one person or document
(`Example.cluster`): they are drawn, and swapped, as a whole (cluster bootstrap; Davison & Hinkley 1997, section 3.8).
Any other row is a cluster by itself.

Shapes: S training seeds, c clusters, m counts of a metric, B samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.errors import UserError
from mixologist.evaluation.metrics import Floats, Metric
from mixologist.records import Outcome

Runs = Sequence[Sequence[Outcome]]
"""A system's outcomes for each training seed: the same rows in the same order."""

BLOCK_BYTES = 32 * 2**20
"""Most memory for the weights drawn at once, and for those that are kept. Changes no draw."""


class Row(Protocol):
    """An example, its prompt or its outcome."""

    @property
    def id(self) -> str:
        """As `Example.id`."""

    @property
    def cluster(self) -> str:
        """As `Example.cluster`."""


def cluster_of(one: Row) -> str:
    """The name of what is drawn as a whole.

    >>> [cluster_of(Outcome(id, "", "", "")) for id in ("test/17.2", "test/17", "v1.0/17")]
    ['test/17', 'test/17', 'v1.0/17']
    >>> cluster_of(Outcome("test/17.2", "", "", "", cluster="contract 3"))
    'cluster contract 3'
    """
    if one.cluster:
        return f"cluster {one.cluster}"
    row, _, turn = one.id.rpartition(".")
    return row if turn.isdigit() else one.id


def clustered(metric: Metric, runs: Runs) -> Floats:
    """Counts summed by cluster, (S, c, m). Raises `UserError` when there is no outcome."""
    if not runs or not runs[0]:
        raise UserError(
            f"there is nothing to compute {metric.name} on",
            given="0 rows",
            expected="at least 1",
            do="give the task rows in this split, or evaluate another split",
        )
    ids = [outcome.id for outcome in runs[0]]
    assert all([outcome.id for outcome in run] == ids for run in runs), "all seeds must answer the same rows"
    place: dict[str, int] = {}
    rows = np.array([place.setdefault(cluster_of(outcome), len(place)) for outcome in runs[0]])
    counts = np.stack([metric.counts(run) for run in runs])
    sums = np.zeros((len(place), len(runs), counts.shape[-1]))
    np.add.at(sums, rows, counts.swapaxes(0, 1))
    return sums.swapaxes(0, 1)


def resampled(counts: Floats, samples: int, seed: int, names: Sequence[object]) -> Floats:
    """Totals of B draws of c clusters with replacement, all seeds on the same draws: (S, c, m) -> (B, S, m)."""
    return _weighted(counts, _blocks("bootstrap", counts.shape[1], samples, seed, tuple(names)))


def signed(counts: Floats, samples: int, seed: int, names: Sequence[object]) -> Floats:
    """Totals of B draws of a sign for each cluster, the same for all seeds: (S, c, m) -> (B, S, m)."""
    return _weighted(counts, _blocks("swap", counts.shape[1], samples, seed, tuple(names)))


def draws(n: int, samples: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """How often each of n clusters is drawn, in blocks (b, n) of bounded size."""
    for size in _sizes(n, samples):
        yield rng.multinomial(n, np.full(n, 1 / n), size=size)


def _signs(n: int, samples: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    for size in _sizes(n, samples):
        yield 2 * rng.integers(0, 2, size=(size, n)) - 1


def _sizes(n: int, samples: int) -> list[int]:
    rows = max(1, BLOCK_BYTES // (8 * n))
    return [min(rows, samples - start) for start in range(0, samples, rows)]


def _weighted(counts: Floats, blocks: Iterable[Floats]) -> Floats:
    s, c, m = counts.shape
    flat = counts.transpose(1, 0, 2).reshape(c, s * m)
    return np.concatenate([block @ flat for block in blocks]).reshape(-1, s, m)


def _blocks(kind: str, n: int, samples: int, seed: int, names: tuple[object, ...]) -> Iterable[Floats]:
    """Weights (b, n), fixed by (seed, kind, names); kept while they are small, as all systems of a task share them."""
    found = _kept if 8 * n * samples <= BLOCK_BYTES else _drawn
    return found(kind, n, samples, seed, names)


@lru_cache(maxsize=2)
def _kept(kind: str, n: int, samples: int, seed: int, names: tuple[object, ...]) -> list[Floats]:
    return list(_drawn(kind, n, samples, seed, names))


def _drawn(kind: str, n: int, samples: int, seed: int, names: tuple[object, ...]) -> Iterator[Floats]:
    rng = seeds.generator(seed, kind, *names)
    for block in (draws if kind == "bootstrap" else _signs)(n, samples, rng):
        yield block.astype(np.float64)
