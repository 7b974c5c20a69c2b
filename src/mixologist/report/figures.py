"""The figures of a report: effects, bars, heat maps, lines. They know numbers and names, nothing of runs.

Rows stand in the order given, from the top. All text is horizontal and as large on a phone as on a desk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from mixologist.report.svg import COLOURS, MOST_LETTERS, NARROW, Drawing, Sheet, clip, draw, drawn, width_of

ROW = 26
"""Height of a row of one bar, in CSS pixels."""
STRONGEST = 0.5
"""Opacity of the strongest cell of a heat map: the page's ink stays readable on it."""
MANY = 12
"""Tasks beyond which most figures show less: of each task, or of their number."""
MOST_NUMBERS = 12
"""Columns of a heat map up to which numbers fit into its cells."""
PANEL = 232
"""Width of a small figure."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """A line of a figure, and the step to mark on it."""

    points: Sequence[tuple[float, float]]
    colour: str
    marked: float | None = None


def effects(name: str, about: str, rows: Mapping[str, tuple[Estimate, str]]) -> Drawing:
    """Bars to both sides of zero, each with its interval and its value; row -> (estimate, name of its colour)."""

    def paint(sheet: Sheet) -> None:
        axes = _rows(sheet, list(rows), ROW, right=44)
        places = np.arange(len(rows))
        found = [estimate for estimate, _ in rows.values()]
        axes.axvline(0, color=COLOURS["muted"], linewidth=1, zorder=3)
        axes.barh(
            places, [e.value for e in found], 0.56, color=[COLOURS[colour] for _, colour in rows.values()]
        )
        _intervals(axes, places, found)
        ends = [*(e.low for e in found), *(e.high for e in found), -1, 1]
        axes.set_xlim(min(ends), max(ends))
        _few_ticks(axes, sheet)
        for place, estimate in zip(places, found, strict=True):
            axes.annotate(
                f"{estimate.value:+.1f}", (1, place), (42, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="right", va="center",
            )  # fmt: skip

    return draw(name, about, paint)


def bars(
    name: str, about: str, rows: Mapping[str, Mapping[str, Estimate]], colours: Mapping[str, str]
) -> Drawing:
    """A group of bars from 0 to 100 for each row; ``colours`` names the series in their order."""
    series = list(colours)
    step = 1 / (len(series) + 0.7)

    def paint(sheet: Sheet) -> None:
        axes = _rows(sheet, list(rows), 14 * len(series) + 10, right=14)
        axes.set_xlim(0, max([100.0, *(e.high for row in rows.values() for e in row.values())]))
        for n, one in enumerate(series):
            offset = (n - (len(series) - 1) / 2) * step
            found = [(place, row[one]) for place, row in enumerate(rows.values()) if one in row]
            places = np.array([place + offset for place, _ in found])
            axes.barh(places, [e.value for _, e in found], 0.78 * step, color=COLOURS[colours[one]])
            _intervals(axes, places, [e for _, e in found])
        _few_ticks(axes, sheet)

    return draw(name, about, paint)


def heat(
    name: str,
    about: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    marked: Sequence[tuple[int, int]] = (),
    signed: bool = False,
) -> Drawing:
    """A grid of cells, stronger where larger, with numbers where they fit; ``signed``: two colours, to both sides of 0.

    None stays empty.
    """
    known = [value for row in values for value in row if value is not None]
    largest = max(map(abs, known), default=0) or 1
    widest = max((width_of(_number(value, signed)) for value in known), default=0)

    def paint(sheet: Sheet) -> None:
        numbers = len(columns) <= MOST_NUMBERS
        axes = _rows(sheet, rows, ROW if numbers else 18, right=2, top=22 if numbers else 4, bottom=4)
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_xticks([])
        cell = axes.get_position().width * sheet.width / len(columns)
        for y, row in enumerate(values):
            for x, value in enumerate(row):
                if value is not None:
                    _cell(axes, x, y, value, largest, signed)
                    if numbers and widest < cell and (signed or value >= 0.5):
                        axes.text(x, y, _number(value, signed), ha="center", va="center")
        for y, x in marked:
            axes.add_patch(
                Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=COLOURS["ink"], linewidth=1.2)
            )
        if numbers:
            _column_names(axes, list(letters(rows, columns)) or columns)

    return draw(name, about, paint)


def letters(rows: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Letter -> column of a heat map whose names do not fit above its cells on a phone; nothing where they do."""
    cell = (NARROW - 14 - max(width_of(clip(row, MOST_LETTERS)) for row in rows)) / len(columns)
    if len(columns) > MOST_NUMBERS or max(map(width_of, columns)) < cell - 4:
        return {}
    return dict(zip("ABCDEFGHIJKL", columns, strict=False))


def explained(rows: Sequence[str], columns: Sequence[str]) -> str:
    """The end of a heat map's caption: what its letters mean, or the columns where it names none."""
    if len(columns) > MOST_NUMBERS:
        return f" Columns from the left: {', '.join(columns)}."
    found = letters(rows, columns)
    return f" {'; '.join(f'{letter}: {name}' for letter, name in found.items())}." if found else ""


def only(rows: Sequence[str]) -> str:
    """A part of a heat map's caption: that it shows the first rows only."""
    return f" The first {MANY} of {len(rows)} rows; the table has all." if len(rows) > MANY else ""


def panel(name: str, about: str, lines: Sequence[Line]) -> str:
    """A small figure of losses over steps, logarithmic, with its ends alone as ticks."""

    def paint(sheet: Sheet) -> None:
        axes = sheet.axes(84, left=44, right=14, top=8, bottom=22)
        steps = [step for line in lines for step, _ in line.points]
        losses = [loss for line in lines for _, loss in line.points]
        low, high = min(losses), max(losses)
        axes.set_yscale("log")
        axes.set_ylim(low / 1.08, high * 1.08)
        axes.set_xlim(0, max(*steps, 1))
        ends = [low, high] if high > 1.25 * low else [low]
        axes.set_yticks(ends, [f"{end:.2g}" if end > 1e-3 else f"{end:.0e}" for end in ends])
        axes.set_yticks([], minor=True)
        axes.tick_params(axis="y", labelcolor=COLOURS["muted"])
        axes.set_xticks([0, max(*steps, 1)], ["0", f"{max(steps):,}"])
        _lines(axes, lines)

    return drawn(name, about, PANEL, paint)


def curves(name: str, about: str, lines: Sequence[Line], across: str, up: str) -> Drawing:
    """Lines over a share from 0 to 100 %."""

    def paint(sheet: Sheet) -> None:
        axes = sheet.axes(220, left=44, right=24, top=24, bottom=40)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, max([1.0, *(1.08 * y for line in lines for _, y in line.points)]))
        axes.grid(axis="y")
        axes.set_xlabel(across)
        axes.annotate(up, (0, 1), (-36, 12), xycoords="axes fraction", textcoords="offset points",
                      color=COLOURS["muted"])  # fmt: skip
        axes.tick_params(axis="y", labelcolor=COLOURS["muted"])
        _lines(axes, lines)

    return draw(name, about, paint)


def growth(
    name: str, about: str, found: Mapping[int, Estimate], curve: Mapping[int, Estimate], across: str, up: str
) -> Drawing:
    """What was found at some sizes, as points with intervals, and a curve with its band; sizes are logarithmic."""

    def paint(sheet: Sheet) -> None:
        axes = sheet.axes(220, left=44, right=24, top=24, bottom=40)
        sizes, band = list(curve), list(curve.values())
        ends = [*(e.low for e in found.values()), *(e.high for e in found.values())]
        axes.set_xscale("log")
        axes.set_xlim(sizes[0] / 1.15, sizes[-1] * 1.15)
        axes.set_ylim(min(*ends, *(e.value for e in band)), max(*ends, *(e.high for e in band)))
        ticks = sizes[::2] if sheet.narrow else sizes
        axes.set_xticks(ticks, [f"{size:,}" for size in ticks])
        axes.set_xticks([], minor=True)
        axes.grid(axis="y")
        axes.set_xlabel(across)
        axes.annotate(up, (0, 1), (-36, 12), xycoords="axes fraction", textcoords="offset points",
                      color=COLOURS["muted"])  # fmt: skip
        axes.tick_params(axis="y", labelcolor=COLOURS["muted"])
        axes.fill_between(
            sizes,
            [e.low for e in band],
            [e.high for e in band],
            color=COLOURS["accent"],
            alpha=0.2,
            linewidth=0,
        )
        axes.plot(sizes, [e.value for e in band], color=COLOURS["accent"], linewidth=1.8)
        for size, estimate in found.items():
            axes.vlines(size, estimate.low, estimate.high, color=COLOURS["ink"], linewidth=1.4)
            axes.plot([size], [estimate.value], "o", color=COLOURS["ink"], markersize=6, markeredgewidth=0)

    return draw(name, about, paint)


def _rows(
    sheet: Sheet, names: Sequence[str], height: float, *, right: float, top: float = 4, bottom: float = 24
) -> Axes:
    labels = [sheet.clip(name) for name in names]
    left = 12 + max(map(width_of, labels))
    axes = sheet.axes(height * len(names), left=left, right=right, top=top, bottom=bottom)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), labels)
    axes.spines["bottom"].set_visible(False)
    return axes


def _few_ticks(axes: Axes, sheet: Sheet) -> None:
    axes.locator_params(axis="x", nbins=4 if sheet.narrow else 8, integer=True)
    axes.grid(axis="x")


def _intervals(axes: Axes, places: Sequence[float] | np.ndarray, found: Sequence[Estimate]) -> None:
    axes.hlines(
        places, [e.low for e in found], [e.high for e in found], color=COLOURS["ink"], linewidth=1.4, zorder=4
    )


def _lines(axes: Axes, lines: Sequence[Line]) -> None:
    for line in lines:
        xs, ys = zip(*line.points, strict=True)
        axes.plot(xs, ys, color=COLOURS[line.colour], linewidth=1.8, solid_capstyle="round")
        for x, y in line.points:
            if x == line.marked:
                axes.plot([x], [y], "o", color=COLOURS[line.colour], markersize=6, markeredgewidth=0)


def _number(value: float, signed: bool) -> str:
    return f"{value:+.0f}" if signed else f"{value:.0f}"


def _cell(axes: Axes, x: int, y: int, value: float, largest: float, signed: bool) -> None:
    colour = ("helped" if value > 0 else "hurt") if signed else "accent"
    opacity = STRONGEST * abs(value) / largest
    if opacity > 0.01:
        axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=COLOURS[colour], alpha=opacity, edgecolor="none")
        )


def _column_names(axes: Axes, names: Sequence[str]) -> None:
    for x, name in enumerate(names):
        axes.annotate(
            name, (x, 1), (0, 6), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center",
            color=COLOURS["muted"],
        )  # fmt: skip
