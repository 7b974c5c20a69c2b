"""An evaluation on the terminal: the table, then what it means."""

from __future__ import annotations

from typing import Any

from mixologist.cli.console import out
from mixologist.report import edge_cases
from mixologist.report.harness import harness_cells, harness_rows
from mixologist.report.learning_curve import curve_cells, learning_curves, told
from mixologist.report.numbers import duration, size
from mixologist.report.tables import plain, terminal
from mixologist.report.words import caution, cocktail, gain, mind, routing, sharing
from mixologist.runfolder import RunFolder


def show(folder: RunFolder, evaluation: dict[str, Any], record: dict[str, Any]) -> None:
    """Table, verdicts, routing, cost and where to read on."""
    out.print(terminal(evaluation), markup=False)
    for sentence in (
        caution(evaluation),
        *(mark.text for mark in sharing(evaluation)),
        cocktail(evaluation),
        gain(evaluation),
        routing(evaluation),
        *mind(record),
    ):
        if sentence:
            out.print(sentence, markup=False)
    _show_edge_cases(evaluation)
    if cells := harness_cells(harness_rows(folder, record)):
        out.print(plain(cells, "Tasks of the lm-evaluation-harness"))
    for curve in learning_curves(folder, record):
        out.print(plain(curve_cells(curve), f"{curve['task']} by train rows"))
        out.print(told(curve), markup=False)
    cost = f"{duration(record['seconds'])}, {record['tokens']:,} training tokens"
    out.print(f"{cost}, {size(record['peak_memory_bytes'])} of memory at most.")
    out.print(f"Report: {folder.path / 'report.html'}", markup=False, soft_wrap=True)


def _show_edge_cases(evaluation: dict[str, Any]) -> None:
    """Texts out of scope, challenge sets and the weakest slices, where there are any."""
    tables = {
        "Texts that no task is about, against the task's own test prompts": edge_cases.out_of_scope_cells(
            evaluation["router"]
        ),
        "Altered test rows; change: routed, against the same rows as they stand": edge_cases.challenge_cells(
            evaluation
        ),
        "The weakest slices": edge_cases.slice_cells(evaluation, edge_cases.MOST_SHOWN),
    }
    for title, cells in tables.items():
        if cells:
            out.print(plain(cells, title))
    for sentence in (edge_cases.hidden(evaluation, edge_cases.MOST_SHOWN), edge_cases.untold(evaluation)):
        if sentence:
            out.print(sentence, markup=False)
