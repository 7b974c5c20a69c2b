from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats import detect
from mixologist.tasks.formats.multiple_choice import MultipleChoice

COLUMNS = {name: name for name in ("question", "options", "answer", "context")}
LETTERS = ("A", "B", "C")
EXAM = MultipleChoice(COLUMNS, "accuracy", LETTERS, "Choose.")
LISTED = MultipleChoice({"listed": "input", "answer": "answer"}, "accuracy", LETTERS, "Choose.")


def row(**fields: Any) -> dict[str, Any]:
    return {"question": "How many?", "options": ["one", "two", "3"], "answer": "two", **fields}


def test_options_stand_in_lines_with_letters() -> None:
    example = EXAM.example(row(), 0, task="t", id="train/0")
    assert example.messages[0]["content"] == "Choose.\n\nHow many?\n\nA. one\nB. two\nC. 3"
    assert (example.completion, example.reference, EXAM.choices) == ("B", "B", LETTERS)


@pytest.mark.parametrize(
    ("answer", "letter"), [("two", "B"), ("B", "B"), (1, "B"), ("1", "B"), ("3", "C"), (0.0, "A"), ("A", "A")]
)
def test_the_answer_may_be_text_letter_or_index(answer: Any, letter: str) -> None:
    assert EXAM.example(row(answer=answer), 0, task="t", id="train/0").completion == letter


def test_options_may_have_names_of_their_own() -> None:
    named = {"label": ["1", "2"], "text": ["one", "two"]}
    example = EXAM.example(row(options=named, answer="2"), 0, task="t", id="train/0")
    assert example.completion == "B"
    assert example.messages[0]["content"].endswith("\n\nA. one\nB. two")
    numbered = EXAM.example(row(options=named, answer="1"), 0, task="t", id="train/0")
    assert numbered.completion == "A"


@pytest.mark.parametrize("answer", [None, "four", 3, "D", -1, ""])
def test_an_answer_that_is_no_option_names_the_row(answer: Any) -> None:
    with pytest.raises(UserError, match=r"row 1 of train .*wrong 'answer'"):
        EXAM.example(row(answer=answer), 0, task="t", id="train/0")


@pytest.mark.parametrize("options", [None, "one", ["one"], ["a", "b", "c", "d"], ["a", ""], {"text": None}])
def test_options_are_at_least_two_and_no_more_than_in_train(options: Any) -> None:
    with pytest.raises(UserError, match="wrong 'options'") as error:
        EXAM.example(row(options=options, answer=0), 0, task="t", id="train/0")
    assert error.value.expected.startswith("2 to 3 options")


def test_options_in_the_question_get_letters_and_the_rest_stays() -> None:
    text = "Which?\n\n- the first\n- the second\nThe right one is:"
    example = LISTED.example({"input": text, "answer": "the second"}, 0, task="t", id="train/0")
    assert example.text == "Which?\n\nA. the first\nB. the second\n\nThe right one is:"
    assert (example.completion, example.context) == ("B", "Which?")
    with pytest.raises(UserError, match="wrong 'input'"):
        LISTED.example({"input": "Which?\n- one", "answer": "one"}, 0, task="t", id="train/0")


def test_a_context_is_shortened_before_the_question() -> None:
    example = EXAM.example(row(context="A long story."), 0, task="t", id="train/0")
    assert example.context == "A long story."
    assert example.messages[0]["content"].startswith("Choose.\n\nA long story.\n\nHow many?")


@pytest.mark.parametrize(
    ("text", "letter"),
    [("B", "B"), (" (c)", "C"), ("b. two", "B"), ("A) one", "A"), ("D", None), ("Because", None), ("", None)],
)
def test_parse_takes_the_letter_at_the_start(text: str, letter: str | None) -> None:
    assert EXAM.parse(text) == letter


def test_there_are_as_many_letters_as_options() -> None:
    rows: dict[str, list[Any]] = {
        "options": [["x", "y"], ["x", "y", "z"], None],
        "input": ["- x\n- y", None, "none"],
    }
    assert MultipleChoice.find_labels(rows, {"options": "options"}) == LETTERS
    assert MultipleChoice.find_labels(rows, {"listed": "input"}) == ("A", "B")
    with pytest.raises(UserError, match="holds no options"):
        MultipleChoice.find_labels({"options": [["x"], "y"]}, {"options": "options"})


def test_a_question_with_options_is_more_than_a_question_with_a_number() -> None:
    assert detect(["question", "options", "answer"], {}, "t") == "multiple_choice"
    assert detect(["question", "answer"], {}, "t") == "numeric_qa"
