from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats.base import label_text
from mixologist.tasks.formats.classification import Classification

COLUMNS = {"text": "text", "label": "label"}


def bound(*labels: str, instruction: str = "Sort the ticket.") -> Classification:
    return Classification(COLUMNS, "macro_f1", labels, instruction)


def test_prompt_lists_the_labels_and_completion_is_the_label() -> None:
    example = bound("card", "loan").example(
        {"text": " I lost it ", "label": "card"}, 0, task="t", id="train/0"
    )
    assert example.messages == (
        {"role": "user", "content": "Sort the ticket. Answer with one of: card, loan.\n\nI lost it"},
    )
    assert (example.completion, example.reference, example.text) == ("card", "card", "I lost it")


def test_more_than_twenty_labels_are_not_listed() -> None:
    many = bound(*map(str, range(21)))
    content = many.example({"text": "x", "label": "3"}, 0, task="t", id="train/0").messages[0]["content"]
    assert content == "Sort the ticket.\n\nx"


def test_a_rewording_replaces_instruction_and_list() -> None:
    row = {"text": "x", "label": "card"}
    plain = bound("card", "loan").example(row, 0, task="t", id="train/0", instruction="Which team?")
    filled = bound("card", "loan").example(row, 0, task="t", id="train/0", instruction="{labels}?")
    assert plain.messages[0]["content"] == "Which team?\n\nx"
    assert filled.messages[0]["content"] == "card, loan?\n\nx"


def test_an_instruction_that_names_the_labels_gets_no_second_list() -> None:
    assert bound("a", "b", instruction="{labels}?").instruct(None) == "a, b?"


def test_a_label_outside_the_set_names_row_and_nearest() -> None:
    with pytest.raises(UserError) as error:
        bound("neutral", "positive").example({"text": "x", "label": "positve"}, 0, task="t", id="train/6")
    assert "row 7 of train" in error.value.what
    assert error.value.given == "positve"
    assert "did you mean 'positive'?" in error.value.do


@pytest.mark.parametrize("label", [None, "", "  ", float("nan"), ["a"]])
def test_an_empty_label_is_an_error(label: Any) -> None:
    with pytest.raises(UserError, match="wrong 'label'"):
        bound("a", "b").example({"text": "x", "label": label}, 0, task="t", id="train/0")


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (1, "1"), (1.0, "1"), (0.5, "0.5"), (" a ", "a"), (None, "")]
)
def test_numbers_and_booleans_are_labels_by_their_text(value: Any, text: str) -> None:
    assert label_text(value) == text


def test_a_number_is_an_index_unless_it_is_a_label() -> None:
    named, numbered = bound("bear", "bull"), bound("1", "0")
    assert named.example({"text": "x", "label": 1}, 0, task="t", id="train/0").completion == "bull"
    assert numbered.example({"text": "x", "label": 1}, 0, task="t", id="train/0").completion == "1"
    with pytest.raises(UserError):
        named.example({"text": "x", "label": 2}, 0, task="t", id="train/0")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("bull", "bull"),
        (" Bull.\n", "bull"),
        ("BULL", "bull"),
        ("bullish", None),
        ("", None),
        ("a.b.", "a.b."),
    ],
)
def test_parse_takes_a_label_and_nothing_else(text: str, label: str | None) -> None:
    assert bound("bear", "bull", "a.b.").parse(text) == label


def test_labels_that_differ_in_case_alone_stay_apart() -> None:
    assert [bound("US", "us").parse(text) for text in ("US", "us", "us.")] == ["US", "us", "us"]


def test_labels_are_found_in_sorted_order_and_there_must_be_two() -> None:
    rows = {"label": ["b", 2, None, "a", "b", True]}
    assert Classification.find_labels(rows, COLUMNS) == ("2", "a", "b", "true")
    with pytest.raises(UserError, match="holds no choice"):
        Classification.find_labels({"label": ["b", None, "b"]}, COLUMNS)
