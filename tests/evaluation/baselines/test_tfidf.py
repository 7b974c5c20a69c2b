from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from mixologist.evaluation.baselines import tfidf
from mixologist.recipe.schema import Recipe
from mixologist.records import Outcome
from mixologist.tasks.task import Task, load_tasks


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """Two labels that a word tells, and a word of its own in every row."""
    for split, count in (("train", 300), ("validation", 40), ("test", 40)):
        rows = [
            {"text": f"the {('card', 'loan')[n % 2]} of {split} number {n}", "label": "ab"[n % 2]}
            for n in range(count)
        ]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    recipe = Recipe.model_validate(
        {"base_model": "builtin", "tasks": [{"name": "desk", "path": str(tmp_path)}]}
    )
    return load_tasks(recipe).tasks["desk"]


def _accuracy(outcomes: Sequence[Outcome]) -> float:
    return float(sum(outcome.prediction == outcome.reference for outcome in outcomes) / len(outcomes))


def test_it_learns_what_a_word_tells(task: Task) -> None:
    outcomes, _ = tfidf.tfidf(task, "test", _accuracy)
    assert _accuracy(outcomes) == 1


def test_of_very_many_rows_the_same_some_are_fitted_on(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [row.id for row in tfidf._drawn(task.splits["train"])] == [row.id for row in task.splits["train"]]
    monkeypatch.setattr(tfidf, "MOST", 50)
    drawn = [row.id for row in tfidf._drawn(task.splits["train"])]
    assert len(set(drawn)) == 50
    assert drawn == [row.id for row in tfidf._drawn(task.splits["train"])]
    assert drawn != [row.id for row in task.splits["train"]][:50]
    assert _accuracy(tfidf.tfidf(task, "test", _accuracy)[0]) > 0.9
