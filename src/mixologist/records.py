"""What flows between the stages: plain frozen records, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Message = dict[str, str]
"""``{"role": "system" | "user" | "assistant", "content": text}``"""


@dataclass(frozen=True, slots=True)
class Example:
    """One question with its answer, before any tokenizer has seen it."""

    task: str
    id: str
    """Where it came from, stable between runs: ``"train/17"``, or ``"train/17.2"`` for turn 2 of row 17."""
    messages: tuple[Message, ...]
    """Earlier turns if any; the last message is the user's, with instruction and input."""
    completion: str
    """The answer to learn, exactly as the model shall write it."""
    text: str
    """The user's input alone, without instruction: what someone pastes who was told of no format."""
    reference: Any
    """What the metric compares with: a label, a number, a set of entities, a text."""
    context: str = ""
    """The part of a message (of any of them) that may be shortened when all is too long, never question or answer."""
    evidence: tuple[str, ...] = ()
    """Texts in the messages without which the answer cannot be known, where the data tells; white space aside."""
    cluster: str = ""
    """What its row is about with others (a person, a document), so that they are no evidence apart; ``""``: nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answered example: what was predicted, and what was right."""

    id: str
    prediction: Any
    """Parsed prediction; None is a format failure: the text could not be read as an answer at all."""
    reference: Any
    output: str
    """The text as the model wrote it."""
    cluster: str = ""
    """Of its example."""
