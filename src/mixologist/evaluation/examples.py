"""Test rows that show what an evaluation's numbers mean: where sharing or routing turned an answer over.

A prediction counts as right here when it equals the reference (numbers: to one percent), which is stricter than some
metrics; it decides what is shown, and no number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mixologist.records import Outcome
from mixologist.tasks.task import Task

MOST = 2
"""Examples of a kind."""
MOST_CHARACTERS = 600
"""Of a text; its middle is left out."""
SHOWN = ("base", "single_task", "groups", "shared", "routed")
"""Systems whose answers are kept."""


def instructive(task: Task, split: str, outcomes: Mapping[str, Sequence[Outcome]]) -> list[dict[str, Any]]:
    """Chosen rows with the text, the right answer and what each system said; ``outcomes`` in the split's order."""
    right = {system: [_right(outcome) for outcome in found] for system, found in outcomes.items()}
    unread = {system: [outcome.prediction is None for outcome in found] for system, found in outcomes.items()}
    kinds: dict[int, str] = {}
    for kind, yes, no in _questions(right, unread):
        fitting = [n for n, (a, b) in enumerate(zip(yes, no, strict=True)) if a and not b and n not in kinds]
        kinds |= dict.fromkeys(fitting[:MOST], kind)
    return [_example(task, split, outcomes, number, kind) for number, kind in kinds.items()]


def _questions(
    right: Mapping[str, list[bool]], unread: Mapping[str, list[bool]]
) -> list[tuple[str, list[bool], list[bool]]]:
    """Kind, what must hold for a row, what must not; the more instructive first."""
    served = right["oracle"]
    sharing = right.get("shared", right.get("groups", served))
    own, base = right.get("single_task", sharing), right.get("base", served)
    return [
        ("gained", sharing, own),
        ("lost", own, sharing),
        ("misrouted", served, right.get("routed", served)),
        ("learned", served, base),
        ("unread", unread["oracle"], served),
        ("missed", [not one for one in served], served),
    ]


def _example(
    task: Task, split: str, outcomes: Mapping[str, Sequence[Outcome]], number: int, kind: str
) -> dict[str, Any]:
    example = task.splits[split][number]
    answers = {name: _short(outcomes[name][number].output) for name in SHOWN if name in outcomes}
    return {
        "kind": kind,
        "id": example.id,
        "text": _short(example.text),
        "expected": _short(example.completion),
        "answers": answers,
    }


def _right(outcome: Outcome) -> bool:
    prediction, reference = outcome.prediction, outcome.reference
    if isinstance(prediction, int | float) and isinstance(reference, int | float):
        return math.isclose(prediction, reference, rel_tol=0.01)
    if isinstance(prediction, list | tuple) and isinstance(reference, list | tuple):
        return sorted(map(repr, prediction)) == sorted(map(repr, reference))
    return bool(prediction == reference)


def _short(text: str) -> str:
    half = MOST_CHARACTERS // 2
    return text if len(text) <= MOST_CHARACTERS else f"{text[:half]} […] {text[-half:]}"
