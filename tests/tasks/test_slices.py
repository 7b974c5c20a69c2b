"""Slices of planted rows, and what is wrong with those that cannot be cut."""

from pathlib import Path
from typing import Any

import pytest

from mixologist.errors import UserError, UserErrors
from mixologist.recipe.schema import Recipe, Slice
from mixologist.tasks.slices import MOST_VALUES, cut
from mixologist.tasks.splits import Split
from mixologist.tasks.task import load_tasks
from tests.tasks.conftest import Write

Row = dict[str, Any]


def tickets(write: Write, test: list[Row]) -> Path:
    for split in ("train", "validation"):
        rows = [
            {"text": f"{split} {i}", "label": "ab"[i % 2], "branch": "north", "price": i} for i in range(4)
        ]
        write(f"tickets/{split}.jsonl", rows)
    return write("tickets/test.jsonl", test).parent


def loaded(path: Path, **spec: Any) -> Split:
    recipe = Recipe.model_validate({"tasks": [{"name": "tickets", "path": str(path), **spec}]})
    return load_tasks(recipe).tasks["tickets"].splits["test"]


def parts(test: Split, **by: Any) -> dict[str, list[int]]:
    return {name: numbers.tolist() for name, numbers in cut(test, Slice(**by)).items()}


@pytest.fixture
def planted(write: Write) -> Path:
    texts = ["x" * length for length in (3, 5, 9, 10, 30)]
    branches = ["south", "north", None, "south", ""]
    prices = [0.5, 20, None, 10, "n/a"]
    return tickets(write, [
        {"text": text, "label": "ba"[number % 2], "branch": branch, "price": None if price is None else str(price)}
        for number, (text, branch, price) in enumerate(zip(texts, branches, prices, strict=True))
    ])  # fmt: skip


def test_lengths_go_into_bands_whose_lower_edge_is_theirs(planted: Path) -> None:
    test = loaded(planted)
    assert parts(test, by="length", edges=(5, 10)) == {
        "below 5": [0],
        "5 to below 10": [1, 2],
        "10 and more": [3, 4],
    }
    assert list(parts(test, by="length", edges=(31,))) == ["below 31"]  # no empty ones


def test_labels_and_columns_go_by_value_and_empty_cells_together(planted: Path) -> None:
    test = loaded(planted)
    assert parts(test, by="label") == {"a": [1, 3], "b": [0, 2, 4]}
    assert parts(test, by="branch") == {"north": [1], "south": [0, 3], "nothing": [2, 4]}


def test_numbers_of_a_column_go_into_bands_and_what_is_none_apart(planted: Path) -> None:
    assert parts(loaded(planted), by="price", edges=(1, 15)) == {
        "below 1": [0],
        "1 to below 15": [3],
        "15 and more": [1],
        "nothing": [2, 4],
    }


def test_rows_stay_in_their_slice_where_only_some_are_drawn(planted: Path) -> None:
    test = loaded(planted, test_rows=3)
    expected = {example.id: "south" for example in test if example.id in ("test/0", "test/3")}
    south = parts(test, by="branch").get("south", [])
    assert {test[number].id for number in south} == set(expected)
    assert sum(map(len, parts(test, by="branch").values())) == len(test) == 3


def test_a_row_with_several_values_is_in_each_slice(write: Write) -> None:
    path = tickets(write, [
        {"text": f"t {number}", "label": "a", "branch": branch}
        for number, branch in enumerate((["n", "s"], ["s", "s"], []))
    ])  # fmt: skip
    assert parts(loaded(path), by="branch") == {"n": [0], "s": [0, 1], "nothing": [2]}


def test_a_slice_of_turns_has_the_value_of_their_conversation(write: Write) -> None:
    def talk(split: str, number: int) -> Row:
        said = [("user", "assistant")[turn % 2] for turn in range(4)]
        turns = [{"role": role, "content": f"{split} {number} {turn}"} for turn, role in enumerate(said)]
        return {"messages": turns, "channel": "chat" if number else "phone"}

    for split in ("train", "validation", "test"):
        write(f"talks/{split}.jsonl", [talk(split, number) for number in range(3)])
    test = loaded(write("talks/note.txt", []).parent)
    channels = [test[number].id.partition(".")[0] for number in parts(test, by="channel")["phone"]]
    assert set(channels) == {"test/0"}


@pytest.mark.parametrize(
    ("spec", "what", "do"),
    [
        ([{"by": "brunch"}], "slices[0] cannot be cut", "did you mean 'branch'?"),
        ([{"by": "lenght", "edges": [5]}], "slices[0] cannot be cut", "did you mean 'length'?"),
        ([{"by": "label"}, {"by": "length"}], "slices[1] cannot be cut", "add edges, such as [50, 100]"),
        ([{"by": "length", "edges": [9, 5]}], "slices[0] cannot be cut", "sort them, each once"),
        ([{"by": "label", "edges": [5]}], "slices[0] cannot be cut", "remove edges"),
        ([{"by": "branch", "edges": [5]}], "slices[0] cannot be cut", "remove edges"),
        ([{"by": "label"}, {"by": "label"}], "slices[1] stands twice", "remove one"),
    ],
)
def test_what_cannot_be_cut_says_why(planted: Path, spec: list[Row], what: str, do: str) -> None:
    with pytest.raises(UserError) as error:
        loaded(planted, slices=spec)
    assert (error.value.what, error.value.do) == (f"task 'tickets': {what}", do)


def test_all_slices_that_are_wrong_are_told_together(planted: Path) -> None:
    with pytest.raises(UserErrors) as error:
        loaded(planted, slices=[{"by": "brunch"}, {"by": "length"}])
    assert len(error.value.problems) == 2


def test_a_column_of_too_many_values_is_refused(write: Write) -> None:
    rows = [{"text": f"t {n}", "label": "a", "branch": f"b{n}"} for n in range(MOST_VALUES + 1)]
    path = tickets(write, rows)
    with pytest.raises(UserError, match=f"column 'branch' has {MOST_VALUES + 1} different values"):
        loaded(path, slices=[{"by": "branch"}])
    assert len(loaded(path, slices=[{"by": "branch"}], test_rows=MOST_VALUES)) == MOST_VALUES


def test_labels_are_asked_for_only_where_there_are_any(write: Write) -> None:
    for split in ("train", "validation", "test"):
        write(
            f"qa/{split}.jsonl",
            [{"prompt": f"{split} {number}", "completion": "yes"} for number in range(4)],
        )
    with pytest.raises(UserError, match="cannot be cut") as error:
        loaded(write("qa/note.txt", []).parent, slices=[{"by": "label"}])
    assert error.value.expected == "a format with labels, not prompt_completion"
