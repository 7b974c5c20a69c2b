"""Out of scope: rows of a task's data that belong to none, parted from its own before its labels are looked for.

n = rows of a split of the data
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist.errors import UserError, nearest
from mixologist.recipe.schema import OutOfScope
from mixologist.tasks.encoding import Advance
from mixologist.tasks.formats import Format
from mixologist.tasks.formats.base import label_text
from mixologist.tasks.splits import Split, make_splits

Numbers = NDArray[np.int64]
MOST_NAMED = 20
"""Values of a column that a message lists."""


def outside_name(task: str) -> str:
    """What a task's out-of-scope rows are called in records."""
    return f"{task} (out of scope)"


def part(
    source: Mapping[str, Any], marked: OutOfScope | None, task: str
) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
    """Split of the data -> numbers of the task's own rows, and of those out of scope, ascending.

    Args:
        source: split -> rows with ``column_names`` that give a column by its name.
        marked: None: all rows are the task's own.

    Raises `UserError` where a split lacks the column, or no row of any split has one of the values.
    """
    if marked is None:
        return {split: np.arange(len(rows)) for split, rows in source.items()}, {}
    outside: dict[str, NDArray[np.bool_]] = {}  # (n,)
    values: set[str] = set()
    for split, rows in source.items():
        _check_column(marked.column, split, rows.column_names, task)
        texts = [label_text(value) for value in rows[marked.column]]
        outside[split] = np.array([text in marked.values for text in texts], dtype=np.bool_)
        values.update(texts)
    _check_values(marked, values, task)
    own = {split: np.flatnonzero(~mask) for split, mask in outside.items()}
    return own, {split: np.flatnonzero(mask) for split, mask in outside.items()}


class Lent:
    """Rows that have no answer of their own, read as if they had another row's: a format reads whole examples only."""

    def __init__(self, rows: Any, answer: Mapping[str, Any]) -> None:
        self.rows = rows
        self.answer = answer
        """Column -> the value in every row."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: int | slice | list[int]) -> dict[str, Any]:
        """A row, or the columns of several."""
        found = self.rows[key]
        if isinstance(key, int):
            return {**found, **self.answer}
        count = len(next(iter(found.values())))
        return {**found, **{column: [value] * count for column, value in self.answer.items()}}


def outside_splits(
    source: Mapping[str, Any],
    rows: Mapping[str, Numbers],
    marked: OutOfScope,
    format: Format,
    own: Split,
    *,
    caps: Mapping[str, int | None],
    seed: int,
    advance: Advance,
) -> dict[str, Split]:
    """Train, validation and test of a task's out-of-scope ``rows``; any of them may be empty.

    Raises `UserError` where none of them can be read as an example.
    """
    lent = _lend(source, marked, format, own)
    splits, _ = make_splits(
        own.task, lent, format, caps=caps, seed=seed, rows=rows, fewest=0, advance=advance
    )
    if not any(map(len, splits.values())):
        raise UserError(
            f"task '{own.task}': no row out of its scope can be read",
            given=f"{sum(map(len, rows.values()))} rows whose '{marked.column}' is {' or '.join(marked.values)}",
            expected="rows as the task's others are, but for the label",
            do="fill in what the other rows have, or remove out_of_scope",
        )
    return splits


def _lend(source: Mapping[str, Any], marked: OutOfScope, format: Format, own: Split) -> dict[str, Lent]:
    """The data with the answer of ``own``'s first row in every row.

    The answer is what the format reads from the column that marks the rows, and from its label's.
    """
    columns = {marked.column, format.columns.get("label")} & set(format.columns.values())
    lender = own.rows[int(own.survey.parts[0, 0])]
    answer = {column: lender[column] for column in columns if isinstance(column, str)}
    return {split: Lent(rows, answer) for split, rows in source.items()}


def _check_column(column: str, split: str, available: Iterable[str], task: str) -> None:
    if column not in available:
        raise UserError(
            f"task '{task}': {split} has no column '{column}' for out_of_scope",
            given=column,
            expected=f"one of {', '.join(available)}",
            do=nearest(column, available),
        )


def _check_values(marked: OutOfScope, values: set[str], task: str) -> None:
    for value in marked.values:
        if value not in values:
            few = sorted(values) if len(values) <= MOST_NAMED else []
            raise UserError(
                f"task '{task}': no row is out of scope by '{value}'",
                given=f"out_of_scope.values: {', '.join(marked.values)}",
                expected=f"values of column '{marked.column}'" + f": {', '.join(few)}" * bool(few),
                do=_closest(value, values, marked.column),
            )


def _closest(value: str, values: set[str], column: str) -> str:
    """The nearest value, without a list of hundreds."""
    hint = nearest(value, values)
    return hint if hint.startswith("did you mean") else f"look at the values of column '{column}'"
