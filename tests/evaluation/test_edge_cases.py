"""Challenge sets as an evaluation asks them."""

from pathlib import Path

import datasets
import pytest

from mixologist.evaluation.edge_cases import challenges
from mixologist.files import write_json_lines
from mixologist.recipe.schema import Recipe
from mixologist.tasks.task import Task, load_tasks


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    for split in ("train", "validation", "test"):
        rows = [{"text": f"the {split} parcel {n}", "label": "ab"[n % 2]} for n in range(6)]
        write_json_lines(tmp_path / "t" / f"{split}.jsonl", rows)
    spec = {"name": "t", "path": str(tmp_path / "t"), "challenges": ["typos", "numbers"]}
    return load_tasks(Recipe.model_validate({"tasks": [spec]})).tasks["t"]


def test_each_is_a_split_of_its_own_with_the_rows_it_comes_from(task: Task) -> None:
    typos, numbers = challenges(task, "test", seed=0)
    assert (typos.split, numbers.split) == ("test-typos", "test-numbers")
    assert typos.rows.numbers == list(range(6))
    assert numbers.rows.numbers == [1, 2, 3, 4, 5]
    assert [e.id for e in numbers.task.splits["test-numbers"]] == [f"test/{n}" for n in range(1, 6)]


def test_other_rows_are_another_task_to_the_store(task: Task) -> None:
    """Kept answers are believed by the task's fingerprint."""
    one, again, other = (challenges(task, "test", seed)[0].task.fingerprint for seed in (0, 0, 1))
    assert one == again
    assert len({one, other, task.fingerprint}) == 3
