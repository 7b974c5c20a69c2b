"""What every format does: turn a row of data into examples, and an answer's text back into a prediction.

A new kind of data is one new file: a subclass of `Format`, registered under its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mixologist.errors import UserError
from mixologist.records import Example
from mixologist.registry import Registry

Row = Mapping[str, Any]
Fields = Mapping[str, tuple[str, ...]]
"""Field -> the columns that usually hold it, the likeliest first."""

MOST_LISTED = 20
"""A prompt lists the labels up to so many of them."""


@dataclass(frozen=True)
class Format(ABC):
    """A format bound to one task: which columns hold its fields, the labels, the instruction, the metric."""

    columns: Mapping[str, str]
    """Field -> column, for the fields that the data has."""
    metric: str
    labels: tuple[str, ...] = ()
    instruction: str = ""

    name: ClassVar[str]
    fields: ClassVar[Fields]
    required: ClassVar[tuple[frozenset[str], ...]]
    """The fields without which there is no example; several sets are alternatives."""
    metrics: ClassVar[tuple[str, ...]]
    """The metrics that can read this format's predictions, the default first."""
    max_new_tokens: ClassVar[int]
    numbered_parts: ClassVar[bool] = False
    """Whether a row yields several examples, so that their ids carry the part."""
    default_instruction: ClassVar[str] = ""
    rewordings: ClassVar[tuple[str, ...]]
    """Other instructions for a task that brings none; ``{labels}`` stands for its labels."""
    held_out_rewordings: ClassVar[tuple[str, ...]]

    @abstractmethod
    def example(
        self, row: Row, part: int, /, *, task: str, id: str, instruction: str | None = None
    ) -> Example:
        """Part ``part`` of a row; ``instruction`` replaces the task's own (a rewording).

        Raises `UserError` that names the row where a field is missing, empty or of the wrong kind.
        """

    @abstractmethod
    def parse(self, text: str) -> Any | None:
        """What the metric compares, from the text the model wrote; None is a format failure."""

    def parts(self, row: Row) -> int:
        """How many examples the row yields; 0 for a row without an answer."""
        del row
        return 1

    @property
    def choices(self) -> tuple[str, ...]:
        """The only answers there can be, to be scored rather than written; none for most formats."""
        return ()

    @classmethod
    def find_labels(cls, rows: Any, columns: Mapping[str, str]) -> tuple[str, ...]:
        """The closed set of labels in a data set's rows, sorted; none for formats without labels."""
        del rows, columns
        return ()

    def instruct(self, instruction: str | None) -> str:
        """The instruction (None: the task's own) with its ``{labels}`` filled in."""
        text = self.instruction if instruction is None else instruction
        return text.replace("{labels}", self.label_list)

    @property
    def label_list(self) -> str:
        """``a, b, c``; with semicolons where a label holds a comma; no list of more than 20."""
        if len(self.labels) > MOST_LISTED:
            return "the known labels"
        return ("; " if any("," in label for label in self.labels) else ", ").join(self.labels)

    def value(self, row: Row, field: str) -> Any:
        """The field's value; None where the data has no such column or the cell is empty."""
        value = row.get(self.columns[field]) if field in self.columns else None
        return None if value != value else value  # NaN, the one value that differs from itself

    def text(self, row: Row, field: str, where: str) -> str:
        """The field as stripped text. Raises `UserError` for an empty one, or for a list or object."""
        value = self.value(row, field)
        if isinstance(value, list | dict):
            raise self.bad(where, field, value, "text")
        text = "" if value is None else str(value).strip()
        if not text:
            raise self.bad(
                where, field, "nothing" if value is None else repr(value), "text that is not empty"
            )
        return text

    def optional_text(self, row: Row, field: str, where: str) -> str:
        """The field as stripped text, ``""`` where it is absent or empty."""
        value = self.value(row, field)
        return "" if value is None or str(value).strip() == "" else self.text(row, field, where)

    def bad(self, where: str, field: str, given: object, expected: str, do: str = "") -> UserError:
        """The error of one row's field."""
        column = self.columns.get(field, field)
        shown = str(given)
        return UserError(
            f"{where}: wrong '{column}'",
            given=shown if len(shown) <= 100 else shown[:97] + "...",
            expected=expected,
            do=do or f"mend or remove the row (format {self.name} reads '{field}' from column '{column}')",
        )


FORMATS: Registry[type[Format]] = Registry("format")


def place(task: str, id: str) -> str:
    """Where an example comes from, in words: ``task 'fpb', row 18 of train (id train/17)``."""
    split, _, number = id.partition("/")
    row = int(number.partition(".")[0])
    return f"task '{task}', row {row + 1} of {split} (id {id})"


def joined(*parts: str) -> str:
    """The parts that are not empty, with blank lines between."""
    return "\n\n".join(part for part in parts if part)
