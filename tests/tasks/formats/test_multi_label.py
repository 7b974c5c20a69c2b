from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats import detect
from mixologist.tasks.formats.multi_label import MultiLabel

COLUMNS = {"text": "text", "labels": "labels"}
LABELS = ("Arbitration", "Choice of law", "Jurisdiction", "none")
TERMS = MultiLabel(COLUMNS, "macro_f1", LABELS, "What is unfair?")


def example(labels: Any) -> Any:
    return TERMS.example({"text": "x", "labels": labels}, 0, task="t", id="train/0")


def test_labels_stand_in_their_order_whatever_the_row_has() -> None:
    assert example(["Jurisdiction", "Arbitration", "Jurisdiction"]).completion == "Arbitration; Jurisdiction"
    assert example([2, 0]).reference == ["Arbitration", "Jurisdiction"]
    assert example("Choice of law ;Arbitration").reference == ["Arbitration", "Choice of law"]


def test_the_prompt_lists_the_labels() -> None:
    prompt = example([]).messages[0]["content"]
    assert prompt.startswith(
        "What is unfair? Answer with all that fit, semicolons between, of: Arbitration, "
    )


@pytest.mark.parametrize("empty", [[], None, "", "none", ["none"], [None]])
def test_a_row_without_labels_has_the_label_none(empty: Any) -> None:
    if empty == [None]:
        with pytest.raises(UserError, match="wrong 'labels'"):
            example(empty)
        return
    assert (example(empty).completion, example(empty).reference) == ("none", ["none"])


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("jurisdiction; ARBITRATION;", ["Arbitration", "Jurisdiction"]),
        ("None.", ["none"]),
        ("Arbitration, Jurisdiction", None),
        ("Arbitration; unfair", None),
        ("", None),
    ],
)
def test_every_piece_of_an_answer_is_a_label(text: str, labels: list[str] | None) -> None:
    assert TERMS.parse(text) == labels


def test_an_unknown_label_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"row 1 of train .*wrong 'labels'") as error:
        example(["Juristiction"])
    assert "did you mean 'Jurisdiction'?" in error.value.do


def test_none_must_be_a_known_label_where_rows_have_none() -> None:
    strict = MultiLabel(COLUMNS, "macro_f1", ("a", "b"), "")
    with pytest.raises(UserError, match="wrong 'labels'"):
        strict.example({"text": "x", "labels": []}, 0, task="t", id="train/0")


def test_labels_are_found_sorted_and_none_comes_last_where_rows_need_it() -> None:
    assert MultiLabel.find_labels({"labels": [["b"], ["a", "c"]]}, COLUMNS) == ("a", "b", "c")
    assert MultiLabel.find_labels({"labels": [["zz"], [], "a;b"]}, COLUMNS) == ("a", "b", "zz", "none")
    with pytest.raises(UserError, match="holds no labels"):
        MultiLabel.find_labels({"labels": [[], None, ""]}, COLUMNS)


def test_a_label_with_a_semicolon_could_not_be_read_back() -> None:
    with pytest.raises(UserError, match="wrong 'labels'"):
        MultiLabel(COLUMNS, "macro_f1", ("a; b", "c"), "").example(
            {"text": "x", "labels": ["a; b"]}, 0, task="t", id="train/0"
        )


def test_names_of_columns_alone_mean_one_label() -> None:
    assert detect(["text", "labels"], {}, "t") == "classification"
