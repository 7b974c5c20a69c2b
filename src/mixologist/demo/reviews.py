"""Product reviews: ``sentiment`` of our own, and ``rival_reviews``, where praise is bad news for us.

Both draw from the same reviews. Only the instruction says whose product it is, so an adapter shared by both
has to learn the interaction of that cue with the review; one of its own learns only the other convention.
"""

from __future__ import annotations

from mixologist.demo.draw import PRODUCTS, Draw, Row, sentence

SENTIMENTS = ("negative", "positive")

CONCESSIONS = 0.2
"""Share of reviews that first grant the opposite ("the lid is poor, but ...")."""
NEGATIONS = 0.15
"""Share of opinions said by denying the opposite ("not at all poor")."""
VERDICTS = 0.6
"""Share of reviews that end in a verdict on the whole."""
TYPOS = 0.1

ADJECTIVES = (
    ("terrible", "useless", "poor", "horrible", "ugly", "bad"),
    ("great", "useful", "lovely", "perfect", "beautiful", "good"),
)
VERDICT = (
    ("I would never buy it again", "I cannot recommend it", "it was not worth the money", "it goes back",
     "I want something better", "my family hates it"),
    ("I would always buy it again", "I can only recommend it", "it was worth the money", "I will keep it",
     "I want nothing better", "my family loves it"),
)  # fmt: skip
ASPECTS = ("colour", "size", "sound", "box", "handle", "design", "manual", "weight", "surface", "switch")
DENIALS = ("not", "not at all", "never", "far from")
FACTS = (
    "bought this {product} {time}", "the {product} came {time}", "ordered the {product} {time}",
    "{time} I got this {product}", "this is about the {product}", "I use the {product} at work",
)  # fmt: skip
TIMES = ("last week", "in May", "two days ago", "in spring", "on Monday", "a month ago", "last year")


def sentiment(draw: Draw) -> Row:
    """A review with its writer's view: the label is the view itself."""
    view = draw.below(2)
    return {"text": _review(draw, view), "label": SENTIMENTS[view]}


def rival_reviews(draw: Draw) -> Row:
    """A review of a rival's product: the label is what it means for us, so the other way round."""
    view = draw.below(2)
    return {"text": _review(draw, view), "label": SENTIMENTS[1 - view]}


def _review(draw: Draw, view: int) -> str:
    fact = draw.one(FACTS).format(product=draw.one(PRODUCTS), time=draw.one(TIMES))
    sentences = [fact, _judgement(draw, view)]
    if draw.chance(VERDICTS):
        sentences.append(draw.one(VERDICT[view]))
    text = " ".join(map(sentence, sentences))
    return draw.typo(text) if draw.chance(TYPOS) else text


def _judgement(draw: Draw, view: int) -> str:
    first, second = draw.some(ASPECTS, 2)
    if draw.chance(CONCESSIONS):
        return f"{_opinion(draw, first, 1 - view)}, but {_opinion(draw, second, view)}"
    return f"{_opinion(draw, first, view)} and {_opinion(draw, second, view)}"


def _opinion(draw: Draw, aspect: str, view: int) -> str:
    if draw.chance(NEGATIONS):
        return f"the {aspect} is {draw.one(DENIALS)} {draw.one(ADJECTIVES[1 - view])}"
    return f"the {aspect} is {draw.one(ADJECTIVES[view])}"
