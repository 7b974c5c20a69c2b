"""Write PEFT folders of all adapters, or with --merged one full model, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixologist import exporting
from mixologist.cli.console import Json, emit, out
from mixologist.runfolder import RunFolder


def run(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    to: Annotated[Path, typer.Option("--to", help="A new or empty folder.")],
    merged: Annotated[
        str | None, typer.Option(metavar="NAME", help="Merge this adapter into the base.")
    ] = None,
    json: Json = False,
) -> None:
    """See the module."""
    written = exporting.export(RunFolder(run), to, merged)
    if json:
        emit({"written": [str(path) for path in written]})
        return
    for path in written:
        out.print(str(path), markup=False)
