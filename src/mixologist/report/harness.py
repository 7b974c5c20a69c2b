"""Rows of the lm-evaluation-harness beside a run's own: reading them, and their table. The same cells everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mixologist.files import read_json
from mixologist.runfolder import RunFolder

ABOUT = (
    "Tasks of the lm-evaluation-harness, in its own numbers: the plain base, and the run with its router. The "
    "difference is paired, with its interval, where the number is a mean over items."
)
ARROWS = {True: " ↑", False: " ↓", None: ""}
"""Whether more is better."""


def harness_rows(folder: RunFolder, record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The rows of harness.json; none where it is not there, or where the run had other adapters then."""
    found = read_json(folder.harness) if folder.harness.exists() else {}
    rows: list[Mapping[str, Any]] = found.get("rows", [])
    return rows if found.get("adapters") == digests(record) else []


def digests(record: Mapping[str, Any]) -> dict[str, str]:
    """What the adapters of a run are."""
    return {name: facts.get("digest", "") for name, facts in record["adapters"].items()}


def harness_cells(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Header and rows; nothing where the harness was not asked."""
    return [["task", "metric", "n", "base", "routed", "routed - base"], *map(_row, rows)] if rows else []


def _row(row: Mapping[str, Any]) -> list[str]:
    base, routed = row["systems"]["base"], row["systems"]["routed"]
    change = routed.get("minus_base")
    told = "" if change is None else f"{change['value']:+.3f} [{change['low']:+.3f}, {change['high']:+.3f}]"
    metric = row["metric"] + ARROWS[row["higher_is_better"]]
    return [row["task"], metric, f"{base['n']:,}", f"{base['value']:.4g}", f"{routed['value']:.4g}", told]
