"""A table as lines of text: ``a | b | c``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mixologist.tasks.formats.numbers import render


def render_table(table: Any) -> str:
    """One line a row, from a list of rows, a dictionary column -> row -> value, or text as it stands.

    Raises `ValueError` for anything else.
    """
    if table is None or isinstance(table, str):
        return (table or "").strip()
    rows = _by_columns(table) if isinstance(table, Mapping) else table
    if not isinstance(rows, list) or not all(isinstance(row, list | tuple) for row in rows):
        raise ValueError("not a table")
    return "\n".join(" | ".join(map(_cell, row)) for row in rows).strip()


def _by_columns(table: Mapping[str, Any]) -> list[list[Any]]:
    """Rows in the order in which the columns name them. Cells that are None were never there: a file with
    different tables in its rows is read as one wide table."""
    if not all(isinstance(column, Mapping) for column in table.values() if column is not None):
        raise ValueError("not a table")
    filled = {
        name: {row: cell for row, cell in column.items() if cell is not None}
        for name, column in table.items()
        if column is not None
    }
    columns = {name: cells for name, cells in filled.items() if cells}
    names = dict.fromkeys(row for cells in columns.values() for row in cells)
    return [["", *columns], *([row, *(cells.get(row) for cells in columns.values())] for row in names)]


def _cell(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return render(value)
    return "" if value is None else " ".join(str(value).split())
