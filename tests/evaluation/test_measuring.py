"""The cocktail effect: a mean over tasks, with whom it hides."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from mixologist import seeds
from mixologist.evaluation.intervals import mean_difference, mean_value
from mixologist.evaluation.measuring import cocktail, measure
from mixologist.evaluation.metrics import make
from mixologist.recipe.schema import Evaluation, Recipe, TaskSpec
from mixologist.records import Outcome
from mixologist.tasks.task import load_tasks
from tests.conftest import write_data

ACCURACY = make("accuracy")


def run(task: str, share: float, n: int = 400, seed: int = 0) -> list[Outcome]:
    right = seeds.generator(seed, task, share).random(n) < share
    return [Outcome(f"test/{i}", str(bool(yes)), "True", "") for i, yes in enumerate(right)]


def test_of_one_seed_the_limits_are_those_of_the_rows() -> None:
    pairs = {t: (ACCURACY, [run(t, 0.8, seed=1)], [run(t, 0.6)]) for t in "abcd"}
    value, low, high = mean_difference(pairs, samples=4000, confidence=0.95, seed=0)
    both = [
        (np.array([o.prediction == "True" for o in side[0]]) for side in sides)
        for _, *sides in pairs.values()
    ]
    gains = [a.astype(float) - b for a, b in both]
    error = sum(g.var() / len(g) for g in gains) ** 0.5 / len(gains)
    assert value == pytest.approx(np.mean([g.mean() for g in gains]))
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.08)


def test_what_a_seed_does_to_all_tasks_at_once_widens_the_limits() -> None:
    """Gains of 0, 10 and 20 points by seed in all tasks: the mean over tasks has the same spread over seeds."""
    shares = (0.5, 0.6, 0.7)
    pairs = {
        t: (ACCURACY, [run(t, share, 4000) for share in shares], [run(t, 0.5, 4000) for _ in shares])
        for t in "abcd"
    }
    _, low, high = mean_difference(pairs, samples=4000, confidence=0.95, seed=0)
    reach = scipy.stats.t.ppf(0.975, 2) * 0.1 / 3**0.5
    assert (high - low) / 2 == pytest.approx(reach, rel=0.1)


def test_the_worst_task_stands_beside_the_mean(tmp_path: Path) -> None:
    write_data(tmp_path)
    specs = tuple(
        TaskSpec(name=n, path=str(tmp_path / n), format="classification") for n in ("queue", "sentiment")
    )
    tasks = load_tasks(Recipe(tasks=specs)).tasks
    options = Evaluation(bootstrap_samples=200)

    def answered(task: str, wrong: int) -> list[list[Outcome]]:
        rows = tasks[task].splits["test"]
        return [
            [Outcome(e.id, None if n < wrong else e.reference, e.reference, "") for n, e in enumerate(rows)]
        ]

    answers = {
        "queue": {"single_task": answered("queue", 4), "shared": answered("queue", 0)},
        "sentiment": {"single_task": answered("sentiment", 0), "shared": answered("sentiment", 2)},
    }
    rows = measure(tasks, answers, options, 0)
    found = cocktail("shared", tasks, answers, rows, options, 0)
    gains = {n: row["paired"]["shared - single_task"]["value"] for n, row in rows.items()}
    assert gains["queue"] > 0 > gains["sentiment"]
    assert found["worst"] == "sentiment"
    assert found["value"] == pytest.approx(np.mean(list(gains.values())))
    assert found["low"] <= found["value"] <= found["high"]
    own = np.mean([row["systems"]["single_task"]["value"] for row in rows.values()])
    assert found["relative"] == pytest.approx(found["value"] / own)
    assert sum(found["verdicts"].values()) == found["tasks"] == 2
    assert cocktail("groups", tasks, answers, rows, options, 0) == {}


def test_means_of_what_is_always_the_same_have_limits() -> None:
    """All prompts reach their adapter: what was not seen in 800 rows may have a share of 3 / 800."""
    right = {t: (ACCURACY, [run(t, 1.1)]) for t in "ab"}
    value, low, high = mean_value(right, samples=200, confidence=0.95, seed=0)
    assert (value, high) == (1, 1)
    assert low == pytest.approx(1 - 3 / 800, abs=1e-4)
    pairs = {t: (ACCURACY, [run(t, 1.1)], [run(t, 1.1)]) for t in "ab"}
    _, low, high = mean_difference(pairs, samples=200, confidence=0.95, seed=0)
    assert -low == high == pytest.approx(3 / 800, abs=1e-4)


def test_the_mean_over_tasks_is_of_tasks_and_not_of_rows() -> None:
    found = {"a": (ACCURACY, [run("a", 0.5, 2000)]), "b": (ACCURACY, [run("b", 1.1, 50)])}
    value, low, high = mean_value(found, samples=2000, confidence=0.95, seed=0)
    assert value == pytest.approx(0.75, abs=0.02)
    assert (high - low) / 2 == pytest.approx(1.96 * (0.25 / 2000) ** 0.5 / 2, rel=0.1)
