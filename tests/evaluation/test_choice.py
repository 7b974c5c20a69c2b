"""What choosing the better adapter on validation rows adds to its score there."""

from pathlib import Path

import numpy as np
import pytest

from mixologist import seeds
from mixologist.evaluation.choice import LARGEST, choice
from mixologist.recipe.schema import Evaluation, Recipe, TaskSpec
from mixologist.records import Outcome
from mixologist.tasks.task import Task, load_tasks
from tests.conftest import write_data

OPTIONS = Evaluation(bootstrap_samples=300)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    write_data(tmp_path)
    spec = TaskSpec(name="queue", path=str(tmp_path / "queue"), format="classification", metric="accuracy")
    return load_tasks(Recipe(tasks=(spec,))).tasks["queue"]


def answers(share: float, n: int, *names: object) -> list[Outcome]:
    right = seeds.generator(0, *names).random(n) < share
    return [Outcome(f"row/{i}", "x" if yes else "y", "x", "") for i, yes in enumerate(right)]


def test_the_largest_of_normal_numbers() -> None:
    random = seeds.generator(0, "largest")
    for k, mean in LARGEST.items():
        assert random.standard_normal((200_000, k)).max(1).mean() == pytest.approx(mean, abs=0.006)


def test_no_choice_between_equals_adds_more_than_is_said(task: Task) -> None:
    """Two adapters of the same worth: what the better one shows above it, on average over many validation sets."""
    added, said = [], []
    for draw in range(40):
        rows = {name: answers(0.7, 200, name, draw) for name in ("own", "shared")}
        values = {name: np.mean([o.prediction == "x" for o in found]) for name, found in rows.items()}
        served = max(values, key=values.__getitem__)
        found = choice(task, rows, served, answers(0.7, 400, "test", draw), OPTIONS, 0)
        added.append(values[served] - 0.7)
        said.append(found["by_choice_at_most"])
    assert np.mean(added) == pytest.approx(np.mean(said), abs=0.01)
    assert np.mean(said) == pytest.approx((2 * 0.21 / 200) ** 0.5 / (2 * np.pi) ** 0.5, rel=0.1)


def test_the_drop_from_validation_to_test(task: Task) -> None:
    rows = {"own": answers(0.9, 300, "own"), "shared": answers(0.6, 300, "shared")}
    found = choice(task, rows, "own", answers(0.7, 300, "test"), OPTIONS, 0)
    assert found["n"] == 300
    assert list(found["validation"]) == ["own", "shared"]
    drop = found["drop"]
    assert 0.1 < drop["low"] < drop["value"] < drop["high"] < 0.3
    assert drop["value"] == pytest.approx(0.2, abs=0.06)
    error = (0.09 / 300 + 0.21 / 300) ** 0.5
    assert (drop["high"] - drop["low"]) / 2 == pytest.approx(1.96 * error, rel=0.2)
