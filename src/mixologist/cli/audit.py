"""Look over the data of a recipe: rows, lengths, labels, duplicates, leakage, broken rows and texts. Trains nothing.

Exit 0: nothing that `train` would stop for. Exit 2: something that it would, in this report; --fix mends it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mixologist.auditing.fixing import RECIPE, write_fixed
from mixologist.auditing.kinds import KINDS
from mixologist.auditing.report import audit
from mixologist.cli.console import Json, Set, emit, following, out
from mixologist.recipe.load import load

MOST_LABELS = 5


def run(
    recipe: Annotated[Path, typer.Argument(help="The recipe (YAML).")],
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write cleaned copies, a list of changes and a recipe to a new folder."
        ),
    ] = None,
    set_: Set = [],  # noqa: B006 - typer copies it
    json: Json = False,
) -> int:
    """See the module."""
    with (
        following(f"mixologist audit {recipe}") as follower,
        audit(load(recipe, set_), follower.stage) as report,
    ):
        found, problem = report.as_json(), report.problem
        if fix:
            found["fixed"] = {"recipe": str(fix / RECIPE), "changes": write_fixed(report, fix)}
            problem = None
    if json:
        emit(found | ({"error": problem.as_json()} if problem else {}))
        return 2 if problem else 0
    show(found)
    if problem:
        raise problem
    return 0


def show(found: dict[str, Any]) -> None:
    """The audit as tables."""
    out.print(_rows(found["tasks"]))
    findings = _findings(found["tasks"])
    out.print(findings if findings.row_count else "Nothing found.")
    if fixed := found.get("fixed"):
        out.print(
            f"{fixed['changes']:,} rows changed; next: mixologist audit {fixed['recipe']}", soft_wrap=True
        )


def _rows(tasks: dict[str, Any]) -> Table:
    table = Table(title="Rows, and tokens (median / 95 % / most)", title_justify="left", header_style="bold")
    table.add_column("task", min_width=max(map(len, tasks)))
    for column in ("train", "validation", "test", "prompt", "answer"):
        table.add_column(column, justify="right")
    table.add_column("labels (train rows)")
    for name, task in tasks.items():
        rows = [f"{task['rows'][split]:,}" for split in ("train", "validation", "test")]
        tokens = [" / ".join(map(str, task["tokens"][part].values())) for part in ("prompt", "completion")]
        labels = [f"{label} {count}" for label, count in task["labels"].items()]
        shown = ", ".join(labels[:MOST_LABELS]) + (", ..." if len(labels) > MOST_LABELS else "")
        table.add_row(name, *rows, *tokens, shown)
    return table


def _findings(tasks: dict[str, Any]) -> Table:
    table = Table(title="Findings", title_justify="left", header_style="bold")
    table.add_column("task", min_width=max(map(len, tasks)))
    table.add_column("n", justify="right")
    for column in ("what", "such as", "--fix"):
        table.add_column(column)
    for name, task in tasks.items():
        for kind, finding in task["findings"].items():
            such_as = finding["places"][0]
            table.add_row(
                name, f"{finding['count']:,}", KINDS[kind].says, such_as, finding["fix"] or "left to you"
            )
    return table
