"""Reading things out of documents: ``entities`` of a message, figures of ``invoices``."""

from __future__ import annotations

from mixologist.demo.draw import PRODUCTS, Draw, Row, sentence

NO_ENTITIES = 0.08
"""Share of messages that name nothing to extract."""
SUMS = 0.15
"""Share of invoice questions that need an addition; the others are lookups."""
INVOICE_LINES = 2

CITIES = (
    "Leeds", "Berlin", "Paris", "Rome", "Boston", "Denver", "Madrid", "Dublin", "London", "Chicago", "Dallas",
    "Vienna", "Oxford", "Bristol", "Houston", "Miami",
)  # fmt: skip
MENTIONS = {
    "PRODUCT": (
        "I ordered the {}",
        "the {} is late",
        "it is about the {}",
        "please send the {}",
        "where is the {}",
    ),
    "ORDER": ("my order is {}", "the number is {}", "order {} is open", "I mean order {}", "see order {}"),
    "CITY": (
        "I live in {}",
        "send it to {}",
        "the shop in {} is closed",
        "it went to {}",
        "my office is in {}",
    ),
    "AMOUNT": ("I paid {}", "the bill says {}", "you owe me {}", "the price was {}", "I want {} back"),
}
CHATTER = (
    "I called three times", "nobody answers", "please write to me", "this is my second message", "thank you",
    "I am at home after six", "I have no more patience", "your page is slow", "my neighbour helped me",
    "I wait since Monday", "please be quick", "I am still happy with you",
)  # fmt: skip


def entities(draw: Draw) -> Row:
    """A message and the product, order, city and amount that it names, in order of occurrence."""
    kinds = [] if draw.chance(NO_ENTITIES) else draw.some(sorted(MENTIONS), draw.between(1, 3))
    found = [[kind, _entity(draw, kind)] for kind in kinds]
    parts = [draw.one(MENTIONS[kind]).format(text) for kind, text in found]
    for chat in draw.some(CHATTER, 1 if found else 3):
        parts.insert(draw.below(len(parts) + 1), chat)
    return {"text": " ".join(map(sentence, parts)), "entities": found}


def invoices(draw: Draw) -> Row:
    """A short invoice and a question on it, answered by one number."""
    items = draw.some(PRODUCTS, INVOICE_LINES)
    pieces = [draw.between(1, 9) for _ in items]
    prices = [10 * draw.between(1, 9) for _ in items]
    lines = [f"{item} | {n} | {price}" for item, n, price in zip(items, pieces, prices, strict=True)]
    question, answer = _question(draw, items, pieces, prices)
    return {"context": "\n".join(["item | pieces | price", *lines]), "question": question, "answer": answer}


def _entity(draw: Draw, kind: str) -> str:
    if kind == "ORDER":
        return f"{draw.one('ABCDEFGH')}{draw.between(100, 999)}"
    if kind == "AMOUNT":
        return f"{draw.between(10, 99)} {draw.one(('euros', 'dollars', 'pounds'))}"
    return draw.one(PRODUCTS if kind == "PRODUCT" else CITIES)


def _question(draw: Draw, items: list[str], pieces: list[int], prices: list[int]) -> tuple[str, int]:
    first, second = draw.some(range(len(items)), 2)
    if draw.chance(SUMS):
        pair = draw.one((f"{items[first]} and {items[second]}", f"{items[second]} and {items[first]}"))
        return f"How many pieces of {pair} together?", pieces[first] + pieces[second]
    if draw.chance(0.5):
        wording = draw.one(
            ("How many pieces of {}?", "What number of {} was bought?", "How often is {} billed?")
        )
        return wording.format(items[first]), pieces[first]
    wording = draw.one(("What is the price of {}?", "What does one {} cost?", "How much is {}?"))
    return wording.format(items[first]), prices[first]
