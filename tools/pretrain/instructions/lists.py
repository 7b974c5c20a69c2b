"""The word lists of our own in ``words/*.yaml``, and how their names may be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from mixologist.demo.draw import Draw


def read(name: str) -> dict[str, Any]:
    """One file of lists."""
    lists = yaml.safe_load((Path(__file__).parent / "words" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(lists, dict)
    return lists


CASES: tuple[Callable[[str], str], ...] = (str, str, str, str.capitalize, str.title, str.upper, str.lower)
COLOURS = (
    "red", "blue", "green", "yellow", "black", "white", "brown", "pink", "grey", "orange", "violet", "gold",
)  # fmt: skip
SYLLABLES = (
    "ba", "do", "fi", "ga", "ke", "lu", "mo", "na", "pe", "ri", "su", "ta", "vo", "wi", "xa", "zu", "bel", "dor", "fan",
    "gim", "kor", "lan", "mer", "nov", "pol", "ros", "sil", "tem", "val", "zan",
)  # fmt: skip

_TEXTS, _TOPICS, _INTENTS = read("texts"), read("topics"), read("intents")

KINDS: dict[str, list[str]] = _TEXTS["kinds"]
"""Source -> plain names of its kind, three parallel ways of naming."""
ENTITIES: dict[str, list[str]] = _TEXTS["entities"]
"""Kind -> what a prompt calls it, three ways."""
YES_NO: list[list[str]] = _TEXTS["yes_no"]
PLACES: list[str] = _TEXTS["places"]
COMMON: frozenset[str] = frozenset(_TEXTS["common"])
"""Words that say nothing of a text's subject."""

TOPICS: dict[str, dict[str, list[str]]] = _TOPICS["topics"]
"""Topic -> ``names``: two others; ``words``: what tells it."""
TELLING = {name: frozenset(topic["words"]) for name, topic in TOPICS.items()}
HEADLINES: dict[str, list[str]] = _TOPICS["headlines"]
GOOD: frozenset[str] = frozenset(_TOPICS["good"])
BAD: frozenset[str] = frozenset(_TOPICS["bad"])

INTENTS: dict[str, list[str]] = _INTENTS["intents"]
"""Intent -> ways of saying it, with slots in braces."""
SLOTS: dict[str, list[str]] = _INTENTS["slots"]


def topic_names(draw: Draw, names: list[str]) -> list[str]:
    """Topics in one way of naming: their own, another, or two joined; and in one way of writing."""
    which, sign = draw.below(4), draw.one((" | ", " / ", " & ", " and "))
    called = [
        (name, *TOPICS[name]["names"], f"{name}{sign}{TOPICS[name]['names'][0]}")[which] for name in names
    ]
    return written(draw, called)


def written(draw: Draw, names: list[str]) -> list[str]:
    """As they are, as titles, in capitals, or with another sign for the spaces."""
    way = draw.below(8)
    if way < 3:
        return names
    if way < 6:
        return [(name.capitalize(), name.title(), name.upper())[way - 3] for name in names]
    return [name.replace(" ", "_" if way == 6 else "-") for name in names]


def cased(draw: Draw, labels: Sequence[str]) -> list[str]:
    """The labels in one way of writing them: ``up``, ``Up``, ``UP``."""
    way = draw.one(CASES)
    return [way(label) for label in labels]


def codes(draw: Draw, n: int) -> list[str]:
    """``n`` names that mean nothing, in random order: letters, numbers, colours, made-up words."""
    kind = draw.below(6)
    if kind < 2:
        return draw.some(("ABCDEFGHIJ", "1234567890")[kind][:n], n)
    if kind == 2:
        word = draw.one(("class", "group", "type"))
        return [f"{word} {i + 1}" for i in draw.some(range(n), n)]
    if kind == 3:
        return draw.some(COLOURS, n)
    if kind == 4:
        return [f"{letter}{draw.below(9) + 1}" for letter in draw.some("ABCDEFGHKLMNPRSTUVWXYZ", n)]
    return unique(lambda: "".join(draw.one(SYLLABLES) for _ in range(draw.between(2, 3))), n)


def unique(make: Callable[[], str], n: int) -> list[str]:
    """``n`` different results of ``make()``, which has enough of them."""
    found: dict[str, None] = {}
    while len(found) < n:
        found[make()] = None
    return list(found)
