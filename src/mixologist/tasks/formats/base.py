"""What every format does: turn a row of data into examples, and an answer's text back into a prediction.

A new kind of data is one new file: a subclass of `Format`, registered under its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from mixologist.errors import UserError
from mixologist.records import Example
from mixologist.registry import Registry
from mixologist.tasks.keys import folded

Row = Mapping[str, Any]
Fields = Mapping[str, tuple[str, ...]]
"""Field -> the columns that usually hold it, the likeliest first."""
Column = str | tuple[str, ...]
"""Where a field stands: in one column, or in several that are read together."""
Columns = Mapping[str, Column]

MOST_LISTED = 20
"""A prompt lists the labels up to so many of them."""


@dataclass(frozen=True)
class Format(ABC):
    """A format bound to one task: which columns hold its fields, the labels, the instruction, the metric."""

    columns: Columns
    """Field -> column or columns, for the fields that the data has."""
    metric: str
    labels: tuple[str, ...] = ()
    instruction: str = ""
    scale: tuple[float, float] | None = None
    """Lowest and highest answer, for formats whose answers lie on a scale."""
    cluster: str | None = None
    """The column that names what several rows are about (`Example.cluster`)."""

    name: ClassVar[str]
    fields: ClassVar[Fields]
    required: ClassVar[tuple[frozenset[str], ...]]
    """The fields without which there is no example; several sets are alternatives."""
    texts: ClassVar[frozenset[str]] = frozenset()
    """The fields that may stand in several columns, joined as text."""
    by_names: ClassVar[bool] = True
    """Whether columns of the usual names tell that data has this format; else a recipe must name it."""
    metrics: ClassVar[tuple[str, ...]]
    """The metrics that can read this format's predictions, the default first."""
    max_new_tokens: ClassVar[int]
    numbered_parts: ClassVar[bool] = False
    """Whether a row yields several examples, so that their ids carry the part."""
    default_instruction: ClassVar[str] = ""
    rewordings: ClassVar[tuple[str, ...]]
    """Other instructions for a task that brings none; ``{labels}`` stands for its labels."""
    held_out_rewordings: ClassVar[tuple[str, ...]]

    def of_row(
        self, row: Row, part: int, /, *, task: str, id: str, instruction: str | None = None
    ) -> Example:
        """`example`, with the cluster of its row."""
        found = self.example(row, part, task=task, id=id, instruction=instruction)
        return (
            replace(found, cluster=self._cluster(row, self.cluster, place(task, id)))
            if self.cluster
            else found
        )

    def _cluster(self, row: Row, column: str, where: str) -> str:
        """Its name without case and with single spaces, ``3`` for 3.0; ``""`` for an empty cell."""
        value = _cell(row, column)
        if isinstance(value, list | dict) and value:
            raise self.bad(where, "cluster", value, "text or a number", column=column)
        return "" if isinstance(value, list | dict) else folded(label_text(value))

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
    def find_labels(cls, rows: Any, columns: Columns) -> tuple[str, ...]:
        """The closed set of labels in a data set's rows, sorted; none for formats without labels."""
        del rows, columns
        return ()

    @classmethod
    def find_scale(cls, splits: Mapping[str, Any], columns: Columns) -> tuple[float, float] | None:
        """Lowest and highest answer in all splits; None for formats without a scale."""
        del splits, columns
        return None

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
        column = self.columns.get(field)
        assert not isinstance(column, tuple), f"{field} is read as text"
        return None if column is None else _cell(row, column)

    def text(self, row: Row, field: str, where: str) -> str:
        """The field as stripped text; of several columns each in a line of its own, after its name.

        Raises `UserError` for an empty cell, or for a list or object.
        """
        column = self.columns.get(field, field)
        if isinstance(column, tuple):
            return "\n".join(f"{name}: {self._text(row, field, name, where)}" for name in column)
        return self._text(row, field, column, where)

    def optional_text(self, row: Row, field: str, where: str) -> str:
        """The same without the cells that are empty: ``""`` where all are, or where the data has no column."""
        column = self.columns.get(field, ())
        filled = [name for name in several(column) if not _empty(_cell(row, name))]
        texts = {name: self._text(row, field, name, where) for name in filled}
        named = isinstance(column, tuple)
        return "\n".join(f"{name}: {text}" if named else text for name, text in texts.items())

    def _text(self, row: Row, field: str, column: str, where: str) -> str:
        value = _cell(row, column)
        if isinstance(value, list | dict):
            raise self.bad(where, field, value, "text", column=column)
        if _empty(value):
            given = "nothing" if value is None else repr(value)
            raise self.bad(where, field, given, "text that is not empty", column=column)
        return str(value).strip()

    def bad(
        self, where: str, field: str, given: object, expected: str, do: str = "", column: str = ""
    ) -> UserError:
        """The error of one row's field, or of one of its columns."""
        column = column or ", ".join(several(self.columns.get(field, field)))
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


def several(column: Column) -> tuple[str, ...]:
    """The columns of a field, one or several."""
    return (column,) if isinstance(column, str) else column


def _cell(row: Row, column: str) -> Any:
    value = row.get(column)
    return None if value != value else value  # NaN, the one value that differs from itself


def label_text(value: Any) -> str:
    """A label as text: ``true`` for True, ``1`` for 1 and 1.0, ``""`` for an empty cell."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def joined(*parts: str) -> str:
    """The parts that are not empty, with blank lines between."""
    return "\n\n".join(part for part in parts if part)
