"""Messages to the service desk: which ``queue``, how urgent (by mail and by phone), and their ``titles``."""

from __future__ import annotations

from mixologist.demo.draw import PRODUCTS, Draw, Row, sentence

URGENCIES = ("low", "normal", "high")

DISTRACTORS = 0.5
"""Share of messages with a sentence that says nothing on the label, in words that look as if it did."""
SOLVED_PROBLEMS = 0.35
"""Share of messages that first name a problem of another queue that is no more."""
TYPOS = 0.1

PROBLEMS = {
    "cards": (
        "the cash machine kept my card", "my card was declined in the shop", "I lost my card on the train",
        "the chip of my card is scratched", "my card was stolen", "my new PIN is refused",
    ),
    "payments": (
        "I was charged twice for the {product}", "the transfer has not arrived",
        "the wrong amount was debited", "the payment for the {product} is still pending",
        "the standing order did not run", "money for the {product} went to the wrong account",
    ),
    "loans": (
        "I want to pay back my loan early", "the interest rate is wrong",
        "I want to borrow money for a {product}", "my monthly rate went up",
        "my credit application was refused", "I need a new plan for my mortgage",
    ),
    "login": (
        "I could not sign in", "the password link has expired", "the code did not come to my phone",
        "my account is locked", "the app refused my fingerprint", "my user name is unknown",
    ),
    "delivery": (
        "the parcel with the {product} has not arrived", "the driver left the {product} with a neighbour",
        "the {product} went to the wrong address", "the box of the {product} was empty",
        "I am still waiting for my {product}", "tracking shows nothing for the {product}",
    ),
    "returns": (
        "I want to send back the {product}", "I want my money back for the {product}",
        "I do not want to keep the {product}", "I would like to exchange the {product}",
        "the label to return the {product} is missing", "the new {product} has the wrong size",
    ),
}  # fmt: skip
SOLVED = (
    "I wrote that {problem}, but that is solved", "{problem}, but not any more",
    "last month {problem}, that is over", "it is no longer that {problem}",
)  # fmt: skip
GREETINGS = ("hello", "good morning", "dear team", "hi", "good evening", "dear service desk", "hello again")
CLOSINGS = (
    "thank you",
    "please help",
    "what can I do",
    "please call me",
    "please answer by mail",
    "many thanks",
)

IMPACT = (
    ("I have a question about {thing}", "there is a spelling mistake in {thing}",
     "I have an idea for {thing}", "please explain {thing} to me"),
    ("{thing} is slow", "{thing} works only sometimes", "{thing} shows a warning", "{thing} is hard to open"),
    ("{thing} does not work at all", "{thing} is completely blocked", "nobody can open {thing}",
     "strangers can see {thing}"),
)  # fmt: skip
DEADLINE = (
    ("there is no hurry", "it need not be today", "take your time", "next month is soon enough"),
    ("I need it this week", "Friday is soon enough", "a few days are fine", "it can wait until Friday"),
    ("I need it today", "it cannot wait", "please hurry", "I have to pay in an hour"),
)
GRADES = (((0, 0), (0, 1), (1, 0)), ((0, 2), (1, 1), (2, 0)), ((1, 2), (2, 1), (2, 2)))
"""Label -> the (impact, deadline) pairs that make it: neither alone decides."""
THINGS = (
    "the app", "my account", "the web page", "my statement", "the card reader", "the shop page", "my basket",
    "the price list", "my profile", "the order form",
)  # fmt: skip
NO_NEWS = (
    "I wrote last week", "I called in May", "I am a customer for years", "I read the help page",
    "my friend had to wait for a month", "I will be in town on Friday", "my mother uses it too",
)  # fmt: skip

SYMPTOMS = {
    "leak": ("loses water", "drips on the table", "is wet below", "leaves a pool on the floor"),
    "noise": ("rattles", "is far too loud", "makes a strange sound", "hums all night"),
    "heat": ("gets too hot", "burned my fingers", "smokes after a minute", "is hot even when off"),
    "crack": ("has a crack", "is broken in two", "came with a split side", "fell apart"),
    "power": ("does not start", "goes off after a minute", "stays dark", "does not react to the button"),
    "colour": ("is red instead of blue", "has the wrong colour", "is not white as shown", "has stains"),
}  # fmt: skip
FINE = (
    "the {product} is fine",
    "I also have a {product} from you",
    "my {product} works",
    "no trouble with the {product}",
)


def queue(draw: Draw) -> Row:
    """A message and the one of six queues that its open problem belongs to."""
    label, other = draw.some(sorted(PROBLEMS), 2)
    parts = [draw.one(PROBLEMS[label])]
    if draw.chance(SOLVED_PROBLEMS):
        parts.insert(draw.below(2), draw.one(SOLVED).format(problem=draw.one(PROBLEMS[other])))
    parts = [part.format(product=draw.one(PRODUCTS)) for part in parts]
    return {"text": _message(draw, parts), "label": label}


def urgency(draw: Draw) -> Row:
    """A message and its urgency, which impact and deadline decide together."""
    label = draw.below(len(URGENCIES))
    parts = draw.some(_cues(draw, label, draw.one(THINGS)), 2)
    if draw.chance(DISTRACTORS):
        parts.insert(draw.below(3), draw.one(NO_NEWS))
    return {"text": _message(draw, parts), "label": URGENCIES[label]}


def call_urgency(draw: Draw) -> Row:
    """A phone note and its urgency: the cues of ``urgency`` on another surface."""
    label = draw.below(len(URGENCIES))
    thing = draw.one(THINGS)
    time = f"{draw.between(8, 17)}:{draw.between(10, 59)}"
    notes = [f"call {time}", thing.removeprefix("my ").removeprefix("the ")]
    notes += draw.some(_cues(draw, label, "it"), 2)
    return {"text": " / ".join(notes), "label": URGENCIES[label]}


def titles(draw: Draw) -> Row:
    """A complaint and its ticket title, ``product: problem``; another product stands in it too."""
    problem = draw.one(sorted(SYMPTOMS))
    product, other = draw.some(PRODUCTS, 2)
    parts = [f"my {product} {draw.one(SYMPTOMS[problem])}"]
    if draw.chance(DISTRACTORS):
        parts.insert(draw.below(2), draw.one(FINE).format(product=other))
    return {"prompt": _message(draw, parts), "completion": f"{product}: {problem}"}


def _cues(draw: Draw, label: int, thing: str) -> list[str]:
    impact, deadline = draw.one(GRADES[label])
    return [draw.one(IMPACT[impact]).format(thing=thing), draw.one(DEADLINE[deadline])]


def _message(draw: Draw, parts: list[str]) -> str:
    frame = [draw.one(GREETINGS), *parts] if draw.chance(0.5) else [*parts, draw.one(CLOSINGS)]
    text = " ".join(map(sentence, frame))
    return draw.typo(text) if draw.chance(TYPOS) else text
