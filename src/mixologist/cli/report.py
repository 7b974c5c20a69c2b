"""Write the report of a run as one HTML file, or compare several runs side by side. Reads records; computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixologist.cli.console import Json, emit, out
from mixologist.report.html import write_comparison, write_report


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
    one = len(runs) == 1
    path = write_report(runs[0], to) if one else write_comparison(runs, to or Path("report.html"))
    if json:
        emit({"report": str(path)})
    else:
        out.print(f"Report: {path}", markup=False, soft_wrap=True)
