"""Shots: drawn from train, every label in turn, in front of the question."""

from pathlib import Path

import datasets
import pytest

from mixologist.evaluation.baselines.few_shot import as_turns, draw_shots
from mixologist.recipe.load import load
from mixologist.tasks.task import Task, load_tasks
from tests.conftest import tiny_recipe, write_data


@pytest.fixture
def task(tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    write_data(tmp_path / "data")
    return load_tasks(load(tiny_recipe(tiny_base, tmp_path / "data"))).tasks["sentiment"]


def test_labels_come_in_turn(task: Task) -> None:
    shots = draw_shots(task, 2 * len(task.labels), seed=0)
    answers = [shot.completion for shot in shots]
    assert sorted(answers[: len(task.labels)]) == sorted(task.labels)
    assert sorted(answers) == sorted(2 * task.labels)
    assert {shot.id for shot in shots} <= {example.id for example in task.splits["train"]}
    assert len({shot.id for shot in shots}) == len(shots)


def test_the_seed_draws_them(task: Task) -> None:
    assert draw_shots(task, 4, seed=0) == draw_shots(task, 4, seed=0)
    assert draw_shots(task, 4, seed=0) != draw_shots(task, 4, seed=1)
    assert draw_shots(task, 4, seed=0)[:2] == draw_shots(task, 2, seed=0)


def test_shots_are_a_conversation(task: Task) -> None:
    shots = draw_shots(task, 2, seed=0)
    turns = as_turns(shots)
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2
    assert [turn["content"] for turn in turns[1::2]] == [shot.completion for shot in shots]
    assert turns[0]["content"] == shots[0].messages[-1]["content"]
    assert draw_shots(task, 0, seed=0) == []
