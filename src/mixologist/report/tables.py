"""Tables of an evaluation, for the terminal and for Markdown pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mixologist.report.numbers import difference, interval, points
from mixologist.report.systems import present
from mixologist.report.words import VERDICTS, Effect, effects

SHORT = {
    "base": "base",
    "single_task": "own",
    "groups": "group",
    "shared": "shared",
    "routed": "routed",
    "tfidf": "tfidf",
}
"""The systems that fit a terminal; the report has all."""
SIGNS = {
    "helped": "▲ helped",
    "hurt": "▼ hurt",
    "not_distinguishable": "≈ unclear",
    "not_enough_data": "? few",
}
"""Verdicts as a terminal has them."""


RIVALS = {"tfidf": "TF-IDF, logistic regression"}
"""What other routers are called."""


CHOICE_ABOUT = (
    "Chosen on validation rows, among the first training's adapters; all other tables are of test rows, which took no "
    "part in it. The drop from validation to test holds the choice, that of the best state, and both samples' noise; "
    "last column: the points that choosing the better of equally good adapters would add on average to its score on "
    "the validation rows, which is the most that choosing can add."
)


def cells(evaluation: dict[str, Any]) -> list[list[str]]:
    """Header, a row per task, and the means: metric in points (0..100) with its interval."""
    systems, sharing = present(evaluation), effects(evaluation)
    rows = [["task", "metric", "n", *systems, "served by", "sharing"]]
    for name, task in evaluation["tasks"].items():
        found = [_cell(task, system) for system in systems]
        verdict = VERDICTS[sharing[name].verdict] if name in sharing else ""
        rows.append([name, task["metric"], _count(task), *found, task["served_by"], verdict])
    means = [mean_cell(evaluation["tasks"], system) for system in systems]
    return [*rows, ["mean", "", "", *means, "", ""]]


def terminal(evaluation: dict[str, Any]) -> Table:
    """A table that fits 80 columns: values in points with half the width of the interval."""
    systems = [system for system in SHORT if system in present(evaluation)]
    found = effects(evaluation)
    about = f"{evaluation['split']} rows: metric x 100 ± half its interval; ! some answers could not be read"
    table = Table(
        title=about, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=0, pad_edge=False
    )
    table.add_column("task", no_wrap=True)
    for column in ("n", *(SHORT[system] for system in systems), *(["gain"] if found else [])):
        table.add_column(column, justify="right", no_wrap=True)
    for column in (*(["sharing"] if found else []), "by"):
        table.add_column(column, no_wrap=True)
    for name, task in evaluation["tasks"].items():
        values = [_short(task["systems"].get(system)) for system in systems]
        by = "own" if task["served_by"] == name else _clip(task["served_by"], 7)
        table.add_row(_clip(name), _count(task), *values, *_effect(found, name), by)
    if len(evaluation["tasks"]) > 1:
        table.add_section()
        table.add_row("mean", "", *(mean_cell(evaluation["tasks"], s) for s in systems), style="bold")
    return table


def _count(task: dict[str, Any]) -> str:
    """Rows, and in brackets the clusters that they are drawn in, where these are fewer."""
    n, clusters = task["n"], task.get("clusters", task["n"])
    return str(n) if clusters == n else f"{n} ({clusters})"


def _effect(found: dict[str, Effect], task: str) -> list[str | Text]:
    """Points and sign of a task's verdict, in its colour; two empty cells where it alone has none."""
    if not found or task not in found:
        return ["", ""] if found else []
    effect = found[task]
    style = {"helped": "blue", "hurt": "dark_orange3"}.get(effect.verdict, "dim")
    return [f"{100 * effect.difference['value']:+.0f}", Text(SIGNS[effect.verdict], style=style)]


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


def rival_cells(router: dict[str, Any]) -> list[list[str]]:
    """What others route with on the same prompts, by kind: accuracy in percent, and by how much ours is ahead."""
    rows = []
    for name, rival in (router.get("rivals") or {}).items():
        label = RIVALS.get(name, name)
        for kind, found in rival["kinds"].items():
            rows.append(
                [label, kind, points(found["accuracy"]), difference(found["ours_minus"]), f"{found['n']:,}"]
            )
        if general := rival["general"]:
            rows.append([label, "general, to the base", points(general["to_base"]), "", f"{general['n']:,}"])
    return [["router", "prompts", "accuracy", "ours ahead", "n"], *rows] if rows else []


def calibration_cells(router: dict[str, Any]) -> list[list[str]]:
    """By kind of prompt how far confidence is from accuracy, in points, and how far by chance alone."""
    rows = [
        [
            kind,
            f"{points(found['ece'])} [{points(found['low'])}, {points(found['high'])}]",
            points(found["by_chance"]),
            f"{found['n']:,}",
        ]
        for kind, found in router.get("calibration", {}).items()
    ]
    return [["prompts", "calibration error", "by chance", "n"], *rows] if rows else []


def choice_cells(evaluation: Mapping[str, Any]) -> list[list[str]]:
    """What each candidate scored on the validation rows by which one was chosen, and how the chosen one fell."""
    rows = []
    for name, task in evaluation["tasks"].items():
        if found := task.get("choice"):
            scored = "; ".join(f"{adapter} {interval(v)}" for adapter, v in found["validation"].items())
            at_most = f"{100 * found['by_choice_at_most']:.1f}"
            rows.append(
                [name, task["served_by"], scored, f"{found['n']:,}", difference(found["drop"]), at_most]
            )
    header = ["task", "chosen", "validation", "n", "validation minus test", "by choosing, at most"]
    return [header, *rows] if rows else []


def _cell(task: Mapping[str, Any], name: str) -> str:
    system = task["systems"].get(name)
    if system is None:
        return ""
    failures = f" !{share}" if (share := unread(task, system)) else ""
    return f"{100 * system['value']:.1f}\n[{100 * system['low']:.0f}, {100 * system['high']:.0f}]{failures}"


def mean_cell(tasks: Mapping[str, Any], system: str) -> str:
    """Over all tasks; nothing where a task lacks the system, since another set of tasks is no comparison."""
    values = [row["systems"][system]["value"] for row in tasks.values() if system in row["systems"]]
    return f"{100 * sum(values) / len(values):.1f}" if len(values) == len(tasks) else ""


def unread(task: Mapping[str, Any], system: Mapping[str, Any]) -> str:
    """The share of answers, of all trainings, that could not be read; nothing where all could."""
    failures, answers = system["format_failures"], task["n"] * system.get("seeds", 1)
    return f"{max(0.1, 100 * failures / answers):.1f}%" if failures else ""
