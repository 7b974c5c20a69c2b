"""What the adapters keep of the base's general ability, as a table. The same cells everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEASURES = {
    "plain_text": ("plain text, bits a byte", 3),
    "general": ("general answers, nats a token", 3),
    "multiple_choice": ("generated questions, share right", 2),
}
"""Measure -> what its column is called, and digits."""
ABOUT = (
    "The base in absolute numbers; each adapter as its difference to it on the same texts, with its interval. "
    "Of bits and nats less is better. General answers are test rows of the recipe's own general data: adapters that "
    "were trained on a share of it have learned there, so that only the other columns tell of forgetting."
)


def general_ability_cells(evaluation: Mapping[str, Any]) -> list[list[str]]:
    """Header, the base, and a row per adapter; nothing where it was not measured."""
    found = evaluation.get("forgetting")
    if not found:
        return []
    measures = [name for name in MEASURES if name in found]
    header = ["adapter", *(f"{MEASURES[name][0]} (n={found[name]['base']['n']})" for name in measures)]
    rows = [
        [adapter, *(_cell(found[name][adapter], MEASURES[name][1]) for name in measures)]
        for adapter in found[measures[0]]
    ]
    return [header, *rows]


def _cell(entry: Mapping[str, Any], digits: int) -> str:
    change = entry.get("minus_base")
    if change is None:
        return f"{entry['value']:.{digits}f}"
    value, low, high = (change[key] for key in ("value", "low", "high"))
    return f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
