"""Tables of an evaluation, for the terminal and for Markdown pages: the same cells in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

SYSTEMS = ("base", "single_task", "groups", "shared", "oracle", "routed")
"""Columns, in this order, where an evaluation has them."""


SHORT = {"single_task": "single"}
SIGNS = {
    "helped": "helped",
    "hurt": "hurt",
    "not distinguishable": "unclear",
    "not enough data": "few rows",
}
"""Verdicts as the narrow table has them."""


def present(evaluation: dict[str, Any]) -> list[str]:
    """The systems that occur in an evaluation."""
    found = {system for row in evaluation["tasks"].values() for system in row["systems"]}
    return [system for system in SYSTEMS if system in found]


def cells(evaluation: dict[str, Any]) -> list[list[str]]:
    """Header, a row per task, and the means: metric in points (0..100) with its interval."""
    systems = present(evaluation)
    rows = [["task", "metric", "n", *systems, "served by", "sharing"]]
    for name, task in evaluation["tasks"].items():
        found = [_cell(task["systems"].get(system)) for system in systems]
        rows.append(
            [name, task["metric"], str(task["n"]), *found, task["served_by"], _verdict(task["systems"])]
        )
    means = [_mean(evaluation, system) for system in systems]
    return [*rows, ["mean", "", "", *means, "", ""]]


def terminal(evaluation: dict[str, Any], title: str = "") -> Table:
    """A table that fits 80 columns: values in points with half the width of the interval."""
    systems = present(evaluation)
    table = Table(
        title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("task", no_wrap=True)
    for column in ("n", *(SHORT.get(system, system) for system in systems)):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("served by", no_wrap=True)
    table.add_column("sharing", no_wrap=True)
    for name, task in evaluation["tasks"].items():
        values = [_short(task["systems"].get(system)) for system in systems]
        served = "own" if task["served_by"] == name else _clip(task["served_by"])
        table.add_row(_clip(name), str(task["n"]), *values, served, SIGNS.get(_verdict(task["systems"]), ""))
    table.add_section()
    table.add_row("mean", "", *(_mean(evaluation, system) for system in systems), "", "", style="bold")
    return table


def plain(rows: Sequence[Sequence[str]], title: str) -> Table:
    """A terminal table of a header and rows; all columns but texts on the left are aligned right."""
    table = Table(
        title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for number, column in enumerate(rows[0]):
        table.add_column(column, justify="left" if number < 2 else "right", overflow="fold")
    for row in rows[1:]:
        table.add_row(*map(escape, row))
    return table


def _clip(name: str, most: int = 15) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _short(system: dict[str, Any] | None) -> str:
    if system is None:
        return ""
    failures = "!" if system["format_failures"] else ""
    return f"{failures}{100 * system['value']:.0f}±{50 * (system['high'] - system['low']):.0f}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of a header and rows."""
    header, *body = rows
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(
        "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )


def router_cells(router: dict[str, Any]) -> list[list[str]]:
    """Routing accuracy in percent by task and by kind of prompt."""
    kinds = list(router["kinds"])
    rows = [["task", *(f"{kind}" for kind in kinds), "n"]]
    for name, task in router["kinds"][kinds[0]]["tasks"].items():
        accuracies = [f"{100 * router['kinds'][kind]['tasks'][name]['accuracy']:.1f}" for kind in kinds]
        rows.append([name, *accuracies, str(task["n"])])
    means = [f"{100 * router['kinds'][kind]['accuracy']:.1f}" for kind in kinds]
    rows.append(["mean", *means, str(router["n"])])
    for name, general in router["general"].items():
        rows.append(
            [
                f"{name} (to the base)",
                f"{100 * general['to_base']:.1f}",
                *[""] * (len(kinds) - 1),
                str(general["n"]),
            ]
        )
    return rows


def _cell(system: dict[str, Any] | None) -> str:
    if system is None:
        return ""
    failures = f" !{system['format_failures']}" if system["format_failures"] else ""
    return f"{100 * system['value']:.1f}\n[{100 * system['low']:.0f}, {100 * system['high']:.0f}]{failures}"


def _mean(evaluation: dict[str, Any], system: str) -> str:
    values = [
        task["systems"][system]["value"] for task in evaluation["tasks"].values() if system in task["systems"]
    ]
    return f"{100 * sum(values) / len(values):.1f}"


def _verdict(systems: dict[str, Any]) -> str:
    found = [
        systems[name]["verdict"]
        for name in ("shared", "groups")
        if name in systems and systems[name]["verdict"]
    ]
    return found[0].replace("_", " ") if found else ""
