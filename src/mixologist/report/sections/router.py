"""What the router does: accuracy by kind of prompt, confusion, and what it costs to trust it less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report import figures
from mixologist.report.blocks import Block, Figure, Section, Table, Text, Words
from mixologist.report.figures import MANY, Line, explained, only
from mixologist.report.numbers import percent, points
from mixologist.report.reading import BASE, Run
from mixologist.report.tables import calibration_cells, rival_cells
from mixologist.report.words import KINDS, routing


def router(run: Run) -> Section | None:
    """Left out where nothing was evaluated or nothing is routed."""
    found = (run.evaluation or {}).get("router")
    if not found:
        return None
    assert run.evaluation is not None
    blocks: list[Block] = [Words(routing(run.evaluation)), _accuracy(found), _confusion(found, run)]
    blocks += [part for part in (_risk(found), _calibration(found), _rivals(found), _foreign(found)) if part]
    return Section("router", "Router", blocks)


def _accuracy(found: Mapping[str, Any]) -> Figure:
    kinds = found["kinds"]
    names = [KINDS.get(kind, kind) for kind in kinds]
    first = next(iter(kinds.values()))["tasks"]
    tasks = sorted(first, key=lambda task: min(kind["tasks"][task]["accuracy"] for kind in kinds.values()))
    values = [[100 * kind["tasks"][task]["accuracy"] for kind in kinds.values()] for task in tasks]
    shown = tasks[:MANY]
    about = f"Heat map: share of {len(shown)} tasks' prompts that reach the right adapter, by kind of prompt."
    rows: list[list[Text]] = [
        [task, *(f"{value:.1f}" for value in row), f"{first[task]['n']:,}"]
        for task, row in zip(tasks, values, strict=True)
    ]
    rows.append(["mean", *(points(kind["accuracy"]) for kind in kinds.values()), f"{found['n']:,}"])
    return Figure(
        figures.heat("accuracy", about, shown, names, values[:MANY]),
        "Prompts that reach the adapter serving their task, in percent, weakest first. Reworded: instructions that "
        f"the router never saw. Raw text: no instruction at all.{only(tasks)}{explained(shown, names)}",
        Table("routing accuracy in percent", ["task", *names, "n"], rows),
    )


def _confusion(found: Mapping[str, Any], run: Run) -> Figure:
    confusion: Mapping[str, Mapping[str, int]] = found["confusion"]
    served = run.record["served_by"]
    tasks = sorted(confusion, key=lambda task: _share(confusion[task], served.get(task, BASE)))
    shown = tasks[:MANY]
    columns = _reached(run, confusion, shown)
    values = [[100 * _share(confusion[task], column) for column in columns] for task in shown]
    right = [(y, columns.index(served[task])) for y, task in enumerate(shown) if served.get(task) in columns]
    about = f"Heat map: which of {len(columns)} adapters the prompts of {len(shown)} tasks reach."
    every = _reached(run, confusion, tasks)
    rows: list[list[Text]] = [
        [task, *(f"{confusion[task].get(column, 0):,}" for column in every)] for task in confusion
    ]
    return Figure(
        figures.heat("confusion", about, shown, columns, values, marked=right),
        "Where each task's prompts go (as trained), in percent of the row, weakest first; the frame is where they "
        f"should.{only(tasks)}{explained(shown, columns)}",
        Table("prompts by task and adapter", ["task", *every], rows),
    )


def _share(counts: Mapping[str, int], adapter: str) -> float:
    return counts.get(adapter, 0) / max(1, sum(counts.values()))


def _reached(run: Run, confusion: Mapping[str, Mapping[str, int]], tasks: list[str]) -> list[str]:
    """The adapters that prompts of these tasks reach, in the run's order, and the base."""
    found = {adapter for task in tasks for adapter in confusion[task]}
    return [name for name in [*run.record["adapters"], BASE] if name in found]


def _risk(found: Mapping[str, Any]) -> Figure | None:
    """``risk_coverage``: kind -> [{"coverage": share answered by adapters, "risk": share of these misrouted}, ...]."""
    kinds = found.get("risk_coverage")
    if not kinds:
        return None
    lines = {
        KINDS.get(kind, kind): Line(
            sorted((100 * point["coverage"], 100 * point["risk"]) for point in points), f"series-{n + 1}"
        )
        for n, (kind, points) in enumerate(kinds.items())
    }
    rows: list[list[Text]] = [
        [name, f"{x:.1f}", f"{y:.2f}"] for name, line in lines.items() for x, y in _tenths(line.points)
    ]
    return Figure(
        figures.curves(
            "risk", "Lines: risk over coverage of the router.", list(lines.values()),
            "prompts answered by an adapter, %", "misrouted among them, %",
        ),
        "Risk and coverage: how many prompts go wrong where the router answers only for those it is surest of. A line "
        "that falls to the left says that its confidence is worth something.",
        Table("risk by coverage, in percent", ["prompts", "coverage", "risk"], rows),
        {name: line.colour for name, line in lines.items()},
    )  # fmt: skip


def _calibration(found: dict[str, Any]) -> Table | None:
    cells = calibration_cells(found)
    if not cells:
        return None
    rows: list[list[Text]] = [[KINDS.get(row[0], row[0]), *row[1:]] for row in cells[1:]]
    title = "How far confidence is from accuracy (ECE), in points; by chance: of a router whose confidence is right"
    return Table(title, cells[0], rows, ("prompts",))


def _rivals(found: dict[str, Any]) -> Table | None:
    cells = rival_cells(found)
    if not cells:
        return None
    rows: list[list[Text]] = [list(row) for row in cells[1:]]
    return Table("What others would route with, taught on the same prompts", cells[0], rows, ("prompts",))


def _tenths(points: Any) -> list[tuple[float, float]]:
    """About ten of many points."""
    step = max(1, len(points) // 10)
    return [*points[::step]]


def _foreign(found: Mapping[str, Any]) -> Table | None:
    """Texts that no task is about: how many the base answers, and how well the base score tells them apart."""
    rows: list[list[Text]] = [
        [name, percent(general["to_base"]), "", f"{general['n']:,}"]
        for name, general in found.get("general", {}).items()
    ]
    for name, outside in found.get("out_of_scope", {}).items():
        auroc = f"{outside['auroc']:.3f} [{outside['low']:.3f}, {outside['high']:.3f}]"
        rows.append([f"out of scope of {name}", percent(outside["to_base"]), auroc, f"{outside['n']:,}"])
    return Table("Texts of no task", ["texts", "go to the base", "AUROC", "n"], rows) if rows else None
