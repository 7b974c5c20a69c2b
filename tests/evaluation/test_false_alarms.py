"""Runs in which nothing was helped or hurt: how many verdicts say otherwise. The full simulation is in benchmarks/."""

from __future__ import annotations

import json

import pytest
from scipy.stats import binomtest

from benchmarks.simulated_tasks import World
from benchmarks.simulation_page import alarm_cells
from benchmarks.verdict_simulation import alarmed, false_alarms, simulate

RUNS, TASKS = 2000, 3


def alarms(world: World, seed_count: int, n: int = 60) -> int:
    """Runs of ``TASKS`` tasks in which any verdict is helped or hurt."""
    columns = [simulate(world, seed_count, n, RUNS, task) for task in range(TASKS)]
    return sum(alarmed(run) for run in zip(*columns, strict=True))


def more_than_5_percent(count: int) -> float:
    """p-value of "at most 5%"."""
    return float(binomtest(count, RUNS, 0.05, alternative="greater").pvalue)


@pytest.mark.parametrize(
    ("world", "seed_count"),
    [(World(), 1), (World("macro_f1"), 1), (World(seed_sd=0.02), 3), (World("macro_f1", seed_sd=0.02), 3)],
    ids=lambda value: getattr(value, "metric_name", value),
)
def test_at_most_one_run_in_twenty_has_a_false_verdict(world: World, seed_count: int) -> None:
    assert more_than_5_percent(alarms(world, seed_count)) > 0.01


def test_one_seed_does_not_speak_of_the_recipe_and_the_simulation_sees_it() -> None:
    assert more_than_5_percent(alarms(World(seed_sd=0.04), 1)) < 1e-6


def test_the_page_has_every_share_also_from_kept_figures() -> None:
    found = [false_alarms("recipe", World(), 1, 4, 50, runs=20)]
    header, row = alarm_cells(json.loads(json.dumps(found)))
    assert [header, row] == alarm_cells(found)
    assert [bool(row[header.index(f"{tasks} task{'s' * (tasks > 1)}")]) for tasks in (1, 4, 8)] == [
        True,
        True,
        False,
    ]
