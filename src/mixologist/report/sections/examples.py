"""Single questions that show what the numbers mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report.blocks import Block, Example, Fold, Mark, Section, Words
from mixologist.report.reading import Run
from mixologist.report.systems import label
from mixologist.report.words import effects

FIRST = 3
"""Examples that show unasked."""
KINDS = {
    "gained": ("right by sharing", "helped"),
    "lost": ("wrong by sharing", "hurt"),
    "misrouted": ("wrong by routing", "hurt"),
    "learned": ("right by training", "helped"),
    "unread": ("could not be read as an answer", "unclear"),
    "missed": ("still wrong", "unclear"),
}
"""Kind -> what it shows, and its tone; the more instructive first."""


def examples(run: Run) -> Section | None:
    """``evaluation.json`` -> tasks -> ``examples``, as `evaluation.examples` chose them."""
    tasks = {task: row["examples"] for task, row in run.scores.items() if row.get("examples")}
    if not tasks:
        return None
    assert run.evaluation is not None
    order = [*(task for task in effects(run.evaluation) if task in tasks)]
    order += [task for task in tasks if task not in order]
    first = _first(tasks, order)
    blocks: list[Block] = [Words("Rows of the test split, chosen for what they show, not at random.")]
    blocks += [_example(f"{task}: ", one) for task, one in first]
    for task in order:
        rest = [one for one in tasks[task] if (task, one) not in first]
        if rest:
            blocks.append(Fold(f"{len(rest)} more of {task}", [_example("", one) for one in rest]))
    return Section("examples", "Instructive examples", blocks)


def _first(tasks: Mapping[str, Any], order: list[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """The most instructive kinds, each from another task where that is possible."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for kind in KINDS:
        seen = {task for task, _ in found}
        here = [
            (task, one) for task in order if task not in seen for one in tasks[task] if one["kind"] == kind
        ]
        found += here[:1]
    return found[:FIRST]


def _example(before: str, one: Mapping[str, Any]) -> Example:
    words, tone = KINDS.get(one["kind"], (one["kind"], "unclear"))
    answers = {label(system): answer or "(nothing)" for system, answer in one["answers"].items()}
    return Example(Mark(f"{before}{words}", tone), one["text"], one["expected"], answers)
