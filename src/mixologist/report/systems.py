"""The systems of an evaluation: their order, what people read for their names, and their colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LABELS = {
    "base": "base, no adapter",
    "few_shot": "base, few shots",
    "tfidf": "TF-IDF",
    "single_task": "own adapter",
    "single_task_total_steps": "own adapter, total steps",
    "full_single_task": "fully trained, own",
    "groups": "group's adapter",
    "shared": "shared adapter",
    "full_multi_task": "fully trained, shared",
    "merged_linear": "merged, linear",
    "merged_ties": "merged, TIES",
    "oracle": "served adapter",
    "routed": "routed",
}
"""Systems that we know, in the order in which they are shown; others (endpoints) follow under their own names."""
_COLOURS = {"base": 0, "single_task": 1, "shared": 2, "groups": 3, "oracle": 4, "routed": 5}


def present(evaluation: Mapping[str, Any]) -> list[str]:
    """The systems that occur in an evaluation, in order."""
    found = dict.fromkeys(system for row in evaluation["tasks"].values() for system in row["systems"])
    return [*(s for s in LABELS if s in found), *(s for s in found if s not in LABELS)]


def label(system: str) -> str:
    """What people read."""
    return LABELS.get(system, system)


def colours(systems: list[str]) -> dict[str, str]:
    """System -> name of its colour: the usual ones have theirs always, the rest take what is left, in order."""
    others = [system for system in systems if system not in _COLOURS]
    spare = [n for n in (6, 7, 3, 4, 1) if n not in {_COLOURS.get(system) for system in systems}] or [6]
    return {
        s: f"series-{_COLOURS.get(s, spare[others.index(s) % len(spare)] if s in others else 0)}"
        for s in systems
    }
