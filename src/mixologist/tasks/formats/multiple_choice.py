"""A question with options of its own, one of which is right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from mixologist.errors import UserError
from mixologist.records import Example
from mixologist.tasks.formats.base import FORMATS, Columns, Fields, Format, Row, joined, label_text, place

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BULLET = re.compile(r"^[-*] +(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class _Asked:
    """A question, its options, and what stands after them."""

    question: str
    options: list[str]
    after: str = ""
    keys: tuple[str, ...] = ()
    """What the data calls the options, where it names them."""

    @property
    def lines(self) -> str:
        """``A. this`` and so on."""
        return "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, self.options, strict=False))


@FORMATS.register("multiple_choice")
@dataclass(frozen=True)
class MultipleChoice(Format):
    """``question`` with ``options`` -> ``answer``, after an optional ``context``. Answered with a letter.

    Options are a list, or an object ``{"label": [..], "text": [..]}``; or they stand in the question itself, column
    ``listed``, in lines that begin with ``- ``. The answer is an index from 0, a letter, or the option's text.
    """

    name = "multiple_choice"
    fields: ClassVar[Fields] = {
        "question": ("question", "query"),
        "options": ("options", "choices", "endings"),
        "listed": (),
        "answer": ("answer", "answerKey", "label"),
        "context": ("context",),
    }
    required = (frozenset({"question", "options", "answer"}), frozenset({"listed", "answer"}))
    texts = frozenset({"question", "context"})
    metrics = ("accuracy", "macro_f1")
    max_new_tokens = 4
    default_instruction = "Choose the right option. Answer with its letter alone."
    rewordings = (
        "Which option is right? Give the letter.",
        "Read the question and pick one of the options by its letter.",
        "Only one of the options below fits. Which? One letter.",
        "Answer this multiple-choice question with a letter.",
        "Select the correct choice; write nothing but its letter.",
    )
    held_out_rewordings = (
        "Tick the box that is true, by letter.",
        "What is your pick?",
        "Decide which alternative holds and name it.",
    )

    @property
    def choices(self) -> tuple[str, ...]:
        """The letters."""
        return self.labels

    @classmethod
    def find_labels(cls, rows: Any, columns: Columns) -> tuple[str, ...]:
        """As many letters as the train row with the most options has. Raises `UserError` for fewer than two."""
        column = columns["options" if "options" in columns else "listed"]
        count = _options if "options" in columns else _bullets
        most = max(len(count(cell)[0]) for cell in rows[column])
        if most < 2:
            raise UserError(
                f"column '{column}' holds no options",
                given=f"at most {most} in a train row",
                expected="a list of options, or for field 'listed' text with options in lines that begin with '- '",
                do="name the column with `columns: {options: ...}` or `columns: {listed: ...}`",
            )
        return tuple(LETTERS[:most])

    def example(
        self, row: Row, _part: int, /, *, task: str, id: str, instruction: str | None = None
    ) -> Example:
        """See `Format`. What may be shortened is the context; without one the question, never the options."""
        where = place(task, id)
        asked, context = self._asked(row, where), self.optional_text(row, "context", where)
        said = (context, asked.question, asked.lines, asked.after)
        letter = self._letter(row, asked, where)
        messages = ({"role": "user", "content": joined(self.instruct(instruction), *said)},)
        return Example(task, id, messages, letter, joined(*said), letter, context or asked.question)

    def parse(self, text: str) -> str | None:
        """The letter at the start: ``B``, ``(b)``, ``B. because``."""
        found = re.match(r"\s*\(?([A-Za-z])(?![\w'])", text)
        letter = found[1].upper() if found else ""
        return letter if letter in self.labels else None

    def _asked(self, row: Row, where: str) -> _Asked:
        if "options" not in self.columns:
            return self._listed(row, where)
        value = self.value(row, "options")
        options, keys = _options(value)
        if not 2 <= len(options) <= len(self.labels) or not all(options):
            raise self.bad(where, "options", value, f"2 to {len(self.labels)} options (as in the train rows)")
        return _Asked(self.text(row, "question", where), options, keys=keys)

    def _listed(self, row: Row, where: str) -> _Asked:
        text = self.text(row, "listed", where)
        found = list(_BULLET.finditer(text))
        if not 2 <= len(found) <= len(self.labels):
            expected = f"2 to {len(self.labels)} lines that begin with '- ' (as in the train rows)"
            raise self.bad(where, "listed", f"{len(found)} of them", expected)
        before, after = text[: found[0].start()].strip(), text[found[-1].end() :].strip()
        return _Asked(before, [match[1] for match in found], after)

    def _letter(self, row: Row, asked: _Asked, where: str) -> str:
        """By text, else by the data's own names, else by letter, else by index."""
        value = self.value(row, "answer")
        written = label_text(value)
        letters = self.labels[: len(asked.options)]
        texts = [] if isinstance(value, int) else asked.options
        for names in (texts, asked.keys, letters):
            if written in names:
                return letters[names.index(written)]
        if written.isdecimal() and int(written) < len(letters):
            return letters[int(written)]
        given = "nothing" if value is None else repr(value)
        raise self.bad(where, "answer", given, "an option's text, its letter, or its index from 0")


def _bullets(value: Any) -> tuple[list[str], str]:
    """The options in a text's lines, and what stands before and after them."""
    return _BULLET.findall(str(value or "")), ""


def _options(value: Any) -> tuple[list[str], tuple[str, ...]]:
    """The options' texts and names; none where the cell holds no options."""
    keys: list[Any] = []
    if isinstance(value, dict):
        value, keys = value.get("text"), value.get("label") or []
    texts = [label_text(option) for option in value] if isinstance(value, list) else []
    return texts, tuple(map(label_text, keys))
