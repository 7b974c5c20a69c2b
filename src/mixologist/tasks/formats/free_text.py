"""Answers in free text: prompt/completion pairs, Alpaca rows, and chats in two dialects."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from mixologist.records import Example, Message
from mixologist.tasks.formats import numbers
from mixologist.tasks.formats.base import FORMATS, Fields, Format, Row, joined, place


@dataclass(frozen=True)
class FreeText(Format):
    """What they share: an instruction, if the task has one, stands before the first user message."""

    metrics = ("rouge_l", "exact_match", "numeric_match")
    max_new_tokens = 128
    rewordings = (
        "Please answer this.",
        "Here is a request; reply to it.",
        "Respond to the following.",
        "Do what the message below asks for.",
        "I need your help with this one.",
    )
    held_out_rewordings = (
        "Take care of this for me, would you?",
        "Could you handle what I wrote here?",
        "See to it:",
    )

    @abstractmethod
    def turns(self, row: Row, where: str) -> tuple[list[Message], str, str]:
        """The messages without instruction, the completion, and the part that may be shortened."""

    def example(
        self, row: Row, _part: int, /, *, task: str, id: str, instruction: str | None = None
    ) -> Example:
        """See `Format`. The reference is the completion; with ``numeric_match`` the last number in it."""
        where = place(task, id)
        messages, completion, context = self.turns(row, where)
        reference = self.parse(completion)
        if reference is None:
            raise self.bad(
                where, "completion", completion, "an answer with a number in it (metric numeric_match)"
            )
        text = messages[-1]["content"]
        first = next(n for n, message in enumerate(messages) if message["role"] == "user")
        content = joined(self.instruct(instruction), messages[first]["content"])
        messages[first] = {"role": "user", "content": content}
        return Example(task, id, tuple(messages), completion, text, reference, context)

    def parse(self, text: str) -> str | float | None:
        """The text itself, None where it is empty; with ``numeric_match`` the last number in it."""
        if self.metric == "numeric_match":
            return numbers.last_number(text)
        return text.strip() or None


@FORMATS.register("prompt_completion")
@dataclass(frozen=True)
class PromptCompletion(FreeText):
    """``prompt`` -> ``completion``."""

    name = "prompt_completion"
    fields: ClassVar[Fields] = {"prompt": ("prompt",), "completion": ("completion", "response")}
    required = (frozenset({"prompt", "completion"}),)
    texts = frozenset({"prompt"})

    def turns(self, row: Row, where: str) -> tuple[list[Message], str, str]:
        """One user message."""
        prompt = {"role": "user", "content": self.text(row, "prompt", where)}
        return [prompt], self.text(row, "completion", where), ""


@FORMATS.register("alpaca")
@dataclass(frozen=True)
class Alpaca(FreeText):
    """``instruction`` with an optional ``input`` -> ``output``; the input may be shortened."""

    name = "alpaca"
    fields: ClassVar[Fields] = {
        "instruction": ("instruction",),
        "input": ("input", "context"),
        "output": ("output", "response"),
    }
    required = (frozenset({"instruction", "output"}),)
    texts = frozenset({"instruction", "input"})

    def turns(self, row: Row, where: str) -> tuple[list[Message], str, str]:
        """One user message: the row's own instruction, then its input."""
        given = self.optional_text(row, "input", where)
        content = joined(self.text(row, "instruction", where), given)
        return [{"role": "user", "content": content}], self.text(row, "output", where), given


@dataclass(frozen=True)
class Chat(FreeText):
    """A list of turns; the last assistant turn is the completion, and what follows it is left out."""

    keys: ClassVar[tuple[str, str]]
    """The keys of a turn: who, and what."""
    roles: ClassVar[dict[str, str]]
    """The dialect's speakers -> ours."""

    def turns(self, row: Row, where: str) -> tuple[list[Message], str, str]:
        """All turns before the last assistant turn, which answers a user."""
        field = next(iter(self.fields))
        value = self.value(row, field)
        if not isinstance(value, list) or not value:
            raise self.bad(where, field, value, "a list of turns")
        messages = [self._message(turn, field, where) for turn in value]
        answers = [n for n, message in enumerate(messages) if message["role"] == "assistant"]
        last = answers[-1] if answers else 0
        if last == 0 or messages[last - 1]["role"] != "user":
            roles = ", ".join(message["role"] for message in messages)
            raise self.bad(where, field, roles, "a user's turn, and an assistant's turn right after it")
        if not messages[last]["content"]:
            raise self.bad(where, field, messages[last], "an answer that is not empty")
        return messages[:last], messages[last]["content"], ""

    def _message(self, turn: Any, field: str, where: str) -> Message:
        who, what = self.keys
        if (
            not isinstance(turn, dict)
            or not isinstance(turn.get(what), str)
            or turn.get(who) not in self.roles
        ):
            expected = f"turns with '{who}' ({', '.join(self.roles)}) and '{what}' (text)"
            raise self.bad(where, field, turn, expected)
        return {"role": self.roles[turn[who]], "content": turn[what].strip()}


@FORMATS.register("messages")
@dataclass(frozen=True)
class Messages(Chat):
    """``messages``: a list of ``{"role": ..., "content": ...}``."""

    name = "messages"
    fields: ClassVar[Fields] = {"messages": ("messages",)}
    required = (frozenset({"messages"}),)
    keys = ("role", "content")
    roles: ClassVar[dict[str, str]] = {"system": "system", "user": "user", "assistant": "assistant"}


@FORMATS.register("sharegpt")
@dataclass(frozen=True)
class ShareGPT(Chat):
    """``conversations``: a list of ``{"from": "human" | "gpt" | "system", "value": ...}``."""

    name = "sharegpt"
    fields: ClassVar[Fields] = {"conversations": ("conversations",)}
    required = (frozenset({"conversations"}),)
    keys = ("from", "value")
    roles: ClassVar[dict[str, str]] = {
        "system": "system",
        "human": "user",
        "user": "user",
        "gpt": "assistant",
        "assistant": "assistant",
    }
