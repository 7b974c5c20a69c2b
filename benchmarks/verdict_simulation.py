"""Verdicts on tasks whose truth is known: false alarms, power, and how often intervals miss. Prints one JSON object.

    python -m benchmarks.verdict_simulation [--quick] [--page docs/results/verdicts-simulation.md]

A few minutes of one core; ``--quick`` a twentieth of the runs. Tests, intervals and verdicts are the library's own.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks.simulated_tasks import Even, World
from benchmarks.simulation_page import page
from mixologist import seeds
from mixologist.evaluation.intervals import Difference, difference
from mixologist.evaluation.limits import limits, widened
from mixologist.evaluation.resampling import resampled
from mixologist.evaluation.verdicts import verdicts

CONFIDENCE, SMALLEST, SAMPLES = 0.95, 0.05, 500
CLEAR = ("helped", "hurt")
FAMILIES = (1, 4, 8)
NULLS: tuple[tuple[str, World, int, int, int], ...] = (
    ("these weights", World(), 1, 8, 200),
    ("these weights", World("macro_f1"), 1, 8, 200),
    ("these weights, systems that err differently", World("macro_f1", crossed=True), 1, 4, 200),
    ("these weights, 20 labels", World("macro_f1", 20), 1, 4, 200),
    ("these weights, 20 labels, systems that err differently", World("macro_f1", 20, crossed=True), 1, 1, 30),
    ("these weights, 20 labels, systems that err differently", World("macro_f1", 20, crossed=True), 1, 1, 50),
    ("recipe", World(seed_sd=0.01), 3, 8, 200),
    ("recipe", World("macro_f1", seed_sd=0.01), 3, 8, 200),
    ("recipe", World(seed_sd=0.03), 3, 4, 200),
    ("recipe", World("macro_f1", seed_sd=0.03), 3, 4, 200),
    ("recipe, 20 labels", World("macro_f1", 20, seed_sd=0.01), 3, 1, 200),
    ("one seed read as the recipe", World(seed_sd=0.01), 1, 4, 200),
    ("one seed read as the recipe", World(seed_sd=0.03), 1, 4, 200),
)
"""What is asked, world, seeds, tasks, rows of each: no difference in any of them."""
MANY_LABELS = tuple(
    (kind("macro_f1", labels), n)
    for kind in (Even, World)
    for labels, n in ((3, 400), (20, 400), (77, 500), (150, 1000))
)
"""Labels and rows as in sentiment, topics, banking77 and clinc150."""


def main() -> None:
    """Simulate, write the page, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    part = 20 if given.quick else 1
    began = time.process_time()
    found: dict[str, Any] = {
        "false_alarms": [false_alarms(*null, runs=2000 // part) for null in NULLS],
        "power": power(runs=200 // part),
        "misses": misses(runs=1000 // part),
        "leaning": [leaning(*size, runs=200 // part) for size in MANY_LABELS],
    }
    found["cpu_seconds"] = round(time.process_time() - began)
    if given.page:
        given.page.write_text(page(found), encoding="utf-8")
    print(json.dumps(found))


def simulate(world: World, seed_count: int, n: int, runs: int, name: object) -> list[Difference]:
    """What the library says of ``runs`` made-up test sets."""
    rng, found = seeds.generator(0, "simulation", world, seed_count, n, name), []
    for start in range(0, runs, 50):
        for counts in world.draw(min(50, runs - start), seed_count, n, rng):
            a, b = counts[:, 0], counts[:, 1]
            found.append(
                difference(
                    world.metric, a, b, n, samples=SAMPLES, confidence=CONFIDENCE, seed=0, names=(name,)
                )
            )
    return found


def false_alarms(
    asked: str, world: World, seed_count: int, tasks: int, rows: int, *, runs: int
) -> dict[str, Any]:
    """Share of runs with a clear verdict on any task, where there is nothing to find."""
    columns = [simulate(world, seed_count, rows, runs, f"task {task}") for task in range(tasks)]
    families = [m for m in FAMILIES if m <= tasks]
    return _world(world) | {
        "asked": asked,
        "seeds": seed_count,
        "rows": rows,
        "runs": runs,
        "tasks": {str(m): _share([alarmed(run[:m]) for run in zip(*columns, strict=True)]) for m in families},
    }


def alarmed(run: Sequence[Difference]) -> bool:
    """Whether any task of a run has a clear verdict."""
    judged = verdicts({str(i): d for i, d in enumerate(run)}, CONFIDENCE, SMALLEST, SAMPLES)
    return any(verdict.verdict in CLEAR for verdict in judged.values())


def power(runs: int) -> list[dict[str, Any]]:
    """Share of clear verdicts on the right side, for one task and for the first of eight whose others are null."""
    return [
        _world(world) | {"seeds": seed_count, "n": n, "effect": effect} | _found(world, seed_count, n, runs)
        for name in ("accuracy", "macro_f1")
        for seed_count in (1, 3, 5)
        for n in (200, 500, 1500)
        for effect in (0.02, 0.05, 0.1)
        for world in (World(name, effect=effect, seed_sd=0.01 if seed_count > 1 else 0.0),)
    ]


def _found(world: World, seed_count: int, n: int, runs: int) -> dict[str, Any]:
    differences = simulate(world, seed_count, n, runs, "power")
    found: dict[str, Any] = {"runs": runs}
    for tasks in (1, 8):
        judged = [_first_of(tasks, d) for d in differences]
        found[f"of_{tasks}"] = {
            "power": _share([verdict == "helped" for verdict, _ in judged])["share"],
            "not_distinguishable": float(
                np.mean([verdict == "not_distinguishable" for verdict, _ in judged])
            ),
            "not_enough_data": float(np.mean([verdict == "not_enough_data" for verdict, _ in judged])),
            "detectable": float(np.median([detectable for _, detectable in judged])),
        }
    return found


def _first_of(tasks: int, difference: Difference) -> tuple[str, float]:
    """Verdict where the other tasks show nothing at all: Holm's first step, the hardest one."""
    nothing = Difference(0, -1, 1, 200, 200, 1.0, 1.0, 1, "swap", 0.1, None)
    others = {f"other {i}": nothing for i in range(tasks - 1)}
    judged = verdicts({"first": difference, **others}, CONFIDENCE, SMALLEST, SAMPLES)["first"]
    return judged.verdict, judged.detectable


def misses(runs: int) -> list[dict[str, Any]]:
    """How often the interval of a difference does not hold the true one, by number of rows."""
    return [
        _world(world) | {"n": n, "runs": runs} | _share([d.low > 0 or d.high < 0 for d in drawn])
        for world in (World(), World("macro_f1"), World("macro_f1", 20))
        for n in (10, 20, 30, 50, 100)
        for drawn in (simulate(world, 1, n, runs, "misses"),)
    ]


def leaning(world: World, n: int, *, runs: int) -> dict[str, Any]:
    """How often the interval of one system's macro-F1 does not hold the true one: percentiles alone, as reported."""
    sizes = "equal" if isinstance(world, Even) else "1/k"
    truth, rng = world.true_value(world.scores[0]), seeds.generator(0, "leaning", sizes, world.labels, n)
    missed: dict[str, list[bool]] = {"percentiles": [], "reported": []}
    for run in range(runs):
        counts = world.draw(1, 1, n, rng)[0, :, 0]
        value = float(world.metric.value(counts.sum(1))[0])
        drawn = world.metric.value(resampled(counts, SAMPLES, run, ("leaning",))).mean(-1)
        for name, between in (("percentiles", limits), ("reported", widened)):
            low, high = between(value, drawn, world.metric.bounds, n, CONFIDENCE)
            missed[name].append(not low <= truth <= high)
    return {"labels": world.labels, "sizes": sizes, "n": n, "runs": runs} | {
        name: _share(each) for name, each in missed.items()
    }


def _world(world: World) -> dict[str, Any]:
    return {"metric": world.metric_name, "labels": world.labels, "seed_sd": world.seed_sd}


def _share(hits: Sequence[bool]) -> dict[str, float]:
    """With its Wilson 95% interval."""
    limits = binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    return {"share": sum(hits) / len(hits), "low": float(limits.low), "high": float(limits.high)}


if __name__ == "__main__":
    main()
