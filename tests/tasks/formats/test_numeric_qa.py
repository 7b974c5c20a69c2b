from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats.numeric_qa import NumericQA

FIELDS = ("question", "answer", "context", "table")
QA = NumericQA({field: field for field in FIELDS}, "numeric_match", (), "Give a number.")


def row(**fields: Any) -> dict[str, Any]:
    return {
        "question": "how much?",
        "answer": 3.0,
        "context": "Rent rose.",
        "table": [["rent", "3"]],
        **fields,
    }


def test_context_is_table_then_text_and_the_question_follows() -> None:
    example = QA.example(row(), 0, task="t", id="train/0")
    assert example.context == "rent | 3\n\nRent rose."
    assert example.messages[-1]["content"] == f"Give a number.\n\n{example.context}\n\nQuestion: how much?"
    assert example.text == f"{example.context}\n\nhow much?"
    assert (example.completion, example.reference) == ("3", 3.0)


def test_a_question_may_stand_alone() -> None:
    example = QA.example(row(context="", table=None), 0, task="t", id="train/0")
    assert (example.context, example.text) == ("", "how much?")


def test_yes_and_no_are_written_as_words_and_compared_as_numbers() -> None:
    example = QA.example(row(answer="yes"), 0, task="t", id="train/0")
    assert (example.completion, example.reference) == ("yes", 1.0)
    assert [QA.parse(text) for text in ("yes", "No.", "it is 4%", "who knows")] == [1.0, 0.0, 4.0, None]


@pytest.mark.parametrize("answer", [None, "", float("nan")])
def test_rows_without_answer_yield_nothing(answer: Any) -> None:
    assert QA.parts(row(answer=answer)) == 0
    assert QA.parts(row(answer=0)) == 1


def test_bad_answers_and_tables_name_the_row() -> None:
    with pytest.raises(UserError, match="wrong 'answer'"):
        QA.example(row(answer="about five"), 0, task="t", id="train/0")
    with pytest.raises(UserError, match="wrong 'table'"):
        QA.example(row(table=[1, 2]), 0, task="t", id="train/0")
    with pytest.raises(UserError, match="wrong 'question'"):
        QA.example(row(question=None), 0, task="t", id="train/0")
