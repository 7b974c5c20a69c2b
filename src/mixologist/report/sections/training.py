"""How training went: each task's validation loss, where it was best, and how the tasks were mixed over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report import figures
from mixologist.report.blocks import Block, Figure, Fold, Panel, Panels, Section, Table, Text, Words
from mixologist.report.figures import MANY, Line, explained, only
from mixologist.report.reading import BASE, Points, Run
from mixologist.report.sections.agreement import agreement
from mixologist.report.systems import colours, label

BINS = 6
"""Columns of a schedule that changes: fewer where training wrote fewer lines."""


def training(run: Run) -> Section:
    """Curves and schedule."""
    if not run.validation:
        return Section("training", "Training", [Words("No curves: training has written nothing yet.")])
    blocks = [*_curves(run), *([_schedule(run)] if run.shares else []), *agreement(run)]
    return Section("training", "Training", blocks)


def _curves(run: Run) -> list[Block]:
    systems = dict.fromkeys(run.system(a, task) for task in run.tasks for a in _adapters(run, task))
    key = colours(list(systems))
    panels = [_panel(run, n, task, key) for n, task in enumerate(run.tasks) if task in run.validation]
    caption = (
        "Validation loss over steps (nats a target token, logarithmic), from the plain base at step 0. The dot is the "
        "best state, which is kept."
    )
    labels = {label(system): colour for system, colour in key.items()}
    first, rest = panels[:MANY], panels[MANY:]
    blocks: list[Block] = [Panels(first, caption, _curve_table(run), labels)]
    return (
        [*blocks, Fold(f"{len(rest)} more tasks", [Panels(rest, caption, None, labels)])] if rest else blocks
    )


def _adapters(run: Run, task: str) -> list[str]:
    return [name for name, facts in run.record["adapters"].items() if task in facts["tasks"]]


def _points(run: Run, adapter: str, task: str) -> Points:
    """The base's loss, then the adapter's."""
    found = run.validation.get(task, {})
    return [*found.get(BASE, []), *found.get(adapter, [])]


def _best(run: Run, adapter: str, task: str) -> int | None:
    """The best step: as training recorded it, else of the losses so far."""
    recorded: int | None = run.record["adapters"][adapter].get("best_step")
    points = run.validation.get(task, {}).get(adapter, [])
    return recorded if recorded is not None or not points else int(min(points, key=lambda p: p[1])[0])


def _panel(run: Run, number: int, task: str, key: Mapping[str, str]) -> Panel:
    lines, notes = [], []
    for adapter in _adapters(run, task):
        points, best = _points(run, adapter, task), _best(run, adapter, task)
        if not points:
            continue
        system = run.system(adapter, task)
        lines.append(Line(points, key[system], best))
        notes.append(_note(run.record["adapters"][adapter], label(system).split()[0], best))
    about = f"Validation loss of {task} over steps: {'; '.join(notes)}."
    return Panel(task, figures.panel(f"curve-{number}", about, lines), "; ".join(notes))


def _note(facts: Mapping[str, Any], name: str, best: int | None) -> str:
    if best is None:
        return f"{name}: no validation yet"
    return f"{name}: best at {best:,}{', stopped early' if facts.get('stopped_early') else ''}"


def _curve_table(run: Run) -> Table:
    rows: list[list[Text]] = []
    for task in run.tasks:
        for adapter in _adapters(run, task):
            points = dict(_points(run, adapter, task))
            if not points:
                continue
            best = _best(run, adapter, task)
            stopped = run.record["adapters"][adapter].get("stopped_early")
            ended = {None: "not finished", True: "stopped early", False: "ran to the end"}[stopped]
            losses = [f"{points[step]:.3f}" if step in points else "" for step in (0, best, max(points))]
            best_text = f"{best:,}" if best is not None else ""
            rows.append(
                [task, label(run.system(adapter, task)), losses[0], losses[1], best_text, losses[2], ended]
            )
    header = ["task", "adapter", "base", "best", "at step", "last", "end"]
    return Table("validation losses", header, rows, words=("adapter", "end"))


def _schedule(run: Run) -> Figure:
    tasks = sorted(run.shares[0][2], key=lambda task: -sum(shares[task] for _, _, shares in run.shares))
    steady = all(_spread([shares[task] for _, _, shares in run.shares]) < 0.005 for task in tasks)
    size = -(-len(run.shares) // (1 if steady else BINS))
    bins = [run.shares[start : start + size] for start in range(0, len(run.shares), size)]
    ends = ["share"] if steady else [f"{one[-1][1]:.2g}" for one in bins]
    values = [[100 * sum(shares[task] for _, _, shares in one) / len(one) for one in bins] for task in tasks]
    told = "They stayed the same." if steady else "Columns end at the epoch above them."
    about = f"Heat map: shares of {len(tasks[:MANY])} tasks in the draws, by part of training."
    rows: list[list[Text]] = [
        [task, *(f"{v:.1f}" for v in row)] for task, row in zip(tasks, values, strict=True)
    ]
    return Figure(
        figures.heat("schedule", about, tasks[:MANY], ends, values[:MANY]),
        f"The schedule: shares of the tasks in the draws, in percent. {told}{only(tasks)}{explained(tasks, ends)}",
        Table("share of the draws in percent, by the epoch that each part ends at", ["task", *ends], rows),
    )


def _spread(values: list[float]) -> float:
    return max(values) - min(values)
