"""Where a run's answers get worse: parts of the test rows, altered rows, what was forgotten."""

from __future__ import annotations

from mixologist.report import edge_cases
from mixologist.report.blocks import Block, Section, Table, Text, Words
from mixologist.report.general_ability import ABOUT, general_ability_cells
from mixologist.report.reading import Run

CHANGE = (
    "Metric x 100 and half its interval. Change: the routed system against the same rows as they stand. same_answer: "
    "the share of answers that stay as they were, where it is not known what is right."
)


def limits(run: Run) -> Section | None:
    """Whatever the evaluation has of it."""
    found = run.evaluation or {}
    parts = [
        ("Altered test rows", edge_cases.challenge_cells(found) if found else [], CHANGE),
        (
            "Parts of the test rows",
            edge_cases.slice_cells(found) if found else [],
            edge_cases.untold(found) if found else "",
        ),
        ("General ability kept or lost", general_ability_cells(found), ABOUT),
    ]
    blocks: list[Block] = []
    for caption, cells, about in parts:
        if cells:
            rows: list[list[Text]] = [list(row) for row in cells[1:]]
            blocks += [
                Table(caption, cells[0], rows, words=("slice", "challenge", "metric")),
                *([Words(about)] if about else []),
            ]
    return Section("limits", "Limits", blocks) if blocks else None
