"""Did sharing help, task by task; and what every system scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report import figures
from mixologist.report.blocks import Block, Figure, Section, Table, Text, Words
from mixologist.report.figures import MANY, Estimate
from mixologist.report.numbers import counted, difference, interval
from mixologist.report.reading import Run
from mixologist.report.systems import colours, label, present
from mixologist.report.tables import CHOICE_ABOUT, choice_cells, mean_cell, unread
from mixologist.report.weights import ABOUT as WEIGHTS_ABOUT
from mixologist.report.weights import weight_cells
from mixologist.report.words import Effect, effects, tone


def verdicts(run: Run) -> Section:
    """The shared adapter against each task's own."""
    if run.evaluation is None:
        return _section([Words("No verdicts yet: they come with the evaluation, the last stage of a run.")])
    found = effects(run.evaluation)
    if not found:
        return _section([Words(_why_none(run))])
    return _section([_effects(found, run.scores, run.level), Words(_how(run.evaluation))])


def scores(run: Run) -> Section | None:
    """Every system on every task."""
    if run.evaluation is None:
        return None
    systems = present(run.evaluation)
    many = len(run.scores) > MANY
    shown = [s for s in systems if s in ("base", "routed") or (s != "oracle" and not many)]
    tasks = sorted(run.scores, key=lambda name: -_best(run.scores[name]))
    drawing = figures.bars(
        "scores", f"Bars: the metric of {len(tasks)} tasks for {', '.join(map(label, shown))}.",
        {task: _estimates(run.scores[task], shown) for task in tasks}, colours(shown),
    )  # fmt: skip
    less = (
        "With so many tasks the chart shows the base and the routed run; the table has all. " if many else ""
    )
    caption = (
        f"Metric x 100 on the {run.evaluation['split']} rows, best tasks first; the dark line in a bar is its "
        f"{run.level} interval. {less}"
    )
    key = {label(system): colour for system, colour in colours(shown).items()}
    blocks: list[Block] = [Figure(drawing, caption.strip(), _score_table(run.scores, systems), key)]
    return Section("scores", "Scores", [*blocks, *_choice(run.evaluation), *_weights(run.evaluation)])


def _choice(evaluation: Mapping[str, Any]) -> list[Block]:
    """Which adapter serves, and by what."""
    cells = choice_cells(evaluation)
    if not cells:
        return []
    rows: list[list[Text]] = [list(row) for row in cells[1:]]
    return [
        Table("The adapter that serves each task", cells[0], rows, ("chosen", "validation")),
        Words(CHOICE_ABOUT),
    ]


def _weights(evaluation: Mapping[str, Any]) -> list[Block]:
    """What each system needs on disk."""
    cells = weight_cells(evaluation)
    if not cells:
        return []
    rows: list[list[Text]] = [[label(row[0]), *row[1:]] for row in cells[1:]]
    return [Table("What each system needs on disk", cells[0], rows), Words(WEIGHTS_ABOUT)]


def _section(blocks: list[Block]) -> Section:
    return Section("verdicts", "Did sharing help?", blocks)


def _why_none(run: Run) -> str:
    if len(run.scores) == 1:
        return (
            "One task shares with nobody, so there is no verdict. What training brought stands under Scores."
        )
    return (
        "No verdicts: they compare an adapter fed by several tasks with each task's own, and this run does not "
        "have both. Plan auto trains both."
    )


def _effects(found: Mapping[str, Effect], scores: Mapping[str, Any], level: str) -> Figure:
    rows = {task: (_estimate(effect.difference), tone(effect.verdict)) for task, effect in found.items()}
    tones = {tone(effect.verdict): effect.verdict for effect in found.values()}
    drawing = figures.effects(
        "effects", f"Bars: the effect of sharing on {len(rows)} tasks, in points, largest gain first.", rows
    )
    caption = (
        "Shared adapter minus the task's own, in points of its metric, on the same test rows; the dark line is the "
        f"{level} interval. To the right: sharing is better."
    )
    words = {
        "helped": "helped",
        "hurt": "hurt",
        "unclear": "not distinguishable, or not enough data",
    }
    key = {words[name]: name for name in words if name in tones}
    return Figure(drawing, caption, _effect_table(found, scores), key, open=len(rows) <= MANY)


def _effect_table(found: Mapping[str, Effect], scores: Mapping[str, Any]) -> Table:
    header = ["task", "verdict", "effect in points", "p (Holm)", "n", "served by"]
    detectable = any("detectable" in effect.difference for effect in found.values())
    if detectable:
        header.insert(4, "detectable")
    rows: list[list[Text]] = []
    for task, effect in found.items():
        d = effect.difference
        least = [f"{100 * d['detectable']:.1f}" if d.get("detectable") else ""] if detectable else []
        p = f"{d['p_holm']:.3f}" if d.get("p_holm") is not None else ""
        row: list[Text] = [
            task,
            effect.mark,
            difference(d),
            p,
            *least,
            f"{scores[task]['n']:,}",
            served(task, scores[task]),
        ]
        rows.append(row)
    return Table("the effect of sharing", header, rows, words=("verdict", "served by"))


def served(task: str, row: Mapping[str, Any]) -> str:
    """The adapter that serves a task, in words."""
    return "its own" if row["served_by"] == task else str(row["served_by"])


def _how(evaluation: Mapping[str, Any]) -> str:
    seeds = counted(evaluation.get("seeds", 1), "training")
    told = (
        f"{seeds}: the verdicts speak of these weights, not of the recipe."
        if evaluation.get("scope", "these_weights") == "these_weights"
        else f"{seeds}: the verdicts speak of the recipe, and training's own noise is in them. The router, and which "
        "adapter serves, are the first one's."
    )
    return (
        f"{told} They come from swap tests on the test rows, corrected for the number of tasks (Holm); the intervals "
        "are each task's own and not corrected, so that one may lie above 0 where there is no verdict. Not "
        "distinguishable is not equal: the interval says how large a difference may hide."
    )


def _estimate(found: Mapping[str, Any]) -> Estimate:
    return Estimate(100 * found["value"], 100 * found["low"], 100 * found["high"])


def _estimates(row: Mapping[str, Any], systems: list[str]) -> dict[str, Estimate]:
    return {s: _estimate(row["systems"][s]) for s in systems if s in row["systems"]}


def _best(row: Mapping[str, Any]) -> float:
    return max((s["value"] for s in row["systems"].values()), default=0.0)


def _score_table(scores: Mapping[str, Any], systems: list[str]) -> Table:
    header = ["task", "metric", "n", *map(label, systems)]
    rows: list[list[Text]] = [
        [task, row["metric"], f"{row['n']:,}", *(_cell(row, system) for system in systems)]
        for task, row in scores.items()
    ]
    if len(rows) > 1:
        rows.append(["mean", "", "", *(mean_cell(scores, system) for system in systems)])
    return Table(
        "every system on every task, with its interval; unread: answers that could not be read, of all trainings",
        header,
        rows,
        words=("metric",),
    )


def _cell(task: Mapping[str, Any], name: str) -> str:
    system = task["systems"].get(name)
    if system is None:
        return ""
    failures = f", {share} unread" if (share := unread(task, system)) else ""
    return f"{interval(system)}{failures}"
