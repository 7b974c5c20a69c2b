"""Look over the data of a recipe: rows, duplicates, leakage within and across tasks, label balance. Trains nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mixologist.cli.console import Json, Set, emit, err, out
from mixologist.recipe.load import load
from mixologist.tasks.task import Task, TaskSet, load_tasks


def run(
    recipe: Annotated[Path, typer.Argument(help="The recipe (YAML).")],
    set_: Set = [],  # noqa: B006 - typer copies it
    json: Json = False,
) -> None:
    """See the module."""
    tasks = load_tasks(load(recipe, set_), allow_leakage=True)
    everything = tasks.tasks | {name: task for name, (task, _) in tasks.general.items()}
    found = tasks.audit.as_json()
    for name, task in everything.items():
        found[name] |= {"format": task.format.name, "licence": task.licence, "labels": _labels(task)}
    warnings = tasks.audit.warnings()
    if json:
        emit({"tasks": found, "warnings": warnings})
        return
    show(tasks, found)
    for warning in warnings:
        err.print(f"warning: {warning}", markup=False, soft_wrap=True)


def _labels(task: Task) -> dict[str, int]:
    """Label -> train rows, most frequent first; empty for tasks without labels."""
    if not task.labels:
        return {}
    rows = task.splits["train"]
    return dict(Counter(str(rows[number].reference) for number in range(len(rows))).most_common())


def show(tasks: TaskSet, found: dict[str, Any]) -> None:
    """The audit as a table."""
    table = Table(title="Rows", title_justify="left", header_style="bold")
    table.add_column("task", min_width=max(map(len, tasks.audit.tasks)))
    for column in ("train", "validation", "test", "duplicates", "leaked", "removed"):
        table.add_column(column, justify="right")
    table.add_column("labels (train rows)")
    for name in tasks.audit.tasks:
        row = found[name]
        counts = [
            *(row["rows"][split] for split in ("train", "validation", "test")),
            row["duplicates"],
            row["leaked"],
        ]
        labels = ", ".join(f"{label} {count}" for label, count in list(row["labels"].items())[:5])
        more = ", ..." if len(row["labels"]) > 5 else ""
        removed = row["near"] + sum(row["removed"].values())
        table.add_row(name, *(f"{count:,}" for count in [*counts, removed]), labels + more)
    out.print(table)
