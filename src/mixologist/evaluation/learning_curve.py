"""A task's score by its train rows: what parts of them reach, and the power law through that, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from mixologist.evaluation.intervals import bootstrap, compare, redrawn, scope
from mixologist.evaluation.limits import limits
from mixologist.evaluation.metrics import Floats, metric_of
from mixologist.evaluation.power_law import Laws, fit
from mixologist.evaluation.resampling import Runs
from mixologist.recipe import schema
from mixologist.tasks.task import Task

BEYOND = (2, 4)
"""Times the train rows at which the law is read, beside the parts."""


def measured(task: Task, runs: Mapping[int, Runs], options: schema.Evaluation, seed: int) -> dict[str, Any]:
    """The figures of curve.json: each part's metric, the law through them, and what all rows gain over half of them.

    Intervals at ``options.confidence``; those of the law are percentiles of laws fitted to redrawn metrics.

    Args:
        runs: train rows -> the outcomes of each seed, on the same test rows; the smallest first, three or more.
    """
    metric, sizes = metric_of(task), list(runs)
    how: Any = {"samples": options.bootstrap_samples, "seed": seed, "names": (task.name,)}
    levels, (lowest, best) = options.confidence, metric.bounds
    parts = {size: asdict(bootstrap(metric, runs[size], confidence=levels, **how)) for size in sizes}
    drawn = [redrawn(metric, runs[size], training=(size,), **how)[1] for size in sizes]
    rows = np.array(sizes, dtype=np.float64)
    law = fit(rows, np.array([[parts[size]["value"] for size in sizes]]), metric.bounds)
    laws = fit(rows, np.stack(drawn, axis=1), metric.bounds)
    least, most = sizes[-2:]
    clusters, span = parts[most]["clusters"], best - lowest

    def told(value: Floats, values: Floats, bounds: tuple[float, float]) -> dict[str, float]:
        at = float(value[0].clip(*bounds))
        low, high = limits(at, values, bounds, clusters, levels)
        return {"value": at, "low": low, "high": high}

    return {
        "task": task.name, "metric": task.metric, "n": len(runs[most][0]), "seeds": len(runs[most]),
        "scope": scope(len(runs[most])), "confidence": levels,
        "parts": [{"rows": size} | parts[size] for size in sizes],
        "law": {"a": float(law.a[0]), "b": float(law.b[0]), "c": float(law.c[0]), "unit": law.unit},
        "curve": [
            {"rows": n} | told(law.at(n), laws.at(n), metric.bounds)
            for n in (*sizes, *(times * most for times in BEYOND))
        ],
        "last_doubling": {"from": least, "to": most}
        | asdict(compare(metric, runs[most], runs[least], confidence=levels, **how)),
        "next_doubling": {"from": most, "to": 2 * most}
        | told(_doubling(law, most), _doubling(laws, most), (-span, span)),
    }  # fmt: skip


def _doubling(laws: Laws, rows: int) -> Floats:
    return laws.at(2 * rows) - laws.at(rows)
