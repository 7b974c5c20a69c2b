"""Instruction-shaped text, all made by our own code: the text itself fixes the answers, never a public task's label.

shapes.py    examples in the package's own formats
texts.py     passages of documents
passages.py  choices on passages: kind, title, section, industry, which word is missing
pairs.py     what follows, what belongs together, what is said and what is not
entities.py  what a passage names
spans.py     numbers, copies, gaps, continuations, dialogues
rules.py     choices by a rule that the instruction states, and by words of the text
market.py    made-up statements: sentiment, direction
requests.py  made-up requests and headlines: intents, topics
free.py      what is answered in sentences: on a subject, how something is done, notes to customers
numbers.py   made-up figures and questions on them
demo.py      the demo's train rows
lists.py     word lists (words/*.yaml)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions import (
    entities,
    free,
    market,
    numbers,
    pairs,
    passages,
    requests,
    rules,
    spans,
)
from tools.pretrain.instructions.demo import demo_conversations
from tools.pretrain.instructions.shapes import Conversation, chained, conversation
from tools.pretrain.instructions.texts import Piece, Pool, pieces
from tools.pretrain.sources import Document

__all__ = ["Conversation", "conversations", "demo_conversations"]

T = TypeVar("T")

SPACING = {
    "articles_digitalgov": 900, "books_classic": 9000, "company_profiles": 800, "dialogues_sgd": 1900,
    "dialogues_taskmaster4": 900, "howto_business_central": 1100, "howto_va_benefits": 500, "openstax_ccby": 700,
    "sec_contracts": 800, "stories_african_storybook": 400, "us_presidential_addresses": 2500, "wikinews": 1100,
    "wikipedia": 3400,
}  # fmt: skip
"""Source -> characters for each passage taken: the whole corpus gives about 75 thousand."""
MADE = 0.5
"""Made-up examples for each passage."""
DEMO = 0.12
"""Rows of the demo for each passage, as long as there are any."""
CHAINED = 0.15
"""Share of passages on which two or three questions are asked in one conversation."""
TALKS = 0.06
"""Share of the made-up examples that are conversations on a table."""
SYSTEM = 0.04
"""Share of conversations with a system message."""
TRIES = 6

ON_TEXT = (*passages.MAKERS, *pairs.MAKERS, *entities.MAKERS, *spans.MAKERS, *rules.MAKERS, *free.MAKERS)
MADE_UP = (*((m, 1.2 * w) for m, w in market.MAKERS), *requests.MAKERS, *numbers.MAKERS, *free.MADE_UP)


def conversations(documents: Iterable[Document], seed: int) -> Iterator[Conversation]:
    """Questions on passages of the documents, with made-up ones and the demo's in between.

    Some hundred passages are held at a time. The same documents and seed give the same conversations.
    """
    draw, pool, demo = Draw(seed, "pretrain"), Pool(), demo_conversations(seed)
    for document in documents:
        for piece in pieces(draw, document, _many(draw, document)):
            if (asked := on_passage(draw, piece, pool)) is not None:
                yield _framed(draw, asked)
            if draw.chance(MADE):
                yield _framed(draw, made_up(draw))
            if draw.chance(DEMO) and (row := next(demo, None)):
                yield row
            pool.add(piece)


def on_passage(draw: Draw, piece: Piece, pool: Pool) -> Conversation | None:
    """One question on a passage, or several in turn; None where no maker fits."""
    wanted = draw.between(2, 3) if draw.chance(CHAINED) else 1
    found: list[Example] = []
    for _ in range(TRIES * wanted):
        example = _weighted(draw, ON_TEXT)(draw, piece, pool)
        if example is not None and (wanted == 1 or example.text == piece.text):
            found.append(example)
        if len(found) == wanted:
            break
    return chained(found, piece.text) if found else None


def made_up(draw: Draw) -> Conversation:
    """A question that needs no document."""
    if draw.chance(TALKS):
        return conversation(numbers.talk(draw)[-1])
    while True:
        example = _weighted(draw, MADE_UP)(draw)
        if example is not None:
            return conversation(example)


def _many(draw: Draw, document: Document) -> int:
    """Passages to take of a document: its length over its source's spacing, rounded by chance."""
    wanted = len(document.text) / SPACING.get(document.source, 1500)
    return int(wanted) + draw.chance(wanted % 1)


def _framed(draw: Draw, turns: Conversation) -> Conversation:
    if draw.chance(SYSTEM) and turns[0]["role"] != "system":
        return [{"role": "system", "content": draw.one(SYSTEMS)}, *turns]
    return turns


SYSTEMS = (
    "You are a helpful assistant.", "You answer briefly.", "You work for a bank and read its mail.", "Be exact.",
    "Reply with the answer alone.", "You help the service desk.", "You sort documents for a law firm.",
    "You are a careful analyst.",
)  # fmt: skip


def _weighted(draw: Draw, options: Sequence[tuple[T, float]]) -> T:
    point = draw.below(1_000_000) / 1_000_000 * sum(weight for _, weight in options)
    for option, weight in options:
        point -= weight
        if point < 0:
            return option
    return options[-1][0]
