from pathlib import Path
from typing import Any

import pytest

from mixologist.errors import UserError, UserErrors
from mixologist.recipe.schema import Recipe
from mixologist.tasks.task import load_tasks
from tests.tasks.conftest import Write


def tickets(folder: str, write: Write, n: int = 10, **extra: list[str]) -> None:
    for split in ("train", "validation", "test"):
        texts = [f"{folder} {split} {i}" for i in range(n)] + extra.get(split, [])
        write(
            f"{folder}/{split}.jsonl", [{"text": text, "label": "ab"[i % 2]} for i, text in enumerate(texts)]
        )


def recipe(tmp_path: Path, *names: str, **more: Any) -> Recipe:
    tasks = [{"name": name, "path": str(tmp_path / name)} for name in names]
    return Recipe.model_validate({"tasks": tasks, **more})


def test_tasks_come_in_recipe_order_with_their_settings(tmp_path: Path, write: Write) -> None:
    for name in ("zebra", "apple", "chat"):
        tickets(name, write)
    mine = recipe(tmp_path, "zebra", "apple", general={"path": str(tmp_path / "chat"), "share": 0.2})
    found = load_tasks(mine)
    assert list(found.tasks) == ["zebra", "apple"]
    assert {name: (task.name, share) for name, (task, share) in found.general.items()} == {
        "general": ("general", 0.2)
    }
    zebra = found.tasks["zebra"]
    assert (zebra.metric, zebra.labels, zebra.max_new_tokens, zebra.weight) == (
        "macro_f1",
        ("a", "b"),
        16,
        1.0,
    )
    assert list(zebra.splits) == ["train", "validation", "test"]
    assert zebra.splits["train"][0].task == "zebra"
    assert zebra.digests.keys() == {"train", "validation", "test"}
    assert zebra.rewordings == zebra.format.rewordings
    assert list(found.audit.tasks) == ["zebra", "apple", "general"]


def test_the_specs_own_settings_win(tmp_path: Path, write: Write) -> None:
    tickets("one", write)
    spec = {
        "name": "one",
        "path": str(tmp_path / "one"),
        "instruction": "Which team?",
        "rewordings": ["Team?"],
        "held_out_rewordings": ["Who?"],
        "labels": ["b", "a", "c"],
        "metric": "accuracy",
        "tolerance": 0.5,
        "max_new_tokens": 3,
        "max_length": 99,
        "weight": 2.0,
        "train_rows": 4,
    }
    task = load_tasks(Recipe.model_validate({"tasks": [spec]})).tasks["one"]
    assert (task.metric, task.tolerance, task.max_new_tokens, task.max_length, task.weight) == (
        "accuracy",
        0.5,
        3,
        99,
        2.0,
    )
    assert (task.rewordings, task.held_out_rewordings, len(task.splits["train"])) == (
        ("Team?",),
        ("Who?",),
        4,
    )
    assert (
        task.splits["train"][0]
        .messages[0]["content"]
        .startswith("Which team? Answer with one of: b, a, c.\n\n")
    )


def test_all_mistakes_of_all_tasks_come_together(tmp_path: Path, write: Write) -> None:
    tickets("bad_rows", write, train=["", ""])
    tickets("leaky", write, train=["same"], test=["same"])
    tickets("good", write)
    with pytest.raises(UserErrors) as error:
        load_tasks(recipe(tmp_path, "missing", "bad_rows", "leaky", "good", general={"card": "general/doly"}))
    whats = [problem.what for problem in error.value.problems]
    assert len(whats) == 5
    for part in (
        "no file or folder",
        "unknown card",
        "row 11 of train",
        "row 12 of train",
        "'leaky': 1 train rows also",
    ):
        assert any(part in what for what in whats), part


def test_leakage_can_be_allowed(tmp_path: Path, write: Write) -> None:
    tickets("leaky", write, train=["same"], test=["same"])
    with pytest.raises(UserError, match="also stand in its test"):
        load_tasks(recipe(tmp_path, "leaky"))
    found = load_tasks(recipe(tmp_path, "leaky"), allow_leakage=True)
    assert found.audit.tasks["leaky"].leaked == 1
    assert len(found.tasks["leaky"].splits["train"]) == 11


def test_rows_of_general_tests_are_removed_too(tmp_path: Path, write: Write) -> None:
    tickets("one", write, train=["shared"])
    tickets("chat", write, test=["Shared"])
    found = load_tasks(recipe(tmp_path, "one", general={"path": str(tmp_path / "chat")}))
    assert found.audit.tasks["one"].removed == {"general": 1}
    assert len(found.tasks["one"].splits["train"]) == 10


def test_a_task_that_loses_its_train_rows_is_an_error(tmp_path: Path, write: Write) -> None:
    tickets("one", write, n=4)
    shared = [f"one train {i}" for i in range(4)]
    tickets("two", write, test=shared)
    with pytest.raises(UserError, match="task 'one': train has 0 examples"):
        load_tasks(recipe(tmp_path, "one", "two"))


def test_the_seed_draws_the_rows(tmp_path: Path, write: Write) -> None:
    tickets("one", write, n=50)
    spec = {"name": "one", "path": str(tmp_path / "one"), "train_rows": 10}
    ids = [
        [
            e.id
            for e in load_tasks(Recipe.model_validate({"tasks": [spec], "seed": seed}))
            .tasks["one"]
            .splits["train"]
        ]
        for seed in (0, 0, 1)
    ]
    assert ids[0] == ids[1] != ids[2]
