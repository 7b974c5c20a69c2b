from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats.regression import Regression

COLUMNS = {"text": "text", "score": "score"}


def bound(low: float = 0, high: float = 5, instruction: str = "How alike?") -> Regression:
    return Regression(COLUMNS, "pearson", (), instruction, (low, high))


def test_the_answer_is_a_number_and_the_prompt_names_the_scale() -> None:
    example = bound().example({"text": "x", "score": 3.3333333}, 0, task="t", id="train/0")
    assert example.messages[0]["content"] == "How alike? Answer with a number from 0 to 5.\n\nx"
    assert (example.completion, example.reference) == ("3.3333", 3.3333333)


def test_wordings_may_name_the_scale_themselves() -> None:
    own = bound(-1, 1, instruction="Mood, {scale}?")
    assert own.instruct(None) == "Mood, from -1 to 1?"
    assert own.instruct("Rate it {scale}.") == "Rate it from -1 to 1."
    assert own.instruct("Rate it.") == "Rate it."


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2.5", 2.5),
        ("2 of 5, so 3", 3),
        ("-0.4", 0),
        ("25", 5),
        ("1e9", 5),
        ("very", None),
        ("", None),
    ],
)
def test_the_last_number_counts_and_none_lies_beyond_the_scale(text: str, number: float | None) -> None:
    assert bound().parse(text) == number


@pytest.mark.parametrize("score", [None, "", "much", float("nan"), float("inf"), True, [3], 5.1, -0.1, "6"])
def test_what_is_no_number_on_the_scale_names_row_and_scale(score: Any) -> None:
    with pytest.raises(UserError, match=r"row 1 of train .*wrong 'score'") as error:
        bound().example({"text": "x", "score": score}, 0, task="t", id="train/0")
    assert error.value.expected == "a number from 0 to 5"


def test_numbers_may_be_text() -> None:
    assert bound().example({"text": "x", "score": " 2.50 "}, 0, task="t", id="train/0").reference == 2.5


def test_the_scale_spans_all_splits() -> None:
    splits = {"train": {"score": [1, "2.5", None]}, "test": {"score": [-3.0, float("nan")]}}
    assert Regression.find_scale(splits, COLUMNS) == (-3, 2.5)
    with pytest.raises(UserError, match="holds no scale"):
        Regression.find_scale({"train": {"score": [2, 2, "x"]}}, COLUMNS)
