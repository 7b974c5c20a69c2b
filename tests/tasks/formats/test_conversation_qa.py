from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats.conversation_qa import ConversationQA

COLUMNS = {"questions": "questions", "answers": "executed_answers", "pre_text": "pre", "table": "table"}
QA = ConversationQA(COLUMNS, "numeric_match", (), "Numbers only.")


def row(**fields: Any) -> dict[str, Any]:
    return {
        "questions": ["sales in 2009?", "and in 2008?", "so the change?"],
        "executed_answers": [3.5, 2.0, 1.5],
        "pre": "A page.",
        "table": {"2009": {"sales": 3.5}, "2008": {"sales": 2.0}},
        **fields,
    }


def test_each_turn_is_an_example_with_the_right_answers_before_it() -> None:
    assert QA.parts(row()) == 3
    example = QA.example(row(), 2, task="t", id="train/0.2")
    assert [message["role"] for message in example.messages] == ["user", "assistant"] * 2 + ["user"]
    assert [message["content"] for message in example.messages[1:]] == [
        "3.5",
        "and in 2008?",
        "2",
        "so the change?",
    ]
    assert (example.completion, example.reference, example.text) == ("1.5", 1.5, "so the change?")


def test_the_context_stands_in_the_first_message_alone() -> None:
    first, third = (QA.example(row(), part, task="t", id=f"train/0.{part}") for part in (0, 2))
    assert first.context == third.context == "A page.\n\n| 2009 | 2008\nsales | 3.5 | 2"
    assert third.messages[0]["content"] == f"Numbers only.\n\n{first.context}\n\nQuestion: sales in 2009?"
    assert sum(third.context in message["content"] for message in third.messages) == 1
    assert first.text == f"{first.context}\n\nsales in 2009?"


def test_a_rewording_goes_to_the_first_message() -> None:
    example = QA.example(row(), 1, task="t", id="train/0.1", instruction="Digits!")
    assert example.messages[0]["content"].startswith("Digits!\n\nA page.")
    assert example.messages[-1]["content"] == "and in 2008?"


def test_the_conversation_ends_before_an_empty_answer() -> None:
    assert QA.parts(row(executed_answers=[3.5, None, 1.5])) == 1
    assert QA.parts(row(executed_answers=[None, 2.0, 1.5])) == 0


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"questions": "sales?"}, "questions"),
        ({"executed_answers": None}, "executed_answers"),
        ({"executed_answers": [1.0]}, "questions"),
        ({"questions": ["a?", "", "c?"]}, "questions"),
        ({"executed_answers": [1.0, "a lot", 2.0]}, "executed_answers"),
    ],
)
def test_bad_turns_name_the_row(fields: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=f"wrong '{what}'"):
        QA.example(row(**fields), 2, task="t", id="train/0.2")
