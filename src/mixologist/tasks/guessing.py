"""What a data set might be, from its columns' names and a sample of their values: candidates, the likeliest first.

sure      the columns have the usual names of one format
likely    they have the usual names of several, of a question and its answer, or only one reading makes sense
guess     several readings make sense
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mixologist.tasks.formats import FORMATS, Columns, Format, numbers
from mixologist.tasks.formats import Column as ColumnNames
from mixologist.tasks.formats.base import label_text, several

MOST_LABELS = 150
LABEL_SHARE = 0.2
"""Labels are fewer than this share of the rows."""
MOST_NUMBERS = 20
"""More different numbers are no labels."""
SHORT_ANSWER = 20
"""Mean characters below which an answer must be met exactly."""
SAMPLE = 5000
"""Rows that a guess looks at, evenly spaced: sorted data has one label in its first rows."""

Sureness = Literal["sure", "likely", "guess"]

QUESTIONS = (
    "prompt", "question", "problem", "instruction", "query", "input", "source", "src",
    "document", "article", "dialogue", "dialog", "text",
)  # fmt: skip
ANSWERS = (
    "completion", "response", "answer", "output", "target", "tgt", "solution", "reply",
    "summary", "highlights", "translation", "label",
)  # fmt: skip
CONTEXTS = ("context", "passage", "paragraph", "document", "article", "background", "input")
LABELS = ("label", "class", "categor", "topic", "sentiment", "intent", "queue", "type", "tag")
"""Parts of the names that columns of labels have."""
SCORES = ("score", "similar", "rating", "grade")
"""Parts of the names that columns of numbers on a scale have."""
CHATS = {"messages": {"role", "content"}, "sharegpt": {"from", "value"}}
"""Format -> the keys of a turn."""


@dataclass(frozen=True)
class Candidate:
    """One reading of a data set."""

    format: str
    sure: Sureness
    why: str
    columns: Columns = field(default_factory=dict)
    """Field -> column, where the column has not the field's usual name."""
    metric: str | None = None
    """None: the format's own."""


class Column:
    """What a sample of a column's values tells."""

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        filled = [value for value in values if not numbers.missing(value)]
        texts = [label_text(value) for value in filled if not isinstance(value, list | dict)]
        distinct = set(texts)
        self.name = name
        self.first = filled[0] if filled else None
        self.lists = filled if filled and all(isinstance(value, list) for value in filled) else []
        self.length = sum(map(len, texts)) / max(1, len(texts))
        """Mean characters."""
        self.concluded = bool(texts) and all(text.rstrip(". ")[-1:].isdigit() for text in texts)
        """Whether every text ends in a number."""
        self.numeric = bool(distinct) and all(numbers.only_number(text) is not None for text in distinct)
        few = 2 <= len(distinct) <= MOST_LABELS and len(distinct) < LABEL_SHARE * len(values)
        whole = len(distinct) <= MOST_NUMBERS and not any("." in text for text in distinct)
        self.few = few and (whole or not self.numeric)
        """Whether the values can be labels."""
        self.score = self.numeric and len(distinct) > 1 and _named_like(name, SCORES)
        """Whether the values can be numbers on a scale: by name, since a price is no judgement of a text."""
        items = [
            label_text(item) for value in self.lists for item in value if not isinstance(item, list | dict)
        ]
        self.labels = 2 <= len(set(items)) <= MOST_LABELS and len(set(items)) < LABEL_SHARE * len(values)
        """Whether the values are lists of what can be labels."""
        worded = sum(" " in text or not text.isascii() for text in texts)
        self.worded = not self.few and not self.numeric and 2 * worded > len(values)
        """Whether most values are several words (or in a script that may have no spaces)."""


def candidates(rows: Any) -> Iterator[Candidate]:
    """Readings of the rows (`datasets.Dataset`), the likeliest first; whether all rows bear one is not checked."""
    named = [name for name in FORMATS if _fits(FORMATS[name], rows.column_names)]
    for name in named:
        if len(named) == 1:
            yield Candidate(name, "sure", "the columns have the usual names")
        else:
            yield Candidate(name, "likely", f"the columns' names fit {' and '.join(named)}")
    sample = rows.select(range(0, len(rows), -(-len(rows) // SAMPLE)))
    columns = [Column(name, sample[name]) for name in rows.column_names]
    yield from _chats(columns)
    yield from _tagged(columns)
    question, answer = _named(columns, QUESTIONS), _named(columns, ANSWERS)
    if question and answer:
        yield _answered(question, answer, _context(columns, question, answer))
    elif not named:
        yield from _labelled(columns)


def _fits(kind: type[Format], available: Sequence[str]) -> bool:
    """Whether the columns have the usual names of all the format needs, and these tell it."""
    if not kind.by_names:
        return False
    found = {field for field, names in kind.fields.items() if not set(names).isdisjoint(available)}
    return any(need <= found for need in kind.required)


def _chats(columns: Sequence[Column]) -> Iterator[Candidate]:
    for column in columns:
        turn = column.first[0] if isinstance(column.first, list) and column.first else None
        for name, keys in CHATS.items():
            if isinstance(turn, dict) and keys <= turn.keys():
                why = f"'{column.name}' holds turns with {' and '.join(sorted(keys))}"
                yield Candidate(name, "likely", why, {next(iter(FORMATS[name].fields)): column.name})


def _tagged(columns: Sequence[Column]) -> Iterator[Candidate]:
    """Lists of words, and as long ones of tags: few different ones, ``O`` among them."""
    lists = [column for column in columns if column.lists]
    for words, tags in itertools.permutations(lists, 2):
        kinds = {tag if isinstance(tag, str) else "" for value in tags.lists for tag in value}
        aligned = [len(value) for value in words.lists] == [len(value) for value in tags.lists]
        if aligned and "O" in kinds and "" not in kinds and len(kinds) <= MOST_LABELS:
            why = f"'{words.name}' holds lists of words, '{tags.name}' as long ones of tags"
            yield Candidate("extraction", "likely", why, {"tokens": words.name, "tags": tags.name})


def _named(columns: Sequence[Column], names: Sequence[str]) -> Column | None:
    """The column with the likeliest of the names, whatever its case."""
    by_name = {column.name.casefold(): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _context(columns: Sequence[Column], question: Column, answer: Column) -> Column | None:
    others = [column for column in columns if column.worded and column not in (question, answer)]
    return _named(others, CONTEXTS)


def _answered(question: Column, answer: Column, context: Column | None) -> Candidate:
    """A question and its answer by name; what the answers are decides the format."""
    why = f"'{question.name}' and '{answer.name}' are named like a question and its answer"
    asked = question.name.casefold() in ("question", "problem")
    if answer.numeric and (asked or not answer.few):
        more = {"context": context.name} if context else {}
        columns = {"question": question.name, "answer": answer.name, **more}
        return Candidate("numeric_qa", "likely", f"{why}, all answers are numbers", columns)
    if answer.few:
        more = {"context": context.name} if context else {}
        columns = {"text": question.name, "label": answer.name, **more}
        return Candidate("classification", "likely", f"{why}, with few different answers", columns)
    metric = "numeric_match" if answer.concluded else "exact_match" if answer.length < SHORT_ANSWER else None
    if context or question.name.casefold() == "instruction":
        more = {"input": context.name} if context else {}
        columns = {"instruction": question.name, "output": answer.name, **more}
        return Candidate("alpaca", "likely", why, columns, metric)
    columns = {"prompt": question.name, "completion": answer.name}
    return Candidate("prompt_completion", "likely", why, columns, metric)


def _labelled(columns: Sequence[Column]) -> Iterator[Candidate]:
    """A pair of texts or the longest one, and what judges it: several labels, one, or a number."""
    texts = sorted((column for column in columns if column.worded), key=lambda column: -column.length)
    if not texts:
        return
    pair = _pair([column.name for column in columns if column.worded])
    text: ColumnNames = pair or texts[0].name
    shown = f"'{texts[0].name}' holds {'the longest ' if texts[1:] else ''}text"
    if pair:
        shown = f"'{pair[0]}' and '{pair[1]}' are named like a pair of texts"
    few = [column for column in columns if column.few]
    unread = [column.name for column in texts if column.name not in several(text)]
    for kind, judged, judges, what in (
        ("multi_label", "labels", [c for c in columns if c.labels], "lists of few different values"),
        ("classification", "label", few, "few different values"),
        ("regression", "score", [c for c in columns if c.score and not c.few], "numbers"),
    ):
        if judges:
            judge = next((c for c in judges if _named_like(c.name, LABELS)), judges[-1])
            left = [*unread, *(c.name for c in judges if c is not judge)]
            why = f"{shown}, '{judge.name}' {what}" + (f"; not read: {', '.join(left)}" if left else "")
            yield Candidate(kind, "guess" if left else "likely", why, {"text": text, judged: judge.name})


def _named_like(name: str, parts: Sequence[str]) -> bool:
    return any(part in name.casefold() for part in parts)


def _pair(names: Sequence[str]) -> tuple[str, str] | None:
    """``sentence1`` and ``sentence2``, ``text_a`` and ``text_b``, ``premise`` and ``hypothesis``."""
    for first, second in itertools.permutations(names, 2):
        lower = first.casefold(), second.casefold()
        numbered = lower[0][:-1] == lower[1][:-1] and lower[0][-1] + lower[1][-1] in ("12", "ab")
        if numbered or lower == ("premise", "hypothesis"):
            return first, second
    return None
