"""A recipe's keys in one level, so that two recipes can be laid side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flat(recipe: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value; tasks under their names.

    >>> dict(flat({"seed": 1, "training": {"batch_size": 8}, "tasks": [{"name": "fpb", "weight": 2}]}))
    {'seed': 1, 'training.batch_size': 8, 'tasks.fpb.name': 'fpb', 'tasks.fpb.weight': 2}
    """
    for key, value in recipe.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{before}{key}.")
        elif before or key != "tasks":
            yield f"{before}{key}", value
    for task in recipe.get("tasks", ()) if not before else ():
        yield from flat(task, f"tasks.{task.get('name') or task.get('card')}.")
