"""Tasks of the lm-evaluation-harness."""

from __future__ import annotations

from mixologist.report.blocks import Section, Table, Words
from mixologist.report.harness import ABOUT, harness_cells
from mixologist.report.reading import Run


def harness(run: Run) -> Section | None:
    """harness.json, where the harness was asked."""
    cells = harness_cells(run.harness)
    if not cells:
        return None
    header, *rows = cells
    return Section(
        "harness",
        "Tasks of the harness",
        [Words(ABOUT), Table("lm-evaluation-harness", header, rows, ("metric",))],
    )
