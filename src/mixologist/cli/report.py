"""Write the report of a run as one HTML file, or compare several runs side by side; where they differ by one task, with
what it gives the others. Reads what runs have written; answers nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixologist.cli.console import Json, emit, out
from mixologist.evaluation.leave_one_out import leave_one_out
from mixologist.files import check_writable
from mixologist.report.html import write_comparison, write_report
from mixologist.runfolder import RunFolder


def run(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, finished or not.")],
    to: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Where; default: RUN/report.html, for several runs ./report.html."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """See the module."""
    if to:
        check_writable(to, "the report", "name a file with --out")
    one = len(runs) == 1
    if one:
        path = write_report(runs[0], to)
    else:
        left_out = leave_one_out([RunFolder(run) for run in runs])
        path = write_comparison(runs, to or Path("report.html"), left_out)
    if json:
        emit({"report": str(path)} | ({} if one else {"left_out": left_out}))
    else:
        out.print(f"Report: {path}", markup=False, soft_wrap=True)
