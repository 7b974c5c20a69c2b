"""Evaluate every system of a run on a split, with intervals; answers that are kept are not computed again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixologist import api
from mixologist.cli import results
from mixologist.cli.console import Json, Set, emit, following
from mixologist.errors import UserError
from mixologist.files import check_writable, write_text
from mixologist.harness_rows import SYSTEMS, measure, task_manager
from mixologist.report.harness import harness_rows
from mixologist.report.learning_curve import learning_curves
from mixologist.report.page import page
from mixologist.runfolder import RunFolder
from mixologist.scaling import TRAININGS, check_task


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
    harness: Annotated[
        list[str], typer.Option(help="Also a task of the lm-evaluation-harness; give it again for more.")
    ] = [],  # noqa: B006 - typer copies it
    harness_path: Annotated[Path | None, typer.Option(help="A folder with such tasks of your own.")] = None,
    harness_limit: Annotated[
        int | None, typer.Option(min=1, help="Items of each such task; all when left out.")
    ] = None,
    learning_curve: Annotated[
        list[str],
        typer.Option(help="Also a task's score by its train rows (trains); give it again for more tasks."),
    ] = [],  # noqa: B006 - typer copies it
    curve_seeds: Annotated[
        int | None,
        typer.Option(min=1, help=f"Trainings of each part of the rows; {TRAININGS} when left out."),
    ] = None,
    set_: Set = [],  # noqa: B006 - typer copies it
    json: Json = False,
) -> None:
    """See the module."""
    _goes_with("--learning-curve TASK", learning_curve, {"--curve-seeds": curve_seeds})
    _goes_with("--harness TASK", harness, {"--harness-path": harness_path, "--harness-limit": harness_limit})
    if markdown:
        check_writable(markdown, "the page", "name a file with --markdown")
    also = [f"--learning-curve {task}" for task in learning_curve] + [f"--harness {task}" for task in harness]
    also += [f"--curve-seeds {curve_seeds}"] if curve_seeds else []
    with following(" ".join([f"mixologist evaluate {run} --split {split}", *also])) as follower:
        hooks = follower.hooks()
        for task in learning_curve:
            check_task(RunFolder(run), task)
        manager = task_manager(harness, harness_path) if harness else None
        for task in learning_curve:
            api.learning_curve(run, task, curve_seeds or TRAININGS, hooks)
        evaluation = api.evaluate(run, split, hooks, overrides=set_)
        if manager:
            measure(run, harness, manager, limit=harness_limit, advance=hooks.stage("harness", len(SYSTEMS)))
    folder = RunFolder(run)
    record = folder.record()
    rows, curves = harness_rows(folder, record), learning_curves(folder, record)
    if markdown:
        write_text(markdown, page(title, evaluation, record, command, rows, curves))
    if json:
        emit(
            evaluation
            | ({"harness": rows} if rows else {})
            | ({"learning_curves": {curve["task"]: curve for curve in curves}} if curves else {})
        )
        return
    results.show(folder, evaluation, record)


def _goes_with(main: str, given: list[str], options: dict[str, object]) -> None:
    """An option that would change nothing is told so, and not passed over."""
    for name, value in options.items():
        if value is not None and not given:
            raise UserError(
                f"{name} goes with {main.split()[0]}",
                given=f"{name} {value} alone",
                expected=f"{main} beside it",
                do=f"add {main}, or leave {name} out",
            )
