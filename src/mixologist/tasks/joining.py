"""A side file joined to rows by a column: documents that many rows speak of are stored, read and held once.

n = rows
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from mixologist.errors import UserError, nearest
from mixologist.tasks.formats.base import label_text


class Joined:
    """Rows with the columns of their side row beside their own, called ``documents.text`` for documents.jsonl.

    Made as they are read, from two tables on disk; held are 4 bytes a row.
    """

    def __init__(self, rows: Any, side: Any, on: str, prefix: str) -> None:
        self.rows = rows
        """The rows without the join."""
        self.side = side
        self._beside = {f"{prefix}.{column}": column for column in side.column_names if column != on}
        place = {label_text(key): number for number, key in enumerate(side[on])}
        self._places = np.fromiter((place.get(label_text(key), -1) for key in rows[on]), np.int32)  # (n,)

    @property
    def column_names(self) -> list[str]:
        """The rows' own, then the side file's."""
        return [*self.rows.column_names, *self._beside]

    @property
    def unmatched(self) -> list[int]:
        """The numbers of rows without a side row."""
        return [int(number) for number in np.flatnonzero(self._places < 0)]

    @property
    def _fingerprint(self) -> str:
        """As the rows have it (datasets)."""
        return str(self.rows._fingerprint)

    def select(self, numbers: Any) -> Joined:
        """Some of the rows, in this order."""
        chosen = copy(self)
        chosen.rows, chosen._places = self.rows.select(numbers), self._places[numbers]
        return chosen

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """A row, the columns of several, or a column's values, as `datasets.Dataset` has them."""
        if isinstance(key, str):
            if key not in self._beside:
                return self.rows[key]
            return np.array(self.side[self._beside[key]], dtype=object)[self._places]
        found = self.side[self._places[key]]
        return {**self.rows[key], **{name: found[column] for name, column in self._beside.items()}}


def own(rows: Any) -> Any:
    """Rows as their own file has them."""
    return rows.rows if isinstance(rows, Joined) else rows


def join(splits: Mapping[str, Any], side: Any, file: Path, on: str) -> dict[str, Any]:
    """The splits with the side file's columns. Raises `UserError` for a missing column, or rows without a side row."""
    for name, table in {**splits, file.name: side}.items():
        if on not in table.column_names:
            raise UserError(
                f"{name} has no column '{on}' to join on",
                given=f"join: {{file: {file.name}, on: {on}}}",
                expected=f"one of {', '.join(table.column_names)}",
                do=nearest(on, table.column_names),
            )
    _check_once(side, file, on)
    joined = {split: Joined(rows, side, on, file.stem) for split, rows in splits.items()}
    for split, rows in joined.items():
        if rows.unmatched:
            first = rows.unmatched[0]
            raise UserError(
                f"{len(rows.unmatched)} rows of {split} have no row in {file}",
                given=f"{on} {rows.rows[first][on]!r} in row {first + 1}",
                expected=f"each row's '{on}' in {file.name}",
                do="add what is missing, or remove those rows",
            )
    return joined


def _check_once(side: Any, file: Path, on: str) -> None:
    (key, times), *_ = Counter(map(label_text, side[on])).most_common(1)
    if times > 1:
        raise UserError(
            f"{file}: '{on}' is not unique",
            given=f"{key!r} in {times} rows",
            expected=f"one row for each '{on}'",
            do="keep one of them",
        )
