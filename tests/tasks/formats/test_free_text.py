from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats.free_text import Alpaca, Messages, PromptCompletion, ShareGPT

PROMPTS = PromptCompletion({"prompt": "prompt", "completion": "completion"}, "rouge_l")
ALPACA = Alpaca({"instruction": "instruction", "input": "input", "output": "output"}, "rouge_l")
MESSAGES = Messages({"messages": "messages"}, "rouge_l")
SHAREGPT = ShareGPT({"conversations": "conversations"}, "rouge_l")


def turn(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_prompt_and_completion() -> None:
    example = PROMPTS.example({"prompt": "Hi ", "completion": " Hello!"}, 0, task="t", id="train/0")
    assert example.messages == (turn("user", "Hi"),)
    assert (example.completion, example.reference, example.text) == ("Hello!", "Hello!", "Hi")


def test_an_instruction_or_a_rewording_stands_before_the_prompt() -> None:
    told = PromptCompletion(PROMPTS.columns, "rouge_l", (), "Title it.")
    row = {"prompt": "Hi", "completion": "Hello"}
    assert told.example(row, 0, task="t", id="train/0").messages[0]["content"] == "Title it.\n\nHi"
    other = told.example(row, 0, task="t", id="train/0", instruction="Name it.")
    assert (other.messages[0]["content"], other.text) == ("Name it.\n\nHi", "Hi")


def test_numbers_in_free_text_are_compared_as_numbers() -> None:
    sums = PromptCompletion(PROMPTS.columns, "numeric_match")
    example = sums.example(
        {"prompt": "4 + 6?", "completion": "4 + 6 = 10\n#### 10"}, 0, task="t", id="train/0"
    )
    assert (example.completion, example.reference) == ("4 + 6 = 10\n#### 10", 10.0)
    assert (sums.parse("I say 9"), sums.parse("I say nine")) == (9.0, None)
    with pytest.raises(UserError, match="wrong 'completion'"):
        sums.example({"prompt": "4 + 6?", "completion": "ten"}, 0, task="t", id="train/0")


def test_free_text_parses_to_itself() -> None:
    assert (PROMPTS.parse(" Hello \n"), PROMPTS.parse(" \n")) == ("Hello", None)


def test_alpaca_input_follows_and_may_be_shortened() -> None:
    row = {"instruction": "Sum up.", "input": "A long text.", "output": "Text."}
    example = ALPACA.example(row, 0, task="t", id="train/0")
    assert (example.text, example.context) == ("Sum up.\n\nA long text.", "A long text.")
    bare = ALPACA.example({"instruction": "Hi", "input": None, "output": "Hello"}, 0, task="t", id="train/0")
    assert (bare.text, bare.context) == ("Hi", "")


def test_messages_end_at_the_last_answer() -> None:
    chat = [turn("system", "Be kind."), turn("user", "Hi"), turn("assistant", "Hello"), turn("user", "Bye")]
    example = MESSAGES.example({"messages": chat}, 0, task="t", id="train/0")
    assert example.messages == (turn("system", "Be kind."), turn("user", "Hi"))
    assert (example.completion, example.text) == ("Hello", "Hi")


def test_a_rewording_goes_to_the_first_user_turn() -> None:
    chat = [
        turn("system", "s"),
        turn("user", "a"),
        turn("assistant", "b"),
        turn("user", "c"),
        turn("assistant", "d"),
    ]
    example = MESSAGES.example({"messages": chat}, 0, task="t", id="train/0", instruction="Please.")
    assert [message["content"] for message in example.messages] == ["s", "Please.\n\na", "b", "c"]
    assert example.text == "c"


def test_sharegpt_speaks_of_humans() -> None:
    chat = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    example = SHAREGPT.example({"conversations": chat}, 0, task="t", id="train/0")
    assert (example.messages, example.completion) == ((turn("user", "Hi"),), "Hello")


@pytest.mark.parametrize(
    "chat",
    [
        None,
        [],
        "Hi",
        [turn("user", "Hi")],
        [turn("assistant", "Hello")],
        [turn("user", "Hi"), turn("tool", "{}"), turn("assistant", "Hello")],
        [turn("user", "Hi"), turn("assistant", None)],
        [turn("user", "Hi"), turn("assistant", " ")],
        [turn("system", "Hi"), turn("assistant", "Hello")],
        ["Hi", "Hello"],
    ],
)
def test_bad_chats_name_the_row(chat: Any) -> None:
    with pytest.raises(UserError, match=r"row 1 of train .*wrong 'messages'"):
        MESSAGES.example({"messages": chat}, 0, task="t", id="train/0")


def test_empty_fields_name_the_row() -> None:
    with pytest.raises(UserError, match="wrong 'completion'"):
        PROMPTS.example({"prompt": "Hi", "completion": ""}, 0, task="t", id="train/0")
    with pytest.raises(UserError, match="wrong 'instruction'"):
        ALPACA.example({"instruction": "", "output": "x"}, 0, task="t", id="train/0")
