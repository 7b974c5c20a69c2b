from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mixologist.model.base import read_tokenizer
from mixologist.records import Example
from mixologist.tasks import encoding
from mixologist.tasks.encoding import PLAIN_TEMPLATE, EncodedSplit, Encoder


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return read_tokenizer("builtin")


def example(text: str = "gold falls", context: str = "", completion: str = "negative") -> Example:
    content = f"Classify.\n\n{context}{text}"
    return Example(
        "t", "train/0", ({"role": "user", "content": content},), completion, text, completion, context
    )


def test_prompt_and_completion_follow_the_template(tokenizer: Any) -> None:
    encoded = Encoder(tokenizer, 100).encode(example())
    assert encoded is not None
    assert tokenizer.decode(encoded.prompt) == "<|user|>Classify.\n\ngold falls<|end|><|assistant|>"
    assert tokenizer.decode(encoded.completion) == "negative<|end|>"
    first, last = encoded.turn
    assert tokenizer.decode(encoded.prompt[first:last]) == "Classify.\n\ngold falls"


def test_the_turn_is_the_last_user_message_even_where_the_text_stood_before(tokenizer: Any) -> None:
    turns = [
        {"role": "user", "content": "yes"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "yes"},
    ]
    encoded = Encoder(tokenizer, 100).prompt(turns)
    first, last = encoded.turn
    assert tokenizer.decode(encoded.prompt[first:last]) == "yes"
    assert first > len(encoded.prompt) - 5


def test_the_context_is_shortened_and_never_the_answer_or_the_question(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer, 60)
    long = example(
        context="the report says a great deal about many things. " * 30,
        completion="a long answer of several words",
    )
    encoded = encoder.encode(long)
    assert encoded is not None
    assert encoded.shortened
    assert 50 < len(encoded.prompt) + len(encoded.completion) <= 60
    assert tokenizer.decode(encoded.completion) == "a long answer of several words<|end|>"
    assert "gold falls" in tokenizer.decode(encoded.prompt)
    assert tokenizer.decode(encoded.prompt).endswith("<|end|><|assistant|>")


@pytest.mark.parametrize("message", ["start", "assistant", "end", "s"])
def test_the_turn_is_not_what_the_template_writes_behind_the_message(tokenizer: Any, message: str) -> None:
    encoded = Encoder(tokenizer, 100).prompt([{"role": "user", "content": message}])
    alone = Encoder(tokenizer, 100).prompt([{"role": "user", "content": "a message of its own"}])
    assert encoded.turn[0] == alone.turn[0]


def test_without_a_context_the_oldest_turns_go_first(tokenizer: Any) -> None:
    history: list[dict[str, str]] = []
    for number in range(20):
        history += [
            {"role": "user", "content": f"question {number}"},
            {"role": "assistant", "content": "an answer"},
        ]
    last = replace(example(), messages=(*history, {"role": "user", "content": "the last"}))
    encoded = Encoder(tokenizer, 200).fit(last, 40)
    assert encoded is not None
    text = tokenizer.decode(encoded.prompt)
    assert "the last" in text
    assert "question 19" in text
    assert "question 0" not in text


def test_a_row_whose_answer_leaves_no_room_is_dropped_and_counted(tokenizer: Any) -> None:
    examples = [example(), example(completion="word " * 200), example(context="x y z " * 100)]
    split = EncodedSplit(examples, Encoder(tokenizer, 64))
    assert (len(split), split.dropped, split.shortened) == (2, 1, 1)
    assert split.tokens == sum(len(e.prompt) + len(e.completion) for e in split)
    assert split.completion_tokens == sum(len(e.completion) for e in split)
    assert 60 <= split.longest <= 64


def test_of_a_large_split_a_sample_is_measured(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [
        example(text=f"number {n}", completion="word " * (200 if n % 5 == 4 else 1)) for n in range(400)
    ]
    whole = EncodedSplit(examples, Encoder(tokenizer, 64))
    monkeypatch.setattr(encoding, "MEASURED", 99)
    advanced: list[int] = []
    split = EncodedSplit(examples, Encoder(tokenizer, 64), advanced.append)
    assert (len(split), split.exact, sum(advanced)) == (400, False, 99)
    assert split.dropped == pytest.approx(80, abs=25)
    assert split.tokens == pytest.approx(whole.tokens, rel=0.1)
    assert split[4] == split[5] == whole[4]  # row 4 does not fit, row 5 does
    assert split[399] == split[0]


def test_a_base_without_template_gets_the_plain_one(tokenizer: Any) -> None:
    plain = read_tokenizer("builtin")
    plain.chat_template = None
    encoder = Encoder(plain, 100)
    encoded = encoder.encode(example())
    assert encoded is not None
    assert plain.decode(encoded.prompt) == "<|endoftext|>### User:\nClassify.\n\ngold falls\n### Assistant:\n"
    assert plain.decode(encoded.completion) == "negative<|endoftext|>"
    assert "assistant" in PLAIN_TEMPLATE
    assert plain.eos_token_id in encoder.end_ids


def test_a_long_system_message_and_odd_orders_of_turns_still_give_a_prompt(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer, 200)
    system = {"role": "system", "content": "rules " * 300}
    answer = {"role": "assistant", "content": "long " * 200}
    question = {"role": "user", "content": "what now"}
    for messages in (
        [system, question],
        [answer, question],
        [question, answer, answer, question],
        [system, answer, question],
    ):
        encoded = encoder.fit(replace(example(), messages=tuple(messages)), 60)
        assert encoded is not None
        assert len(encoded.prompt) <= 60
        assert "what now" in tokenizer.decode(encoded.prompt)


def test_evidence_that_was_cut_away_is_counted(tokenizer: Any) -> None:
    filler = " ".join(f"Filler number {n} tells nothing." for n in range(60))
    context = f"The start. {filler} Reverse engineering is forbidden. {filler}\n"
    asked = example(text="May I reverse engineer it?", context=context)
    kept = replace(asked, evidence=("Reverse engineering  is\nforbidden.",))
    gone = replace(asked, evidence=("Filler number 41 tells nothing.",))
    strange = replace(asked, evidence=("It never stood there.",))
    split = EncodedSplit([kept, gone, strange], Encoder(tokenizer, 200))
    assert [one.lost for one in split] == [False, True, False]
    assert (split.shortened, split.lost) == (3, 1)
    assert not Encoder(tokenizer, 5000).encode(gone).lost  # type: ignore[union-attr]
