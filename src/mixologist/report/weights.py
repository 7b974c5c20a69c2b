"""What each system needs on disk, as a table. The same cells everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report.numbers import size

ABOUT = (
    "What was trained for each system, on disk. Adapters need the base beside them, once for all of them; systems "
    "whose name begins with full are whole copies of it."
)


def weight_cells(evaluation: Mapping[str, Any]) -> list[list[str]]:
    """Header and a row per system; nothing where nothing was weighed."""
    rows = [
        [system, f"{found['models']:,}", f"{found['parameters']:,}", size(found["bytes"])]
        for system, found in evaluation.get("sizes", {}).items()
        if found["models"]
    ]
    return [["system", "models", "parameters", "bytes"], *rows] if rows else []
