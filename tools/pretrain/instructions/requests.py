"""Made-up requests to a desk and made-up headlines, with what they are about."""

from __future__ import annotations

from collections.abc import Callable

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.lists import HEADLINES, INTENTS, SLOTS, codes, written
from tools.pretrain.instructions.market import PLACES, company
from tools.pretrain.instructions.passages import several
from tools.pretrain.instructions.shapes import choose, write

EVERY = 0.1
"""Share of requests with all intents as options: too many to list, so that they must be known."""
OPENINGS = (
    "",
    "",
    "",
    "",
    "hello, ",
    "hi, ",
    "please help: ",
    "question: ",
    "good morning, ",
    "so, ",
    "hey there, ",
    "excuse me, ",
)
ENDINGS = ("", "", "", "?", ".", ", please", ". Thanks", ", what now?", " - can you help?", "!")


def intent(draw: Draw) -> Example | None:
    """What a customer, patient or tenant wants."""
    name = draw.one(sorted(INTENTS))
    text = request(draw, name)
    wrong = sorted(set(INTENTS) - {name})
    asked = draw.one((
        "What does the writer want?", "Which request is this?", "Intent of the message?", "Route the message.",
        "What is this customer's concern?", "Sort the message.", "Purpose of the call:", "What is the matter?",
    ))  # fmt: skip
    if draw.chance(EVERY):
        return choose(draw, text, name, [name, *wrong], asked)
    labels = written(draw, [name, *draw.some(wrong, several(draw))])
    return choose(draw, text, labels[0], labels, asked, clear=True)


def same_intent(draw: Draw) -> Example | None:
    """By example: each code is shown with a request of its kind, as few-shot prompts do."""
    names = draw.some(sorted(INTENTS), draw.between(2, 5))
    marks = sorted(codes(draw, len(names)))
    shown = draw.one((" -> ", ": ", " = ", " | "))
    lines = [f"{request(draw, name)}{shown}{mark}" for name, mark in zip(names, marks, strict=True)]
    asked = "\n".join(
        [draw.one(("Go by these examples.", "Examples:", "Sort as shown:", "Do as here.")), *lines]
    )
    which = draw.below(len(names))
    return choose(draw, request(draw, names[which]), marks[which], marks, asked + "\n")


def topic(draw: Draw) -> Example | None:
    """The topic of a headline."""
    name = draw.one(sorted(HEADLINES))
    text = headline(draw, name)
    wrong = sorted(set(HEADLINES) - {name})
    labels = written(draw, [name, *draw.some(wrong, several(draw))])
    asked = draw.one((
        "What is this headline about?", "Which desk gets this story?", "Topic?", "File the news under a subject.",
        "Section of the paper:", "What is this post on?", "Name the theme.",
    ))  # fmt: skip
    return choose(draw, text, labels[0], labels, asked, clear=True)


def grouped(draw: Draw) -> Example | None:
    """Which group a word belongs to, where groups are shown by other members."""
    names = draw.some(sorted(SLOTS), draw.between(2, 4))
    marks = sorted(codes(draw, len(names)))
    shown = {name: draw.some(SLOTS[name], 4) for name in names}
    lines = [f"{mark}: {', '.join(shown[name][1:])}" for name, mark in zip(names, marks, strict=True)]
    which = draw.below(len(names))
    asked = draw.one(("To which group does the word belong?", "Put the word in its group."))
    return choose(draw, shown[names[which]][0], marks[which], marks, "\n".join([asked, *lines, ""]))


def details(draw: Draw) -> Example:
    """The thing, sum or day that a request names."""
    slot = draw.one(sorted(SLOTS))
    fitting = [phrase for phrases in INTENTS.values() for phrase in phrases if "{" + slot + "}" in phrase]
    value = draw.one(SLOTS[slot])
    filled = {name: draw.one(SLOTS[name]) for name in SLOTS} | {slot: value}
    text = draw.one(OPENINGS) + draw.one(fitting).format(**filled)
    asked = draw.one((f"Which {slot} is named?", f"{slot.capitalize()}?", f"Find the {slot} in the message."))
    return write(draw, asked, text, value)


def request(draw: Draw, name: str) -> str:
    """A message with that intent."""
    phrase = draw.one(INTENTS[name]).format(**{slot: draw.one(values) for slot, values in SLOTS.items()})
    text = draw.one(OPENINGS) + phrase + draw.one(ENDINGS)
    text = text[:1].upper() + text[1:] if draw.chance(0.6) else text
    return draw.typo(text) if draw.chance(0.08) else text


def headline(draw: Draw, name: str) -> str:
    """A headline on that topic."""
    values = {"c": company(draw), "d": company(draw), "p": draw.one(PLACES), "n": draw.between(2, 95)}
    text = draw.one(HEADLINES[name]).format(**values)
    return draw.one(("", "", "", "", "Update: ", "Just in: ", "News - ")) + text[:1].upper() + text[1:]


MAKERS: tuple[tuple[Callable[[Draw], Example | None], float], ...] = (
    (intent, 3.0), (same_intent, 1.0), (topic, 2.0), (grouped, 0.5), (details, 0.8),
)  # fmt: skip
