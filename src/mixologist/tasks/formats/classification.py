"""A text and one label of a closed set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mixologist.errors import UserError, nearest
from mixologist.tasks.formats.about_text import AboutText
from mixologist.tasks.formats.base import FORMATS, MOST_LISTED, Columns, Fields, Row, label_text


@dataclass(frozen=True)
class Labelled(AboutText):
    """What formats with a closed set of labels share."""

    rewordings = (
        "Which of these fits the text: {labels}?",
        "Read what follows and choose a class for it. Possible classes: {labels}.",
        "What category does this belong to? Options: {labels}.",
        "Label the passage below with one of {labels}.",
        "Decide between {labels} for this input.",
    )
    held_out_rewordings = (
        "Sort this item into its group ({labels}).",
        "Tag it: {labels}.",
        "Pick whichever of {labels} describes it best.",
    )
    ask_for: ClassVar[str] = "Answer with one of: "

    def instruct(self, instruction: str | None) -> str:
        """The task's own instruction lists the labels at its end unless it names them itself."""
        text = super().instruct(instruction)
        if instruction is not None or "{labels}" in self.instruction or len(self.labels) > MOST_LISTED:
            return text
        return f"{text} {self.ask_for}{self.label_list}."

    def read(self, text: str) -> str | None:
        """The label that a text is, whatever its case, a final period aside."""
        answer = text.strip()
        for written in (answer, answer.removesuffix(".").rstrip()):
            if written in self.labels:
                return written
        by_case = {label.casefold(): label for label in self.labels}
        return by_case.get(answer.casefold()) or by_case.get(answer.removesuffix(".").rstrip().casefold())

    def label(self, value: Any, field: str, where: str) -> str:
        """The label that a cell holds, as text or as an index. Raises `UserError` for an unknown one."""
        label = label_text(value)
        if label in self.labels:
            return label
        if label.isdecimal() and int(label) < len(self.labels):
            return self.labels[int(label)]
        if not label or isinstance(value, list | dict):
            raise self.bad(where, field, "nothing" if value is None else repr(value), "a label")
        known = (
            f"one of {self.label_list}" if len(self.labels) <= MOST_LISTED else "a label of the train rows"
        )
        raise self.bad(
            where, field, label, known, do=f"{nearest(label, self.labels)} Else add it to `labels:`"
        )


@FORMATS.register("classification")
@dataclass(frozen=True)
class Classification(Labelled):
    """``text`` -> ``label``. Numbers and booleans are labels by their text: ``1``, ``true``.

    A whole number that is not a label itself is an index into the task's labels, as hub data sets have it.
    """

    name = "classification"
    fields: ClassVar[Fields] = {**AboutText.asked, "label": ("label", "labels", "category")}
    required = (frozenset({"text", "label"}),)
    metrics = ("macro_f1", "accuracy", "exact_match")
    max_new_tokens = 16
    default_instruction = "Classify the text."

    @property
    def choices(self) -> tuple[str, ...]:
        """The labels."""
        return self.labels

    @classmethod
    def find_labels(cls, rows: Any, columns: Columns) -> tuple[str, ...]:
        """Every label that stands in a row, sorted. Raises `UserError` for fewer than two."""
        labels = tuple(sorted({label_text(value) for value in rows[columns["label"]]} - {""}))
        if len(labels) < 2:
            raise UserError(
                f"column '{columns['label']}' holds no choice",
                given=f"labels {list(labels)} in the train rows",
                expected="at least two different labels",
                do="name the label's column with `label:`, or use more data",
            )
        return labels

    def answer(self, row: Row, where: str) -> tuple[str, str]:
        """The label, as text and as reference."""
        value = self.value(row, "label")
        if isinstance(value, list):
            do = "for rows with several labels write `format: multi_label`"
            raise self.bad(where, "label", value, "one label", do)
        label = self.label(value, "label", where)
        return label, label

    def parse(self, text: str) -> str | None:
        """The label that the text is, and nothing else."""
        return self.read(text)
