"""The regularisers: ``general`` instructions on words, and small ``arithmetic``."""

from __future__ import annotations

from collections.abc import Callable

from mixologist.demo.draw import PRODUCTS, Draw, Row

WORDS = (
    *PRODUCTS, "apple", "bread", "river", "stone", "garden", "window", "letter", "summer", "winter", "music",
    "paper", "island", "horse", "tiger", "green", "yellow", "silver", "open", "quiet", "early", "forest",
    "bridge", "market", "doctor", "school", "ticket", "travel", "number", "circle", "dinner", "animal",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
OPPOSITES = (
    ("hot", "cold"), ("big", "small"), ("early", "late"), ("open", "closed"), ("full", "empty"),
    ("old", "young"), ("high", "low"), ("fast", "slow"), ("light", "dark"), ("hard", "soft"),
    ("rich", "poor"), ("wet", "dry"), ("near", "far"), ("strong", "weak"), ("clean", "dirty"),
)  # fmt: skip
DEFINITIONS = (
    ("kettle", "A pot in which water is boiled."), ("lamp", "A thing that gives light."),
    ("bridge", "A way over a river."), ("doctor", "Someone who treats the sick."),
    ("island", "Land with water all around."), ("winter", "The cold part of the year."),
    ("letter", "A written message on paper."), ("clock", "A thing that shows the time."),
    ("school", "A place where children learn."), ("market", "A place where goods are sold."),
    ("oven", "A box in which food is baked."), ("tent", "A shelter made of cloth."),
)  # fmt: skip
WRAPPINGS = (
    "{}", "Please: {}", "{} Answer briefly.", "Can you help? {}", "Next task. {}", "{} Only the answer.",
    "Quick one: {}", "{} Thanks.",
)  # fmt: skip


def general(draw: Draw) -> Row:
    """One small instruction on words, with the answer that a program can check."""
    instruction, text, output = draw.one(KINDS)(draw)
    return {"instruction": draw.one(WRAPPINGS).format(instruction), "input": text, "output": output}


def arithmetic(draw: Draw) -> Row:
    """An addition or subtraction with a result of 0 or more, bare or told as a story."""
    more, less = sorted((draw.between(1, 99), draw.between(1, 99)), reverse=True)
    if draw.chance(0.5):
        wording, answer = draw.one(ADDITIONS), more + less
    else:
        wording, answer = draw.one(SUBTRACTIONS), more - less
    prompt = wording.format(a=more, b=less, thing=draw.one(PRODUCTS))
    return {"prompt": prompt, "completion": str(answer)}


ADDITIONS = (
    "What is {a} + {b}?", "{b} + {a} =", "Add {a} and {b}.", "What do {b} and {a} make together?",
    "A shop has {a} pieces of one {thing} and {b} of another. How many is that?",
    "The {thing} costs {a} euros and its box {b} euros. What does it cost with the box?",
)  # fmt: skip
SUBTRACTIONS = (
    "What is {a} - {b}?", "{a} - {b} =", "Take {b} from {a}.", "How much more is {a} than {b}?",
    "A shop had {a} pieces of a {thing} and sold {b}. How many are left?",
    "The {thing} was {a} euros and is now {b} euros cheaper. What does it cost?",
)  # fmt: skip

Triple = tuple[str, str, str]
"""Instruction, input, output."""


def _sort(draw: Draw) -> Triple:
    words = draw.some(WORDS, draw.between(3, 4))
    return (
        draw.one(("Sort these words.", "Put the words in order from A to Z.")),
        " ".join(words),
        " ".join(sorted(words)),
    )


def _upper(draw: Draw) -> Triple:
    words = " ".join(draw.some(WORDS, draw.between(1, 3)))
    return draw.one(("Write in capital letters.", "Make all letters large.")), words, words.upper()


def _pick(draw: Draw) -> Triple:
    words = draw.some(WORDS, draw.between(3, 5))
    which, place = draw.one((("first", 0), ("second", 1), ("last", -1)))
    wording = draw.one(("What is the {} word?", "Give the {} word."))
    return wording.format(which), " ".join(words), words[place]


def _repeat(draw: Draw) -> Triple:
    words = " ".join(draw.some(WORDS, draw.between(1, 2)))
    times, number = draw.one((("twice", 2), ("three times", 3)))
    return f"Repeat this {times}.", words, " ".join([words] * number)


def _reverse(draw: Draw) -> Triple:
    words = draw.some(WORDS, draw.between(3, 4))
    return (
        draw.one(("Turn the order of the words round.", "Write the words backwards.")),
        " ".join(words),
        " ".join(words[::-1]),
    )


def _letters(draw: Draw) -> Triple:
    word = draw.one(WORDS)
    return draw.one(("How many letters has this word?", "Count the letters.")), word, str(len(word))


def _words(draw: Draw) -> Triple:
    words = draw.some(WORDS, draw.between(2, 6))
    return draw.one(("How many words are these?", "Count the words.")), " ".join(words), str(len(words))


def _longest(draw: Draw) -> Triple:
    words = draw.some(WORDS, 3)
    return "Which word has the most letters? The first of equals.", " ".join(words), max(words, key=len)


def _calendar(draw: Draw) -> Triple:
    calendar, name = draw.one(((DAYS, "days"), (MONTHS, "months")))
    start, n = draw.below(len(calendar)), draw.between(1, 3)
    following = [calendar[(start + step) % len(calendar)] for step in range(1, n + 1)]
    return f"List the next {name}, {n} in all, after the one given.", calendar[start], ", ".join(following)


def _opposite(draw: Draw) -> Triple:
    pair = draw.some(draw.one(OPPOSITES), 2)
    return draw.one(("What is the opposite?", "Give the word that means the contrary.")), pair[0], pair[1]


def _define(draw: Draw) -> Triple:
    word, meaning = draw.one(DEFINITIONS)
    return draw.one(("What does this word mean?", "Define the word.")), word, meaning


KINDS: tuple[Callable[[Draw], Triple], ...] = (
    _sort, _upper, _pick, _repeat, _reverse, _letters, _words, _longest, _calendar, _opposite, _define,
)  # fmt: skip
