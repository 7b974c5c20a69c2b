"""Made-up statements on business, products and health, with what they say: up or down, good or bad, of whom, of what.

Direction and judgement come apart on purpose (costs that fall are good): the same text is asked both questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.lists import SYLLABLES, cased, codes, read
from tools.pretrain.instructions.shapes import choose, extract

DOWN, FLAT, UP = range(3)
BAD, NEITHER, GOOD = range(3)

_LISTS = read("market")
WANTED: list[str] = _LISTS["wanted"]
UNWANTED: list[str] = _LISTS["unwanted"]
MOVES: list[list[str]] = _LISTS["moves"]
EVENTS: list[list[str]] = _LISTS["events"]
OPINIONS: list[list[str]] = _LISTS["opinions"]
PLACES: list[str] = _LISTS["places"]
ENDINGS: list[str] = _LISTS["endings"]
PERIODS: list[str] = _LISTS["periods"]
JUDGEMENTS: list[list[str]] = _LISTS["judgements"]["any"]
BUSINESS: list[list[str]] = [*JUDGEMENTS, *_LISTS["judgements"]["business"]]
"""Names of bad, neither and good; the latter for business alone."""
DIRECTIONS: list[list[str]] = _LISTS["directions"]
PLAIN = {("negative", "neutral", "positive"), ("down", "flat", "up")}
"""The names that need not be listed."""
SINGULAR = frozenset({
    "revenue", "profit", "net profit", "operating profit", "income", "turnover", "growth", "demand", "debt", "stock",
    "output", "production", "employment", "unemployment", "cash flow", "staff turnover", "market share",
})  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """A text and what holds of it."""

    text: str
    view: int
    """BAD, NEITHER, GOOD."""
    way: int | None
    """DOWN, FLAT, UP; None where nothing moves."""
    company: str
    topic: str = ""


def company(draw: Draw) -> str:
    """A made-up name."""
    name = "".join(draw.one(SYLLABLES) for _ in range(draw.between(2, 3))).capitalize()
    return name + draw.one(ENDINGS)


def amount(draw: Draw) -> str:
    """Money of a made-up size."""
    value = f"{draw.between(1, 99)}.{draw.between(0, 9)}" if draw.chance(0.6) else str(draw.between(1, 900))
    return draw.one(
        ("{} million dollars", "EUR {} million", "${} million", "{} million euros", "{}m", "${}bn")
    ).format(value)


def statement(draw: Draw) -> Statement:
    """A move of something wanted or unwanted, or an event, in one of several styles."""
    name = company(draw)
    if draw.chance(0.35):
        view = draw.below(3)
        text = draw.one(EVENTS[view]).format(c=name, n=draw.between(2, 90) * 10, p=draw.one(PLACES))
        return Statement(_styled(draw, text), view, None, name)
    wanted, way = draw.chance(0.75), draw.below(3)
    thing = draw.one(WANTED if wanted else UNWANTED)
    move = draw.one(MOVES[way])
    move = move.replace("were", "was") if thing.startswith("the ") or thing in SINGULAR else move
    size = _size(draw) if way != FLAT else ""
    short = thing.removeprefix("the ")
    frames = (
        f"{thing} at {name}",
        f"{name}: {thing}",
        f"{name} said {thing}",
        f"{name}'s {short}",
        f"{thing} of {name}",
    )
    subject = draw.one(frames)
    text = f"{subject} {move}{size} {draw.one(PERIODS)}"
    return Statement(_styled(draw, text), way if wanted else 2 - way, way, name, short)


def judged(draw: Draw) -> Example | None:
    """Good, bad or neither."""
    said = statement(draw) if draw.chance(0.7) else opinion(draw)
    names = draw.one(BUSINESS if said.company else JUDGEMENTS)
    asked = draw.one((
        "Is this good or bad news?", "What is the sentiment?", "How does this sound?", "Judge the statement.",
        "Would an owner like to read this?", "Give the tone of the text.", "What does this mean for those concerned?",
        "Sentiment:", "Rate the message.", "How would a reader who holds shares take it?", "Is the writer content?",
    ))  # fmt: skip
    return _answered(
        draw, said.text, said.view, names, asked, ("bad news or blame", "neither", "good news or praise")
    )


def moved(draw: Draw) -> Example | None:
    """Up, down or flat, whatever that means for anyone."""
    said = statement(draw)
    if said.way is None:
        return None
    asked = draw.one((
        "Which way did it go?", "Does the figure rise or fall?", "What is the direction?", "How did the number move?",
        "Say whether it went up or down.", "Trend:", "What happened to the value?",
    ))  # fmt: skip
    return _answered(
        draw, said.text, said.way, draw.one(DIRECTIONS), asked, ("falls", "stays as it was", "rises")
    )


def of_what(draw: Draw) -> Example | None:
    """Which quantity or which company the statement is on."""
    said = statement(draw)
    if draw.chance(0.5):
        labels = list(dict.fromkeys([said.company, *(company(draw) for _ in range(draw.between(1, 9)))]))
        asked = draw.one(("Which company is it about?", "Whose news is this?", "Issuer?"))
        return choose(draw, said.text, said.company, labels, asked)
    wrong = [thing.removeprefix("the ") for thing in (*WANTED, *UNWANTED)]
    wrong = [thing for thing in wrong if thing not in said.text]
    labels = [said.topic, *draw.some(wrong, draw.between(1, 12))]
    asked = draw.one(("What is measured?", "Which figure is this on?", "Name the subject."))
    return choose(draw, said.text, said.topic, labels, asked)


def named(draw: Draw) -> Example:
    """The companies, or companies and places, of one to three statements."""
    said = [statement(draw) for _ in range(draw.between(1, 3))]
    firm, place = draw.one(
        (("ORG", "LOC"), ("COMPANY", "PLACE"), ("company", "place"), ("organisation", "location"))
    )
    text = " ".join(one.text for one in said)
    pairs = [[firm, one.company] for one in said]
    if draw.chance(0.4):
        asked = draw.one((f"List each {firm}.", "Which companies are named ({labels})?"))
        return extract(draw, text, pairs, [firm], asked)
    pairs += [[place, name] for name in PLACES if name in text]
    return extract(
        draw, text, pairs, [firm, place], draw.one(("List {labels}.", "Which {labels} are named?"))
    )


def opinion(draw: Draw) -> Statement:
    """What a customer or a patient says."""
    view = draw.below(3)
    parts = draw.some(OPINIONS[view], draw.between(1, 2))
    if view != NEITHER and draw.chance(0.4):
        parts.insert(draw.below(2), draw.one(OPINIONS[NEITHER]))
    text = draw.one((". ", ", ", "; ", " - ")).join(parts)
    return Statement(draw.one((text, text[:1].upper() + text[1:] + ".")), view, None, "")


def _answered(
    draw: Draw, text: str, right: int, names: Sequence[str], asked: str, meanings: Sequence[str]
) -> Example | None:
    """With well-known names, with two of the three, or with names that the instruction defines."""
    kept = [i for i in range(3) if i == right or not draw.chance(0.15)]
    if draw.chance(0.25):
        made = dict(zip(kept, codes(draw, len(kept)), strict=True))
        rules = draw.one((", ", "; ")).join(f"{made[i]}: {meanings[i]}" for i in draw.some(kept, len(kept)))
        return choose(draw, text, made[right], list(made.values()), f"{asked} {rules}.")
    labels = cased(draw, names)
    if len(set(kept)) < 2:
        return None
    return choose(
        draw, text, labels[right], [labels[i] for i in kept], asked, clear=True, known=len(kept) == 3
    )


def _size(draw: Draw) -> str:
    share, tenth = draw.between(2, 60), draw.between(1, 9)
    sizes = ("", " sharply", " slightly", f" {share}%", f" by {share} percent", f" {share}.{tenth} %")
    moneys = (f" to {amount(draw)}", f" to {amount(draw)} from {amount(draw)}", f" by {amount(draw)}")
    return draw.one((*sizes, *moneys))


def _styled(draw: Draw, text: str) -> str:
    """As a sentence, a headline or a post."""
    style = draw.below(7)
    if style == 0:
        return f"{draw.one(('UPDATE', 'Breaking', 'News', 'Markets', 'In brief'))}: {text}"
    if style == 1:
        return f"${''.join(draw.some('ABCDEFGHIKLMNOPRSTUVWX', draw.between(2, 4)))} - {text}"
    if style == 2:
        return text
    return text[:1].upper() + text[1:] + "."


MAKERS: tuple[tuple[Callable[[Draw], Example | None], float], ...] = (
    (judged, 4.0), (moved, 1.5), (of_what, 1.0), (named, 0.5),
)  # fmt: skip
