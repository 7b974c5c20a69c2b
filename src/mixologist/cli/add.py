"""Add one more skill to a finished run; the older adapters' files are not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mixologist.adding import add_adapter, add_task, read_task
from mixologist.cli import results
from mixologist.cli.console import Json, emit, following, out
from mixologist.errors import UserError
from mixologist.files import read_json
from mixologist.runfolder import RunFolder


def run(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    task: Annotated[Path | None, typer.Argument(help="A YAML file with one task, as in a recipe.")] = None,
    adapter: Annotated[
        Path | None, typer.Option(help="An existing PEFT LoRA folder, instead of training.")
    ] = None,
    json: Json = False,
) -> None:
    """See the module."""
    folder = RunFolder(run)
    if task is None and adapter is None:
        raise UserError(
            "nothing to add",
            given="neither a task nor --adapter",
            expected="NEW-TASK.yaml, --adapter FOLDER, or both",
            do="give a YAML file with one task (keys as under tasks: in a recipe)",
        )
    if task is None:
        assert adapter is not None
        record = add_adapter(folder, adapter)
        out.print(
            f"{adapter.name} is served by name; give a task too if the router shall choose it"
        ) if not json else None
    else:
        with following(f"mixologist add {run} {task}") as follower:
            record = add_task(folder, read_task(task), adapter, follower.hooks())
        if not json:
            results.show(folder, read_json(folder.evaluation), record)
    if json:
        emit({"run": str(run), "adapters": list(record["adapters"]), "served_by": record["served_by"]})
