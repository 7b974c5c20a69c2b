"""Tasks whose answer stands in the passage or right after it: numbers, copies, gaps, continuations."""

from __future__ import annotations

import re

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.entities import found
from tools.pretrain.instructions.lists import COMMON
from tools.pretrain.instructions.shapes import number, talk, write
from tools.pretrain.instructions.texts import Maker, Piece, Pool

_NUMBER = re.compile(
    r"(?<![\w.,$€£/-])\d{1,3}(?:,\d{3})+(?![\w,/-])|(?<![\w.,$€£/-])\d+(?:\.\d+)?(?![\w,/-]|\.\d)"
)


def lookup(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """The number that stands before a word of the text."""
    pairs = re.findall(rf"({_NUMBER.pattern}) ([a-z]{{3,}})\b", piece.text)
    words = [word for _, word in pairs]
    unique = [(value, word) for value, word in pairs if words.count(word) == 1 and word not in COMMON]
    if not unique:
        return None
    value, word = draw.one(unique)
    question = draw.one((
        f"Which number stands before \"{word}\"?",
        *((f"How many {word}?", f"What number of {word} is named?") if word.endswith("s") else ()),
    ))  # fmt: skip
    return number(draw, question, value, piece.text)


def only(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """The only percentage, amount, date or year of the text."""
    kinds = [
        kind
        for kind in ("percent", "amount", "date", "year", "company")
        if len(found(piece.text, [kind])) == 1
    ]
    if not kinds:
        return None
    kind = draw.one(kinds)
    words = {"percent": "percentage", "amount": "amount of money", "company": "organisation"}.get(kind, kind)
    asked = draw.one((f"Which {words} is named?", f"Find the {words}.", f"What {words} does the text give?",
                      f"Copy the {words} from the text.", f"{words.capitalize()}?"))  # fmt: skip
    return write(draw, asked, piece.text, found(piece.text, [kind])[0][1])


def how_many(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """Count the sentences or lines, where they are few."""
    count = len(piece.sentences)
    what = "lines" if piece.dialogue else "sentences"
    if count > 6 or draw.chance(0.5):
        return None
    return number(draw, draw.one((f"How many {what} are these?", f"Count the {what}.")), count, piece.text)


def copy(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """The first, second or last sentence as it stands."""
    if len(piece.sentences) < 2:
        return None
    which, place = draw.one((("first", 0), ("last", -1), ("second", 1)))
    what = "line" if piece.dialogue else "sentence"
    asked = draw.one((f"Copy the {which} {what}.", f"What is the {which} {what}?", f"Give me the {which} {what}.",
                      f"Repeat the {which} {what} word for word.", f"{which.capitalize()} {what} only."))  # fmt: skip
    return write(draw, asked, piece.text, piece.sentences[place])


def gap(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """A sentence of the text again, with a span of it left out: the span is the answer."""
    sentence = draw.one(piece.sentences)
    words = sentence.split()
    if not 6 <= len(words) <= 30:
        return None
    size = draw.between(1, 3)
    start = draw.below(len(words) - size)
    answer = " ".join(words[start : start + size])
    asked = " ".join([*words[:start], "___", *words[start + size :]])
    instruction = draw.one(("Complete the last line from the text.", "What stands at ___ in the text?",
                            "Find the missing words in the text.", "Use the text to fill the gap."))  # fmt: skip
    return write(draw, instruction, f"{piece.text}\n\n{asked}", answer)


def entitle(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """The title or heading, without options; only where its words stand in the text."""
    name = piece.heading if piece.source == "company_profiles" else piece.title or piece.heading
    words = [word for word in re.findall(r"\w+", name.casefold()) if len(word) > 3]
    if (
        not words
        or sum(word in piece.text.casefold() for word in words) < 0.6 * len(words)
        or len(piece.text) < 60
    ):
        return None
    asked = draw.one(("Give this text a title.", "Write a headline.", "What is this about? Answer as a title.",
                      "Name the subject.", "Find a heading for the passage.", "Title?"))  # fmt: skip
    return write(draw, asked, piece.text, name)


def go_on(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """The sentence that follows."""
    if not piece.after or piece.dialogue or len(piece.after) > 300:
        return None
    asked = draw.one(("Continue the text.", "Write the next sentence.", "Go on from here.", "What comes next?",
                      "Add one sentence."))  # fmt: skip
    return write(draw, asked, piece.text, piece.after)


def repeated(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """The content word that stands most often, where there is one."""
    words = [w for w in re.findall(r"[a-z]{4,}", piece.text.lower()) if w not in COMMON]
    ranked = sorted({(words.count(word), word) for word in words}, reverse=True)
    if len(ranked) < 2 or ranked[0][0] < 2 or ranked[0][0] == ranked[1][0]:
        return None
    asked = draw.one(("Which word is used most here?", "What is the key word?", "Keyword of the text?",
                      "Name the word that comes up most often."))  # fmt: skip
    return write(draw, asked, piece.text, ranked[0][1])


def chat(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """A dialogue as one: the customer is the user, the answer is the assistant's next turn."""
    turns = [turn.partition(": ") for turn in (*piece.sentences, piece.after) if turn]
    messages = [
        {"role": "user" if who == "Customer" else "assistant", "content": words} for who, _, words in turns
    ]
    messages = messages[messages[0]["role"] == "assistant" :] if piece.dialogue else []
    messages = messages[: len(messages) // 2 * 2]
    roles = [message["role"] for message in messages]
    return talk(draw, messages) if roles and roles == ["user", "assistant"] * (len(roles) // 2) else None


MAKERS: tuple[tuple[Maker, float], ...] = (
    (lookup, 2.0), (only, 1.5), (how_many, 0.3), (copy, 1.0), (gap, 1.5), (entitle, 1.0), (go_on, 1.0), (repeated, 0.7),
    (chat, 4.0),
)  # fmt: skip
