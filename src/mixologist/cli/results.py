"""An evaluation on the terminal: the table, then what it means."""

from __future__ import annotations

from typing import Any

from mixologist.cli.console import out
from mixologist.report.numbers import duration, size
from mixologist.report.tables import terminal
from mixologist.report.words import gain, mind, routing, sharing
from mixologist.runfolder import RunFolder


def show(folder: RunFolder, evaluation: dict[str, Any], record: dict[str, Any]) -> None:
    """Table, verdicts, routing, cost and where to read on."""
    out.print(terminal(evaluation), markup=False)
    for sentence in (
        *(mark.text for mark in sharing(evaluation)),
        gain(evaluation),
        routing(evaluation),
        *mind(record),
    ):
        if sentence:
            out.print(sentence, markup=False)
    cost = f"{duration(record['seconds'])}, {record['tokens']:,} training tokens"
    out.print(f"{cost}, {size(record['peak_memory_bytes'])} of memory at most.")
    out.print(f"Report: {folder.path / 'report.html'}", markup=False, soft_wrap=True)
