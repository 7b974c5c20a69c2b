"""Choices by a rule that the instruction states, and by words of the passage: its topic, its tone."""

from __future__ import annotations

import re
from collections.abc import Callable

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.lists import BAD, COMMON, GOOD, TELLING, cased, codes, topic_names
from tools.pretrain.instructions.market import DIRECTIONS, JUDGEMENTS
from tools.pretrain.instructions.pairs import verdict
from tools.pretrain.instructions.passages import several
from tools.pretrain.instructions.shapes import choose, number, write
from tools.pretrain.instructions.texts import Maker, Piece, Pool

Test = Callable[[str], bool]

PLAIN = ["negative", "neutral", "positive"]
"""The names that need not be listed."""

RULES: tuple[tuple[str, str, Test], ...] = (
    ("the text has a number in it", "there is a number", lambda text: bool(re.search(r"\d", text))),
    ("the text names a year", "a year is named", lambda text: bool(re.search(r"\b(1[5-9]|20)\d\d\b", text))),
    ("there is a question in it", "something is asked", lambda text: "?" in text),
    ("somebody is quoted", "there are quotation marks", lambda text: '"' in text),
    ("the text has more than 25 words", "it is longer than 25 words", lambda text: len(text.split()) > 25),
    ("money is named", "an amount of money stands in it", lambda text: bool(re.search(r"[$€£] ?\d", text))),
    ("a percentage is given", "a share in percent is given", lambda text: bool(re.search(r"\d ?(%|percent)", text))),
    ("the writer says I or we", "it speaks of I or we", lambda text: bool(re.search(r"\b(I|[Ww]e)\b", text))),
    ("a man is spoken of as he", "the word he occurs", lambda text: bool(re.search(r"\b[Hh]e\b", text))),
    ("a duty is stated", "shall or must occurs", lambda text: bool(re.search(r"\b(shall|must)\b", text))),
    ("something is denied with not", "the word not occurs", lambda text: bool(re.search(r"\b[Nn]ot\b|n't\b", text))),
)  # fmt: skip


def rule(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """Two codes, and what each stands for; or yes and no."""
    long, short, test = draw.one(RULES)
    true = test(piece.text)
    if not true and draw.chance(0.45):
        return None  # most rules fail more often than they hold
    said = draw.one((long, short))
    if draw.chance(0.3):
        asked = draw.one((f"Is it so that {said}?", f"True or not: {said}?", f"Check: {said}."))
        return verdict(draw, piece.text, true, asked)
    yes, no = codes(draw, 2)
    asked = draw.one((
        f"Answer {yes} if {said}, {no} otherwise.", f"Write {no} unless {said}; then write {yes}.",
        f"{yes} means that {said}; {no} means that it is not so.", f"If {said}: {yes}. If not: {no}.",
    ))  # fmt: skip
    return choose(draw, piece.text, yes if true else no, (yes, no), asked)


def word(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Which code the word that occurs stands for."""
    own = sorted(set(re.findall(r"\b[a-z]{4,}\b", piece.text)) - COMMON)
    others = pool.others(draw, piece, 4)
    wrong = sorted(
        {w for o in others for w in re.findall(r"\b[a-z]{5,}\b", o.text) if w not in piece.text} - COMMON
    )
    if not own or len(wrong) < 6:
        return None
    words = [draw.one(own), *draw.some(wrong, draw.between(1, 5))]
    names = codes(draw, len(words))
    order = draw.some(range(len(words)), len(words))
    rules = draw.one(("; ", ", ")).join(f'{names[i]} for "{words[i]}"' for i in order)
    asked = draw.one(
        (f"Which word occurs? Say {rules}.", f"Answer {rules}, whichever word stands in the text.")
    )
    return choose(draw, piece.text, names[0], names, asked)


def topic(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """The topic whose words stand in the text, where there is only one such topic."""
    low = set(re.findall(r"[a-z]+", piece.text.lower()))
    hits = {name: len(low & words) for name, words in TELLING.items()}
    ranked = sorted(hits, key=lambda name: -hits[name])
    if hits[ranked[0]] < 2 or hits[ranked[1]] > hits[ranked[0]] - 2:
        return None
    clear = [name for name in ranked[1:] if hits[name] == 0]
    return _by_topic(draw, piece.text, ranked[0], draw.some(clear, several(draw)))


def _by_topic(draw: Draw, text: str, right: str, wrong: list[str]) -> Example | None:
    labels = topic_names(draw, [right, *wrong])
    asked = draw.one((
        "What is the topic?", "Which subject is this on?", "Sort the text by subject.", "Theme:", "Tag?",
        "What does this deal with?", "Which department would read this?", "Give the text a category.",
    ))  # fmt: skip
    return choose(draw, text, labels[0], labels, asked, clear=True)


def tone(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """Good or bad by the words of the text, neutral where there are none of either."""
    if piece.dialogue or len(piece.sentences) > 2:
        return None
    low = re.findall(r"[a-z]+", piece.text.lower())
    good, bad = sum(w in GOOD for w in low), sum(w in BAD for w in low)
    turned = (good and bad) or {"not", "no", "never", "without", "but"} & set(low)
    if turned or (not good and not bad and draw.chance(0.75)):
        return None
    labels = cased(draw, draw.one(JUDGEMENTS if draw.chance(0.85) else DIRECTIONS[-1:]))
    asked = draw.one((
        "What is the tone?", "Sentiment of the passage?", "Is this rather good or bad?", "How does the text sound?",
        "Judge the mood.", "Does this report something good or something bad?",
    ))  # fmt: skip
    return choose(
        draw,
        piece.text,
        labels[2 if good else 0 if bad else 1],
        labels,
        asked,
        clear=True,
        known=labels == PLAIN,
    )


def nth(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """A word of the first sentence by its place, or how often a word occurs."""
    words = re.findall(r"[\w'-]+", piece.sentences[0])
    if not 4 <= len(words) <= 14 or piece.dialogue:
        return None
    if draw.chance(0.3):
        chosen = draw.one(words)
        count = [w.lower() for w in words].count(chosen.lower())
        return number(draw, f'How often does "{chosen}" occur?', count, piece.sentences[0])
    which, place = draw.one((("first", 0), ("second", 1), ("third", 2), ("last", -1)))
    asked = draw.one((f"What is the {which} word?", f"Copy the {which} word."))
    return write(draw, asked, piece.sentences[0], words[place])


def after(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """The word after a word that occurs once."""
    words = piece.text.split()
    once = [i for i, w in enumerate(words[:-1]) if w.isalpha() and words.count(w) == 1]
    places = [i for i in once if words[i + 1].strip('.,;:"()')]
    if not places:
        return None
    place = draw.one(places)
    asked = draw.one((f'Which word comes after "{words[place]}"?', f'What follows "{words[place]}"?'))
    return write(draw, asked, piece.text, words[place + 1].strip('.,;:"()'))


MAKERS: tuple[tuple[Maker, float], ...] = (
    (rule, 2.0), (word, 1.0), (topic, 9.0), (tone, 6.0), (nth, 0.6), (after, 0.7),
)  # fmt: skip
