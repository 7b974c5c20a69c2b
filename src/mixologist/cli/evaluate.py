"""Evaluate every system of a run on a split, with intervals; answers that are kept are not computed again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixologist import api
from mixologist.cli import results
from mixologist.cli.console import Json, Set, emit, following
from mixologist.files import write_text
from mixologist.report.page import page
from mixologist.runfolder import RunFolder


def run(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    split: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    markdown: Annotated[
        Path | None, typer.Option(help="Also write a page with all tables to this file.")
    ] = None,
    title: Annotated[str, typer.Option(help="Title of that page.")] = "Evaluation",
    command: Annotated[
        str, typer.Option(help="The command that made the run, for that page.")
    ] = "mixologist train",
    set_: Set = [],  # noqa: B006 - typer copies it
    json: Json = False,
) -> None:
    """See the module."""
    with following(f"mixologist evaluate {run} --split {split}") as follower:
        evaluation = api.evaluate(run, split, follower.hooks(), overrides=set_)
    folder = RunFolder(run)
    if markdown:
        write_text(markdown, page(title, evaluation, folder.record(), command))
    if json:
        emit(evaluation)
        return
    results.show(folder, evaluation, folder.record())
