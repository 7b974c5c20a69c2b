"""What formats that judge a text share: the text, and a context before it that may be shortened."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from mixologist.records import Example
from mixologist.tasks.formats.base import Fields, Format, Row, joined, place


@dataclass(frozen=True)
class AboutText(Format):
    """``text``, after an optional ``context``; ``evidence``, if told, lists what of the context decides the answer."""

    asked: ClassVar[Fields] = {"text": ("text", "sentence"), "context": ("context",), "evidence": ()}
    texts = frozenset({"text", "context"})

    @abstractmethod
    def answer(self, row: Row, where: str) -> tuple[str, Any]:
        """What to write, and what the metric compares with. Raises `UserError` for a row without either."""

    def example(
        self, row: Row, _part: int, /, *, task: str, id: str, instruction: str | None = None
    ) -> Example:
        """See `Format`."""
        where = place(task, id)
        text, context = self.text(row, "text", where), self.optional_text(row, "context", where)
        completion, reference = self.answer(row, where)
        messages = ({"role": "user", "content": joined(self.instruct(instruction), context, text)},)
        evidence = self._evidence(row, where)
        return Example(task, id, messages, completion, joined(context, text), reference, context, evidence)

    def _evidence(self, row: Row, where: str) -> tuple[str, ...]:
        value = self.value(row, "evidence") or []
        if not isinstance(value, list) or not all(isinstance(span, str) for span in value):
            raise self.bad(where, "evidence", value, "a list of texts, as they stand in the context")
        return tuple(value)
