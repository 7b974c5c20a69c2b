"""From messages to token ids with the base's own chat template: prompt, completion, and where the last turn lies.

Prompt and completion are tokenised apart, as they are when the model answers, so that no token straddles the border.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.errors import UserError
from mixologist.records import Example, Message
from mixologist.tasks.passages import Shorten, shortener

PLAIN_TEMPLATE = (
    "{{ bos_token if bos_token is defined and bos_token else '' }}"
    "{% for m in messages %}{{ '### ' + m['role'] | capitalize + ':\n' + m['content'] }}"
    "{{ eos_token + '\n' if m['role'] == 'assistant' else '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Assistant:\n' }}{% endif %}"
)
"""For a base without a chat template of its own."""

PROBE = "probe-text"
SHORTEST_PROMPT = 8
"""Tokens of a prompt below which nothing sensible is left."""


MEASURED = 20_000
"""Examples of a split whose lengths are measured, a few seconds' work."""

Advance = Callable[[int], None]


def silent(count: int) -> None:
    """The `Advance` of those who show no progress."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the lowest ``blocks`` blocks of a base make of tokens: (tokens, d), bfloat16 as the int16 of its bits."""

    blocks: int
    states: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example. ``turn`` is the range of prompt tokens that holds the last user message."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    turn: tuple[int, int]
    shortened: bool = False
    lost: bool = False
    """Whether some of the answer's evidence was cut away."""
    hidden: Hidden | None = None
    """Of prompt and completion, where the trunk's work is stored (`model.trunk_cache`)."""


class Encoder:
    """A tokenizer with its chat template and a longest length (prompt + completion, in tokens)."""

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self._closing, self._before, self._after = self._frame()

    def with_length(self, max_length: int | None) -> Encoder:
        """The same encoder with another longest length."""
        return (
            self if max_length in (None, self.max_length) else Encoder(self.tokenizer, int(max_length or 0))
        )

    @property
    def end_ids(self) -> tuple[int, ...]:
        """Tokens at which an answer ends."""
        ids = {self.tokenizer.eos_token_id, *self._ids(self._after)[:1]}
        return tuple(sorted(i for i in ids if i is not None))

    def completion(self, text: str) -> tuple[int, ...]:
        """An answer as the template writes it, its end token included."""
        return tuple(self._ids(self._before + text + self._after))

    def prompt(self, messages: Sequence[Message]) -> Encoded:
        """A prompt that ends where the assistant's answer begins."""
        rendered = self._render(messages, add_generation_prompt=True)
        encoding = self.tokenizer(rendered, add_special_tokens=False, return_offsets_mapping=True)
        content = messages[-1]["content"].strip()
        # Not in what the template writes behind it: a message of "start" stands in many an "<|im_start|>assistant".
        begin = rendered.rfind(content, 0, len(rendered.removesuffix(self._closing)))
        end = begin + len(content) if begin >= 0 else len(rendered)
        inside = [i for i, (a, b) in enumerate(encoding["offset_mapping"]) if b > max(begin, 0) and a < end]
        turn = (inside[0], inside[-1] + 1) if inside else (0, len(encoding["input_ids"]))
        return Encoded(tuple(encoding["input_ids"]), (), turn)

    def encode(self, example: Example) -> Encoded | None:
        """Prompt and completion within ``max_length``; the context is shortened, never the answer.

        None: the answer alone leaves no room for a prompt, so that there is nothing to learn from.
        """
        completion = self.completion(example.completion)
        fitted = self.fit(example, self.max_length - len(completion))
        return None if fitted is None else replace(fitted, completion=completion)

    def fit(self, example: Example, room: int) -> Encoded | None:
        """Its prompt in at most ``room`` tokens: shorten the context, drop the oldest turns, cut the last message.

        Of a context those passages stay that have most to do with the question (`passages`), of a message its start.
        Where that is not enough, the system message goes too. None: not even an empty message fits.
        """
        whole = self.prompt(example.messages)
        if len(whole.prompt) <= room:
            return whole
        if room < SHORTEST_PROMPT:
            return None
        for remaining, text in _what_to_cut(example.messages, example.context):
            if kept := self._cut(remaining, text, shortener(text, example), room):
                encoded, left = kept
                return replace(encoded, shortened=True, lost=_lost(example, left))
        return None

    def _cut(
        self, messages: Sequence[Message], text: str, shorten: Shorten, room: int
    ) -> tuple[Encoded, Sequence[Message]] | None:
        """Keep as many characters of ``text`` as fit; None where not even its absence helps."""
        left, short = messages, text
        while len((encoded := self.prompt(left)).prompt) > room:
            if not short:
                return None
            over = len(encoded.prompt) - room
            characters = max(1.0, sum(len(message["content"]) for message in left) / len(encoded.prompt))
            short = shorten(len(short) - max(1, int(over * characters)))
            left = _replace(messages, text, short)
        return encoded, left

    def _frame(self) -> tuple[str, str, str]:
        """What the template writes after a question, before an answer to it, and after that, found by asking it."""
        asked = [{"role": "user", "content": PROBE}]
        prompt = self._render(asked, add_generation_prompt=True)
        full = self._render([*asked, {"role": "assistant", "content": PROBE}], add_generation_prompt=False)
        before, _, after = full[len(prompt) :].partition(PROBE) if full.startswith(prompt) else ("", "", "")
        return prompt.rpartition(PROBE)[2], before, after.rstrip() or str(self.tokenizer.eos_token)

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        template = None if self.tokenizer.chat_template else PLAIN_TEMPLATE
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    list(messages),
                    chat_template=template,
                    tokenize=False,
                    add_generation_prompt=add_generation_prompt,
                )
            )
        except Exception as error:  # a template may raise anything
            raise UserError(
                "the base's chat template refuses a conversation",
                given=f"roles {[message['role'] for message in messages]}: {error}",
                expected="roles that the template knows, in the order it wants",
                do="leave out system messages, or give the base another chat template",
            ) from error

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


class EncodedSplit(Sequence[Encoded]):
    """A split as token ids, made anew at each access; only the lengths are held (8 bytes a row).

    Rows whose answer alone does not fit are left out (``dropped``); ``shortened`` counts those whose context was cut,
    ``lost`` those among them that lack evidence of their answer.
    Of a split of more than `MEASURED` examples a random sample is measured, and counts are estimates from it: a million
    rows would take minutes. A row of the split that does not fit then stands for the next one that does.
    """

    def __init__(self, examples: Sequence[Example], encoder: Encoder, advance: Advance = silent) -> None:
        self._examples = examples
        self._encoder = encoder
        self.exact = len(examples) <= MEASURED
        """Whether every row was measured."""
        measured = np.arange(len(examples))
        if not self.exact:
            measured = np.sort(seeds.generator(0, "measured").choice(measured, MEASURED, replace=False))
        kept, lengths, shortened, lost = [], [], 0, 0
        for number in measured.tolist():
            encoded = encoder.encode(examples[number])
            advance(1)
            if encoded is not None:
                kept.append(number)
                lengths.append((len(encoded.prompt), len(encoded.completion)))
                shortened += encoded.shortened
                lost += encoded.lost
        self._lengths = np.array(lengths, dtype=np.int32).reshape(-1, 2)  # (measured, 2): prompt, completion
        self._scale = len(examples) / max(1, len(measured))
        self._kept = np.array(kept, dtype=np.int64) if self.exact or not kept else np.arange(len(examples))
        self.shortened = round(shortened * self._scale)
        self.lost = round(lost * self._scale)
        self.dropped = round((len(measured) - len(kept)) * self._scale)

    @property
    def tokens(self) -> int:
        """Prompts and completions of all rows together."""
        return round(float(self._lengths.sum()) * self._scale)

    @property
    def completion_tokens(self) -> int:
        """Completions of all rows together."""
        return round(float(self._lengths[:, 1].sum()) * self._scale)

    @property
    def longest(self) -> int:
        """Tokens of the longest row measured."""
        return int(self._lengths.sum(1).max(initial=0))

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Encoded: ...
    @overload
    def __getitem__(self, index: slice) -> list[Encoded]: ...
    def __getitem__(self, index: int | slice) -> Encoded | list[Encoded]:
        """The ids of a row (or of several)."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        for number in itertools.chain(self._kept[index:], self._kept):
            encoded = self._encoder.encode(self._examples[int(number)])
            if encoded is not None:
                return encoded
        raise IndexError(index)


def _what_to_cut(messages: Sequence[Message], context: str) -> list[tuple[Sequence[Message], str]]:
    """Ever harder cuts: (messages to start from, text in them to shorten)."""
    steps: list[tuple[Sequence[Message], str]] = [(messages, context)] if context else []
    system = [message for message in messages[:1] if message["role"] == "system"]
    turns = list(messages[len(system) :])
    while len(turns) > 1:
        turns = turns[1:]
        while len(turns) > 1 and turns[0]["role"] != "user":
            turns = turns[1:]
        steps.append(([*system, *turns], context))
    last = turns[-1]["content"]
    return [*steps, ([*system, *turns], last), (turns, last)]


def _replace(messages: Sequence[Message], old: str, new: str) -> list[Message]:
    """The messages with one text put in place of another (a context stands once, in any message)."""
    return [{**message, "content": message["content"].replace(old, new, 1)} for message in messages]


def _lost(example: Example, left: Sequence[Message]) -> bool:
    """Whether evidence that stood in its messages does so no more."""
    before, after = (
        _one_line(*(message["content"] for message in some)) for some in (example.messages, left)
    )
    return any(text in before and text not in after for text in map(_one_line, example.evidence))


def _one_line(*texts: str) -> str:
    return " ".join(" ".join(texts).split())
