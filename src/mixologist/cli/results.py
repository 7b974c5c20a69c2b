"""An evaluation on the terminal: the table, then what it means."""

from __future__ import annotations

from typing import Any

from mixologist.cli.console import out
from mixologist.report.tables import terminal
from mixologist.report.words import routing, sharing
from mixologist.runfolder import RunFolder


def show(folder: RunFolder, evaluation: dict[str, Any], record: dict[str, Any]) -> None:
    """Table, verdicts, routing, cost and the next commands."""
    title = f"{evaluation['split']} split: metric x 100 ± half its interval; ! some answers could not be read"
    out.print(terminal(evaluation, title))
    for sentence in sharing(evaluation):
        out.print(sentence, markup=False)
    out.print(routing(evaluation), markup=False)
    out.print(
        f"{record['seconds']:.0f} seconds, {record['tokens']:,} training tokens, "
        f"{record['peak_memory_bytes'] / 1e9:.1f} GB at most. Run folder: {folder.path}"
    )
