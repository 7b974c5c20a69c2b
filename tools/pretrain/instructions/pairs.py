"""Passages and sentences compared: what follows, what belongs together, what is said and what is not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.lists import YES_NO, cased, codes
from tools.pretrain.instructions.shapes import choose
from tools.pretrain.instructions.texts import Maker, Piece, Pool


def follows(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Whether one passage goes on where another ends."""
    others = pool.others(draw, piece, 1)
    if not piece.after or not others:
        return None
    true = draw.chance(0.5)
    second = piece.after if true else others[0].sentences[0]
    names = draw.one(("First", "Text 1", "A")), draw.one(("Second", "Text 2", "B"))
    text = f"{names[0]}: {piece.text}\n{names[1]}: {second}"
    asked = draw.one((
        "Does the second text follow the first?", "Do these two belong together?",
        "Is the second passage the continuation of the first?", "Same text or not?", "Do they speak of the same thing?",
    ))  # fmt: skip
    return verdict(draw, text, true, asked)


def following(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Which of some sentences (or replies) comes next; answered by its letter or number."""
    others = [other.sentences[0] for other in pool.others(draw, piece, draw.between(1, 4))]
    if not piece.after or not others or piece.after in others:
        return None
    options = draw.some([piece.after, *others], len(others) + 1)
    asked = draw.one((
        "Which sentence comes next?", "How does the text go on?", "Choose the right continuation.",
        "What follows?", "Pick the line that continues this.",
    ))  # fmt: skip
    return lettered(draw, piece.text, options, piece.after, asked)


def same_subject(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Which of some sentences is from the same text as the given one."""
    others = [other.sentences[-1] for other in pool.others(draw, piece, draw.between(1, 4))]
    if len(piece.sentences) < 2 or not others or piece.dialogue:
        return None
    right = piece.sentences[-1]
    options = draw.some([right, *others], len(others) + 1)
    asked = draw.one((
        "Which of the options is on the same subject as the first text?", "Which line belongs to the passage?",
        "Which option is from the same article?", "Find the sentence that goes with the text.",
    ))  # fmt: skip
    return lettered(draw, piece.sentences[0], options, right, asked)


def stranger(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Which sentence does not belong."""
    others = pool.others(draw, piece, 1)
    if len(piece.sentences) < 2 or not others:
        return None
    wrong = others[0].sentences[0]
    options = draw.some([*piece.sentences[:5], wrong], len(piece.sentences[:5]) + 1)
    asked = draw.one((
        "Which sentence does not belong to the others?", "One line is from another text. Which?",
        "Find the odd one out.", "Which of these is out of place?",
    ))  # fmt: skip
    return lettered(draw, "", options, wrong, asked) if len(set(options)) == len(options) else None


def in_text(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Whether a statement stands in the text: one of its sentences, or one with a number or name of elsewhere."""
    if piece.dialogue or len(piece.sentences) < 2:
        return None
    claim, true = draw.one(piece.sentences), draw.chance(0.5)
    if not true:
        changed = _changed(draw, claim, pool.others(draw, piece, 4))
        if changed is None or changed in piece.text:
            return None
        claim = changed
    label = draw.one(("Statement", "Claim", "Hypothesis", "Sentence"))
    asked = draw.one((
        f"Is the {label.lower()} supported by the text?", "Does the text say this?", "True according to the passage?",
        f"Does the {label.lower()} agree with the text?", f"Can the {label.lower()} be found in the passage?",
    ))  # fmt: skip
    return verdict(draw, f"{piece.text}\n{label}: {claim}", true, asked)


def verdict(draw: Draw, text: str, true: bool, asked: str) -> Example | None:
    """Yes or no, in one of many wordings, or by names that the instruction defines."""
    if draw.chance(0.25):
        yes, no = codes(draw, 2)
        return choose(draw, text, yes if true else no, (yes, no), f"{asked} Say {yes} if so, {no} if not.")
    yes, no = cased(draw, draw.one(YES_NO))
    return choose(draw, text, yes if true else no, (yes, no), asked)


def lettered(draw: Draw, text: str, options: Sequence[str], right: str, asked: str) -> Example | None:
    """A choice between long options, listed below the text under letters or numbers."""
    marks = list("ABCDEFGH" if draw.chance(0.7) else "12345678")[: len(options)]
    mark = draw.one(("{}) {}", "{}. {}", "({}) {}", "{}: {}"))
    listed = "\n".join(mark.format(m, option) for m, option in zip(marks, options, strict=True))
    body = f"{text}\n\n{listed}" if text else listed
    return choose(draw, body, marks[options.index(right)], marks, asked)


def _changed(draw: Draw, claim: str, others: Sequence[Piece]) -> str | None:
    """The claim with a number or a name (no first word) of another passage in place of its own."""
    for pattern in (r"\d[\d,.]*\d|\d", r"(?<=[a-z,] )[A-Z][a-z]{2,}"):
        own = re.findall(pattern, claim)
        foreign = sorted({found for other in others for found in re.findall(pattern, other.text)} - set(own))
        if own and foreign:
            old = draw.one(own)
            return re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", draw.one(foreign), claim, count=1)
    return None


MAKERS: tuple[tuple[Maker, float], ...] = (
    (follows, 1.0), (following, 1.2), (same_subject, 1.0), (stranger, 0.6), (in_text, 1.2),
)  # fmt: skip
