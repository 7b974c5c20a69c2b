"""A text and any number of labels of a closed set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from mixologist.errors import UserError
from mixologist.tasks.formats.about_text import AboutText
from mixologist.tasks.formats.base import FORMATS, Columns, Fields, Row, label_text
from mixologist.tasks.formats.classification import Labelled

NONE = "none"
"""The label of rows without any: it counts in the metrics as others do (so in LexGLUE, Chalkidis et al. 2022)."""
BETWEEN = ";"


@FORMATS.register("multi_label")
@dataclass(frozen=True)
class MultiLabel(Labelled):
    """``text`` -> ``labels``: a list, or text with semicolons between.

    Written ``a; b`` in the labels' order, or ``none``.
    """

    name = "multi_label"
    fields: ClassVar[Fields] = {**AboutText.asked, "labels": ("labels", "label")}
    required = (frozenset({"text", "labels"}),)
    by_names = False
    metrics = ("macro_f1", "micro_f1")
    max_new_tokens = 48
    default_instruction = "Which labels fit the text?"
    ask_for = "Answer with all that fit, semicolons between, of: "

    @classmethod
    def find_labels(cls, rows: Any, columns: Columns) -> tuple[str, ...]:
        """Every label that stands in a row, sorted; ``none`` last where some row has none."""
        every = [_items(value) for value in rows[columns["labels"]]]
        labels = sorted({label_text(item) for items in every for item in items} - {"", NONE})
        if not labels:
            raise UserError(
                f"column '{columns['labels']}' holds no labels",
                given="not one label in the train rows",
                expected="lists of labels, or text with semicolons between",
                do="name the labels' column with `columns: {labels: ...}`",
            )
        return (*labels, *([NONE] if not all(every) else []))

    def answer(self, row: Row, where: str) -> tuple[str, list[str]]:
        """The labels in their order; the reference is the list of them."""
        found = {self._one(item, where) for item in _items(self.value(row, "labels"))} or {
            self._one(NONE, where)
        }
        ordered = [label for label in self.labels if label in found]
        return f"{BETWEEN} ".join(ordered), ordered

    def parse(self, text: str) -> list[str] | None:
        """The labels that the text lists, in their order; None where a piece of it is no label."""
        found = {self.read(piece) for piece in text.strip().removesuffix(BETWEEN).split(BETWEEN)}
        return None if None in found else [label for label in self.labels if label in found]

    def _one(self, item: Any, where: str) -> str:
        label = self.label(item, "labels", where)
        if BETWEEN in label:
            raise self.bad(where, "labels", label, "labels without a semicolon: it stands between them")
        return label


def _items(value: Any) -> list[Any]:
    """The labels of a cell; none for an empty one, or for the text ``none``."""
    items = value if isinstance(value, list) else list(_pieces(label_text(value)))
    return [item for item in items if label_text(item) != NONE]


def _pieces(text: str) -> Iterator[str]:
    return (piece.strip() for piece in text.split(BETWEEN) if piece.strip())
