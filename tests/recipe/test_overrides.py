from typing import Any

import pytest

from mixologist.recipe.overrides import apply

DOCUMENT: dict[str, Any] = {
    "tasks": [
        {"card": "finance/fpb"},
        {"name": "my.v1", "card": "finance/finqa"},
        {"name": "finqa", "path": "data/q.jsonl", "labels": ["a", "b"]},
    ],
    "training": {"per_device_train_batch_size": 8},
    "router": None,
}


def _changed(*overrides: str) -> dict[str, Any]:
    document, problems = apply(DOCUMENT, overrides)
    assert not problems
    return document


def _problem(override: str) -> tuple[str, str]:
    document, (problem,) = apply(DOCUMENT, [override])
    assert document == DOCUMENT
    return problem.what, problem.do


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1e-3", 0.001), ("[a, b]", ["a", "b"]), ("a=b", "a=b"), ("", None), (" no", "no")],
)
def test_a_value_is_yaml(text: str, value: object) -> None:
    assert _changed(f"output_dir={text}")["output_dir"] == value


def test_the_last_override_wins_and_the_document_itself_stays() -> None:
    before = str(DOCUMENT)
    assert _changed("seed=1", "seed=2")["seed"] == 2
    assert str(DOCUMENT) == before


def test_sections_that_are_absent_or_null_are_made() -> None:
    changed = _changed("adapters.plan=shared", "router.depth=2")
    assert changed["adapters"] == {"plan": "shared"}
    assert changed["router"] == {"depth": 2}


@pytest.mark.parametrize("key", ["batch_size", "train_batch_size", "per_device_train_batch_size"])
def test_an_alias_replaces_the_name_that_is_there(key: str) -> None:
    assert _changed(f"training.{key}=4")["training"] == {"per_device_train_batch_size": 4}


@pytest.mark.parametrize(
    ("name", "index"), [("fpb", 0), ("0", 0), ("my.v1", 1), ("1", 1), ("finqa", 2), ("2", 2)]
)
def test_a_task_is_found_by_name_card_or_index(name: str, index: int) -> None:
    tasks = _changed(f"tasks.{name}.train_rows=100")["tasks"]
    assert [task.get("train_rows") for task in tasks] == [100 if i == index else None for i in range(3)]


def test_items_of_other_lists_are_found_by_index() -> None:
    assert _changed("tasks.finqa.labels.1=c")["tasks"][2]["labels"] == ["a", "c"]


def test_mistakes_name_the_nearest() -> None:
    assert _problem("training.lerning_rate=1") == (
        "--set training.lerning_rate: unknown key",
        "did you mean 'learning_rate'?",
    )
    assert _problem("trainng.batch_size=1")[1] == "did you mean 'training'?"
    assert _problem("tasks.fpd.train_rows=1") == ("--set: tasks has no item 'fpd'", "did you mean 'fpb'?")
    assert _problem("tasks.3.train_rows=1")[0] == "--set: tasks has no item '3'"
    assert _problem("tasks.finqa.labels.x=1")[1] == "name the item by its index"


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("seed", "--set seed: there is no ="),
        ("=1", "--set : unknown key"),
        ("training.=1", "--set training.: unknown key"),
        (
            "training.per_device_train_batch_size.x=1",
            "there is nothing below training.per_device_train_batch_size",
        ),
        ("seed=[1", "--set seed=[1, line 1, column 3"),
    ],
)
def test_what_is_no_override(override: str, what: str) -> None:
    assert what in _problem(override)[0]


def test_a_name_of_two_tasks_wants_an_index() -> None:
    document = {"tasks": [{"card": "a/x"}, {"card": "b/x"}]}
    _, (problem,) = apply(document, ["tasks.x.train_rows=1"])
    assert problem.do == "name it by index: tasks.0 or tasks.1"


def test_every_mistaken_override_is_reported() -> None:
    document, problems = apply(DOCUMENT, ["seed", "seed=3", "zeed=1"])
    assert len(problems) == 2
    assert document["seed"] == 3
