"""Fields that stand in several columns, whatever the format."""

from typing import Any

import datasets
import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats import FORMATS, Columns, bind

PAIRS = {"train": datasets.Dataset.from_dict({"one": ["x", "z"], "two": ["y", "w"], "same": ["no", "yes"]})}


def bound(text: Any = ("one", "two")) -> Any:
    return bind(PAIRS, task="t", format="classification", columns={"text": text, "label": "same"})


def test_several_columns_are_lines_after_their_names() -> None:
    example = bound().example(PAIRS["train"][0], 0, task="t", id="train/0")
    assert example.text == "one: x\ntwo: y"
    assert example.messages[0]["content"].endswith("Answer with one of: no, yes.\n\none: x\ntwo: y")


def test_a_list_of_one_column_has_its_name_too() -> None:
    assert bound(("two",)).example(PAIRS["train"][0], 0, task="t", id="train/0").text == "two: y"


def test_an_empty_cell_of_a_needed_text_names_its_column_and_row() -> None:
    with pytest.raises(UserError, match=r"row 5 of test .*wrong 'two'"):
        bound().example({"one": "x", "two": " ", "same": "no"}, 0, task="t", id="test/4")


def test_empty_cells_of_an_optional_text_are_left_out() -> None:
    columns: Columns = {"question": "q", "answer": "a", "context": ("title", "body")}
    format = FORMATS["numeric_qa"](columns, "numeric_match")
    row = {"q": "how many?", "a": 3, "title": "", "body": "Three."}
    assert format.example(row, 0, task="t", id="train/0").context == "body: Three."
    assert format.example({**row, "body": None}, 0, task="t", id="train/0").context == ""


def test_a_label_stands_in_one_column() -> None:
    with pytest.raises(UserError, match="reads 'label' from one column") as error:
        bind(PAIRS, task="t", format="classification", columns={"text": "one", "label": ("same", "two")})
    assert error.value.expected == "one column; several may make up context, text"


def test_a_column_of_several_that_is_missing_names_the_nearest() -> None:
    with pytest.raises(UserError, match="train has no column 'tow' for 'text'") as error:
        bound(("one", "tow"))
    assert error.value.do == "did you mean 'two'?"


@pytest.mark.parametrize("name", list(FORMATS))
def test_only_fields_that_there_are_can_be_several(name: str) -> None:
    assert FORMATS[name].texts <= FORMATS[name].fields.keys()
