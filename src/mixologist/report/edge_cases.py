"""The edge cases of an evaluation as tables: slices, challenge sets, texts out of scope. The same cells everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SYSTEMS = ("base", "oracle", "routed")
"""Columns; evaluation.json has every system of a slice."""
MOST_SHOWN = 10
"""Slices on the terminal, the weakest; a page has all."""
FEW = "*"

Cells = list[list[str]]


def slice_cells(evaluation: Mapping[str, Any], most: int | None = None) -> Cells:
    """Header and a row per slice. With ``most`` only so many, the weakest of those with enough rows."""
    found = list(_named(evaluation, "slices"))
    if most is not None:
        told = [pair for pair in found if pair[1]["enough"]]
        found = sorted(told, key=lambda pair: _main(pair[1]))[:most]
    rows = [
        [task, f"{part['by']} {part['slice']}", part["metric"], _n(part), *_values(part)]
        for task, part in found
    ]
    return [["task", "slice", "metric", "n", *SYSTEMS], *rows] if rows else []


def challenge_cells(evaluation: Mapping[str, Any]) -> Cells:
    """Header and a row per challenge; the change is that of the routed system (or what stands for it)."""
    rows = [
        [task, part["challenge"], part["metric"], _n(part), *_values(part), _change(part)]
        for task, part in _named(evaluation, "challenges")
    ]
    return [["task", "challenge", "metric", "n", *SYSTEMS, "change"], *rows] if rows else []


def out_of_scope_cells(router: Mapping[str, Any]) -> Cells:
    """Header and a row per task with texts out of its scope."""
    rows = [
        [task, _n(found), f"{found['auroc']:.2f} [{found['low']:.2f}, {found['high']:.2f}]",
         f"{100 * found['to_base']:.0f}%", "yes" if found["seen_in_training"] else "no"]
        for task, found in router.get("out_of_scope", {}).items()
    ]  # fmt: skip
    return [["out of scope of", "n", "AUROC of the base score", "reach base", "seen"], *rows] if rows else []


def untold(evaluation: Mapping[str, Any]) -> str:
    """What ``*`` means, where it stands anywhere."""
    parts = [part for kind in ("slices", "challenges") for _, part in _named(evaluation, kind)]
    parts += list(evaluation.get("router", {}).get("out_of_scope", {}).values())
    few = any(not part["enough"] for part in parts)
    return (
        f"{FEW} fewer than {evaluation['least_n']} rows, conversations or clusters: too few to tell."
        if few
        else ""
    )


def hidden(evaluation: Mapping[str, Any], most: int) -> str:
    """What `slice_cells` leaves out with ``most``, in a sentence."""
    left = len(list(_named(evaluation, "slices"))) - max(0, len(slice_cells(evaluation, most)) - 1)
    return f"{left} more slices (stronger ones, or with few rows) in evaluation.json." if left else ""


def _named(evaluation: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Task and entry, for each slice or challenge."""
    for name, task in evaluation["tasks"].items():
        for part in task.get(kind, []):
            yield name, part


def _main(part: Mapping[str, Any]) -> float:
    """The value of the system that users meet."""
    systems = part["systems"]
    return float(systems.get("routed", systems["oracle"])["value"])


def _n(part: Mapping[str, Any]) -> str:
    return f"{part['n']}{'' if part['enough'] else FEW}"


def _values(part: Mapping[str, Any]) -> list[str]:
    return [_value(part["systems"].get(system)) for system in SYSTEMS]


def _value(system: Mapping[str, Any] | None) -> str:
    return f"{100 * system['value']:.0f}±{50 * (system['high'] - system['low']):.0f}" if system else ""


def _change(part: Mapping[str, Any]) -> str:
    """In points, with its interval; empty where nobody knows what is right."""
    change = part["systems"].get("routed", part["systems"].get("oracle", {})).get("change")
    if change is None:
        return ""
    return f"{100 * change['value']:+.1f} [{100 * change['low']:+.0f}, {100 * change['high']:+.0f}]"
