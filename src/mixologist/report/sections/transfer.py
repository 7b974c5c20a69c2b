"""Which task helps which: what an adapter of one task does for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report import figures
from mixologist.report.blocks import Figure, Section, Table, Text
from mixologist.report.figures import explained
from mixologist.report.numbers import difference
from mixologist.report.reading import Run


def transfer(run: Run) -> Section | None:
    """``evaluation.json`` -> ``transfer``: {TRAINED ON: {EVALUATED ON: {minus_base: {value}}}}."""
    found = (run.evaluation or {}).get("transfer")
    if not found:
        return None
    rows, columns = list(found), list(dict.fromkeys(task for row in found.values() for task in row))
    values = [[_points(found[row].get(column)) for column in columns] for row in rows]
    clear = _clear(found, run)
    cells: list[list[Text]] = [
        [row, *(_cell(found[row].get(column), (row, column) in clear) for column in columns)] for row in rows
    ]
    figure = Figure(
        figures.heat("transfer", f"Heat map: transfer between {len(rows)} tasks.", rows, columns, values, signed=True),
        "Row: the task that an adapter was trained on. Column: the task that it answers. Points above or below the "
        f"plain base, of the first training. Colours are values, noise and all: {len(clear)} of {_count(found)} cells "
        "differ from the base after Holm's correction over all of them; they have a * in the table."
        f"{explained(rows, columns)}",
        Table(
            f"points against the base with their {run.level} intervals, trained on (row), asked (column)",
            ["trained on", *columns], cells,
        ),
        {"better than the base": "helped", "worse": "hurt"},
    )  # fmt: skip
    return Section("transfer", "Transfer", [figure])


def _clear(found: Mapping[str, Mapping[str, Any]], run: Run) -> set[tuple[str, str]]:
    """The cells that differ from the base, whatever the others show."""
    level = 1 - (run.evaluation or {}).get("confidence", 0.95)
    return {
        (row, column)
        for row, cells in found.items()
        for column, cell in cells.items()
        if cell["minus_base"].get("p_holm", 1) < level
    }


def _count(found: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(len(cells) for cells in found.values())


def _cell(cell: Mapping[str, Any] | None, clear: bool) -> str:
    return f"{difference(cell['minus_base'])}{' *' if clear else ''}" if cell else ""


def _points(cell: Mapping[str, Any] | None) -> float | None:
    """Against the plain base; None where it was not asked."""
    return 100 * float(cell["minus_base"]["value"]) if cell else None
