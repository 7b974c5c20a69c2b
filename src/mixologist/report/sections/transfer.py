"""Which task helps which: what an adapter of one task does for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report import figures
from mixologist.report.blocks import Figure, Section, Table, Text
from mixologist.report.figures import explained
from mixologist.report.reading import Run


def transfer(run: Run) -> Section | None:
    """``evaluation.json`` -> ``transfer``: {TRAINED ON: {EVALUATED ON: {minus_base: {value}}}}."""
    found = (run.evaluation or {}).get("transfer")
    if not found:
        return None
    rows, columns = list(found), list(dict.fromkeys(task for row in found.values() for task in row))
    values = [[_points(found[row].get(column)) for column in columns] for row in rows]
    cells: list[list[Text]] = [
        [row, *("" if value is None else f"{value:+.1f}" for value in line)]
        for row, line in zip(rows, values, strict=True)
    ]
    figure = Figure(
        figures.heat("transfer", f"Heat map: transfer between {len(rows)} tasks.", rows, columns, values, signed=True),
        "Row: the task that an adapter was trained on. Column: the task that it answers. Points above or below the "
        f"plain base.{explained(rows, columns)}",
        Table("points against the base, trained on (row), asked (column)", ["trained on", *columns], cells),
        {"better than the base": "helped", "worse": "hurt"},
    )  # fmt: skip
    return Section("transfer", "Transfer", [figure])


def _points(cell: Mapping[str, Any] | None) -> float | None:
    """Against the plain base; None where it was not asked."""
    return 100 * float(cell["minus_base"]["value"]) if cell else None
