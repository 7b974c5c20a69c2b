"""An evaluation on the terminal: the table, then what it means."""

from __future__ import annotations

from typing import Any

from mixologist.cli.console import out
from mixologist.report import edge_cases
from mixologist.report.tables import plain, terminal
from mixologist.report.words import routing, sharing
from mixologist.runfolder import RunFolder


def show(folder: RunFolder, evaluation: dict[str, Any], record: dict[str, Any]) -> None:
    """Table, verdicts, routing, cost and the next commands."""
    title = f"{evaluation['split']} split: metric x 100 ± half its interval; ! some answers could not be read"
    out.print(terminal(evaluation, title))
    for sentence in sharing(evaluation):
        out.print(sentence, markup=False)
    out.print(routing(evaluation), markup=False)
    _show_edge_cases(evaluation)
    out.print(
        f"{record['seconds']:.0f} seconds, {record['tokens']:,} training tokens, "
        f"{record['peak_memory_bytes'] / 1e9:.1f} GB at most. Run folder: {folder.path}"
    )


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
