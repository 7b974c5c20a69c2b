"""How much data a task needs, where that was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report import figures
from mixologist.report.blocks import Figure, Section, Table, Words
from mixologist.report.figures import Estimate
from mixologist.report.learning_curve import ABOUT, curve_cells, told
from mixologist.report.reading import Run


def learning_curve(run: Run) -> Section | None:
    """A figure for each task whose curve was measured."""
    if not run.learning_curves:
        return None
    drawn = [_figure(number, found) for number, found in enumerate(run.learning_curves)]
    return Section("learning-curve", "How much data", [Words(ABOUT), *drawn])


def _figure(number: int, found: Mapping[str, Any]) -> Figure:
    header, *rows = curve_cells(found)
    parts, curve = ({each["rows"]: _points(each) for each in found[key]} for key in ("parts", "curve"))
    about = f"Points and a curve: {found['metric']} of {found['task']} over its train rows."
    return Figure(
        figures.growth(f"growth-{number}", about, parts, curve, "train rows", f"{found['metric']} x 100"),
        told(found),
        Table(f"{found['task']} by train rows", header, rows),
    )


def _points(found: Mapping[str, Any]) -> Estimate:
    return Estimate(*(100 * found[key] for key in ("value", "low", "high")))
