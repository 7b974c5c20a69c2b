"""Training as it goes, task by task: sparklines of the validation losses below the progress bar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mixologist.runfolder import CONTROL

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_POINTS = 12
"""Last validations that a sparkline shows."""
BESIDE = 2
"""Adapters of a task that have room side by side."""
MARGIN = 8
"""Lines of the screen that are not for tasks."""


def sparkline(losses: list[float]) -> str:
    """The losses as blocks, from the smallest to the largest among them; the last ``MOST_POINTS``."""
    shown = losses[-MOST_POINTS:]
    low, high = min(shown), max(shown)
    spread = (high - low) or 1.0
    return "".join(BLOCKS[round((loss - low) / spread * (len(BLOCKS) - 1))] for loss in shown)


class Curves:
    """The validation losses of a training under way: (adapter, task) -> one after each validation."""

    def __init__(self) -> None:
        self.losses: dict[tuple[str, str], list[float]] = {}
        self.news: Mapping[str, Any] = {"losses": {}}

    def take(self, news: Mapping[str, Any]) -> None:
        """What training tells after a step; a loss is new when it differs from the one before."""
        self.news = news
        for pair, loss in news["losses"].items():
            known = self.losses.setdefault(pair, [])
            if math.isfinite(loss) and known[-1:] != [loss]:
                known.append(loss)

    def table(self, lines: int) -> Table:
        """A task's own adapter and the one it shares, side by side, in at most so many lines and 80 columns.

        Where a task has more, each adapter has a line of its own.
        """
        rows = [row for task in dict.fromkeys(task for _, task in self.losses) for row in self._rows(task)]
        sides = max((len(adapters) for _, _, adapters in rows), default=1)
        table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, header_style="bold")
        table.add_column("task", no_wrap=True, max_width=14)
        for _ in range(sides):
            for name, justify in (("validation loss", "left"), ("now", "right"), ("best at", "right")):
                table.add_column(name, justify=justify, no_wrap=True, max_width=15)  # type: ignore[arg-type]
        for label, task, adapters in rows[:lines]:
            table.add_row(label, *(cell for adapter in adapters for cell in self._cells(adapter, task)))
        if len(rows) > lines:
            table.caption = f"and {len(rows) - lines} more"
        return table

    def _rows(self, task: str) -> list[tuple[str, str, list[str]]]:
        """(label, task, adapters) of each line."""
        adapters = self._adapters(task)
        if len(adapters) <= BESIDE:
            return [(task, task, adapters)]
        return [(adapter.removeprefix(f"{task}{CONTROL}"), task, [adapter]) for adapter in adapters]

    def _adapters(self, task: str) -> list[str]:
        """The task's own first."""
        return sorted((a for a, t in self.losses if t == task), key=lambda adapter: adapter != task)

    def _cells(self, adapter: str, task: str) -> tuple[str, str, str]:
        losses = self.losses[adapter, task]
        if not losses:
            return "", "nan", ""
        mark = " ■" if adapter in self.news["stopped"] else ""
        return sparkline(losses), f"{losses[-1]:.3f}", f"{self.news['best'][adapter]:,}{mark}"


class Bars(Progress):
    """Progress bars with the curves of a training below them."""

    def __init__(self, **options: Any) -> None:
        self.curves = Curves()  # first: Progress draws itself as it is made
        super().__init__(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[news]}"), **options,
        )  # fmt: skip

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bars, and the tasks while they train."""
        yield from super().get_renderables()
        if self.curves.losses:
            yield self.curves.table(max(1, self.console.height - MARGIN))
