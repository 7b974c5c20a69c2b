"""Requests that are answered in sentences: about a subject, what happened, how to do a thing, notes to customers."""

from __future__ import annotations

import re

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.lists import read
from tools.pretrain.instructions.shapes import write
from tools.pretrain.instructions.texts import Maker, Piece, Pool

_LETTERS = read("letters")
EVENTS: list[dict[str, object]] = _LETTERS["events"]
QUESTIONS: list[list[str]] = _LETTERS["questions"]
COUNTS = {
    1: ("one sentence", "a sentence"),
    2: ("two sentences", "2 sentences"),
    3: ("three sentences", "3 sentences"),
}
VERBS = (
    "add apply assign change check copy create define delete edit enter export file find get import make manage open "
    "post print record register remove report run send set start track transfer update use view work"
)
_IMPERATIVE = re.compile(rf"^(?:To |How to )?((?:{VERBS.replace(' ', '|')})\b.{{3,80}})$", re.IGNORECASE)


def about(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """A subject by its title; the answer is a passage that speaks of it, from its document's beginning mostly."""
    name = _named(piece)
    if not name or not _whole(piece):
        return None
    count = len(piece.sentences)
    asked = [f"Tell me about {name}.", f"What do you know about {name}?", f"Write about {name}.",
             f"Give me some information on {name}."]  # fmt: skip
    if count in COUNTS:
        asked += [f"Write {words} about {name}." for words in COUNTS[count]]
    if piece.source == "wikinews":
        asked = [
            f"What happened? {name}",
            f"Write a news report: {name}",
            f"Tell me the news about this: {name}",
        ]
    elif re.match(rf"(?:The |An? )?{re.escape(name)}\b.{{0,60}}\b(?:is|are|was|were)\b", piece.text):
        asked += [f"What is {name}?", f"Explain: {name}", f"{name}?"] * 2
    return write(draw, draw.one(asked), "", piece.text)


def how_to(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """A heading that says what is done; the answer is what stands below it."""
    wanted = _IMPERATIVE.match(piece.heading or piece.title)
    if not wanted or not piece.source.startswith(("howto", "articles")) or not _whole(piece):
        return None
    words = wanted[1][0].lower() + wanted[1][1:]
    asked = draw.one(
        (f"How do I {words}?", f"How can I {words}?", f"Explain how to {words}.", f"I want to {words}.")
    )
    return write(draw, asked, "", piece.text)


def retold(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """All but the first sentence, asked for by the first: a text that goes on for more than a line."""
    if len(piece.sentences) < 3 or not _whole(piece):
        return None
    asked = draw.one((
        "Continue this text with two or three sentences.", "Go on with this story.", "Write what follows.",
        "Finish the paragraph.",
    ))  # fmt: skip
    return write(draw, asked, piece.sentences[0], " ".join(piece.sentences[1:]))


def letter(draw: Draw) -> Example:
    """A note to a customer on something that happened, in as many sentences as were asked for."""
    event = draw.one(EVENTS)
    say, then = str(event["say"]), event["then"]
    assert isinstance(then, list)
    count = draw.between(1, 3)
    first = draw.one(_LETTERS["openings"]) + draw.one(_LETTERS["leads"]).format(say=say)
    rest = "".join(f" {line}" for line in draw.some(then, count - 1))
    told = first[0].upper() + first[1:] + rest
    asked = draw.one(_LETTERS["asked"])
    closing = "" if "{n}" in asked else draw.one(_LETTERS["closings"])
    return write(draw, asked.format(n=draw.one(COUNTS[count]), say=say), "", told + closing)


def answered(draw: Draw) -> Example:
    """A simple question with its answer."""
    question, answer = draw.one(QUESTIONS)
    asked = draw.one((question, question, question.lower(), f"{question} Answer in one or two sentences."))
    return write(draw, asked, "", answer)


def _whole(piece: Piece) -> bool:
    """Whether it is whole sentences of prose, and no list or clause."""
    prose = not piece.dialogue and piece.source not in ("sec_contracts", "company_profiles")
    return prose and len(piece.text) > 80 and piece.text[0].isalpha() and piece.text[-1] in '.!?"'


def _named(piece: Piece) -> str:
    """What the document is called, where the passage speaks of it; "" else."""
    name = piece.title.strip()
    words = [word for word in re.findall(r"\w+", name.casefold()) if len(word) > 3]
    known = sum(word in piece.text.casefold() for word in words)
    return name if words and 2 * known >= len(words) else ""


MAKERS: tuple[tuple[Maker, float], ...] = ((about, 14.0), (how_to, 4.0), (retold, 3.0))
MADE_UP = ((letter, 3.0), (answered, 1.5))
