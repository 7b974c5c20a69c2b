"""Rows out of a task's scope: never its examples, their label never one of its labels."""

from pathlib import Path
from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.recipe.schema import Recipe
from mixologist.tasks.task import Task, load_tasks
from tests.tasks.conftest import Write

Row = dict[str, Any]
MARKED = {"column": "label", "values": ["oos", "spam"]}


def rows(split: str, n: int = 6, foreign: int = 3) -> list[Row]:
    own = [{"text": f"{split} {i}", "label": "ab"[i % 2], "kind": "own"} for i in range(n)]
    other = [
        {"text": f"foreign {split} {i}", "label": ("oos", "spam")[i % 2], "kind": "other"}
        for i in range(foreign)
    ]
    return [other[0], *own, *other[1:]] if other else own


@pytest.fixture
def data(write: Write) -> Path:
    for split in ("train", "validation", "test"):
        write(f"t/{split}.jsonl", rows(split))
    return write("t/note.txt", []).parent


def load(path: Path, **spec: Any) -> Task:
    return load_tasks(Recipe.model_validate({"tasks": [{"name": "t", "path": str(path), **spec}]})).tasks["t"]


def outside(task: Task) -> dict[str, list[str]]:
    assert task.out_of_scope
    return {split: [e.text for e in examples] for split, examples in task.out_of_scope.splits.items()}


def test_they_are_no_examples_and_their_label_is_none(data: Path) -> None:
    task = load(data, out_of_scope=MARKED)
    assert task.labels == ("a", "b")
    assert [e.text for e in task.splits["test"]] == [f"test {i}" for i in range(6)]
    assert outside(task) == {
        split: [f"foreign {split} {i}" for i in range(3)] for split in ("train", "validation", "test")
    }
    assert task.out_of_scope
    assert [e.id for e in task.out_of_scope.splits["test"]] == ["test/0", "test/7", "test/8"]
    assert "oos" not in "".join(e.messages[0]["content"] for e in task.out_of_scope.splits["test"])
    assert load(data).labels == ("a", "b", "oos", "spam")


def test_any_column_may_mark_them_and_their_label_may_be_missing(write: Write) -> None:
    for split in ("train", "validation", "test"):
        unlabelled = [row | ({"label": None} if row["kind"] == "other" else {}) for row in rows(split)]
        write(f"t/{split}.jsonl", unlabelled)
    path = write("t/note.txt", []).parent
    by_kind = load(path, out_of_scope={"column": "kind", "values": ["other"]})
    by_empty_cell = load(path, out_of_scope={"column": "label", "values": [""]})
    assert outside(by_kind) == outside(by_empty_cell)
    assert outside(by_kind)["test"] == [f"foreign test {i}" for i in range(3)]
    assert by_kind.labels == by_empty_cell.labels == ("a", "b")


def test_caps_are_drawn_apart_and_a_split_may_have_none(write: Write) -> None:
    for split, foreign in (("train", 0), ("validation", 0), ("test", 6)):
        write(f"t/{split}.jsonl", rows(split, foreign=foreign))
    task = load(write("t/note.txt", []).parent, out_of_scope=MARKED, test_rows=4)
    assert {split: len(texts) for split, texts in outside(task).items()} == {
        "train": 0,
        "validation": 0,
        "test": 4,
    }
    assert len(task.splits["test"]) == 4


def test_they_are_carved_as_other_rows_are(write: Write) -> None:
    task = load(write("one.jsonl", rows("all", n=200, foreign=200)), out_of_scope=MARKED)
    sizes = {split: len(texts) for split, texts in outside(task).items()}
    assert sum(sizes.values()) == 200
    assert 5 < sizes["test"] < 40
    assert {e.text for e in task.splits["test"]}.isdisjoint(outside(task)["test"])


def test_the_audit_compares_them_too(write: Write) -> None:
    for split in ("train", "validation"):
        write(f"t/{split}.jsonl", rows(split))
    test = [*rows("test"), {"text": "Foreign train 0", "label": "a", "kind": "own"}]
    task = load(write("t/test.jsonl", test).parent, out_of_scope=MARKED)
    assert outside(task)["train"] == ["foreign train 1", "foreign train 2"]
    leak = [*rows("test"), {"text": "foreign train 1", "label": "oos", "kind": "other"}]
    write("t/test.jsonl", leak)
    with pytest.raises(UserError, match=r"task 't \(out of scope\)': 1 train rows also stand in its test"):
        load(write("t/note.txt", []).parent, out_of_scope=MARKED)


@pytest.mark.parametrize(
    ("column", "values", "what", "do"),
    [
        ("labels", ["oos"], "train has no column 'labels' for out_of_scope", "did you mean 'label'?"),
        ("label", ["oss"], "no row is out of scope by 'oss'", "did you mean 'oos'?"),
        ("label", ["oos", "z"], "no row is out of scope by 'z'", "look at the values of column 'label'"),
    ],
)
def test_what_marks_no_row_says_what_would(
    data: Path, column: str, values: list[str], what: str, do: str
) -> None:
    with pytest.raises(UserError) as error:
        load(data, out_of_scope={"column": column, "values": values})
    assert (error.value.what, error.value.do) == (f"task 't': {what}", do)


def test_rows_that_are_none_of_the_formats_are_told(write: Write) -> None:
    for split in ("train", "validation", "test"):
        own = [{"question": f"{split} {i}", "answer": "1", "kind": "own"} for i in range(4)]
        write(
            f"t/{split}.jsonl",
            [*own, {"question": f"{split} foreign", "answer": None, "kind": "other"}],
        )
    path, marked = write("t/note.txt", []).parent, {"column": "kind", "values": ["other"]}
    with pytest.raises(UserError, match="no row out of its scope can be read") as error:
        load(path, format="numeric_qa", out_of_scope=marked)
    assert error.value.given == "3 rows whose 'kind' is other"
