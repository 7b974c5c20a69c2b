"""Whether tasks that share an adapter pull it the same way: cosines of their gradients, as training saw them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import stdev

from scipy.special import stdtrit

from mixologist.report import figures
from mixologist.report.blocks import Block, Figure, Table, Text
from mixologist.report.figures import MANY, explained
from mixologist.report.reading import Run

Looks = Sequence[tuple[float, Mapping[str, Mapping[str, float]]]]
PARTS = 3
"""Of training, to show how agreement changes."""
MOST_PAIRS = 78
"""Rows of a table: those of 12 tasks. Of more pairs, the ones that agree least."""


def agreement(run: Run) -> list[Block]:
    """A heat map and a table for each adapter that was looked at."""
    return [_figure(adapter, looks) for adapter, looks in run.agreement.items()]


def _figure(adapter: str, looks: Looks) -> Figure:
    tasks = list(dict.fromkeys(name for _, found in looks for a, row in found.items() for name in (a, *row)))
    pairs = [(a, b) for n, a in enumerate(tasks) for b in tasks[n:] if _cosines(looks, a, b)]
    means = {pair: _mean(_cosines(looks, *pair)) for pair in pairs}
    told = pairs if len(pairs) <= MOST_PAIRS else sorted(pairs, key=lambda pair: means[pair])[:MOST_PAIRS]
    shown = tasks[:MANY]
    values = [[_percent(means.get((a, b), means.get((b, a)))) for b in shown] for a in shown]
    few = f" The first {MANY} of {len(tasks)} tasks." if len(tasks) > MANY else ""
    return Figure(
        figures.heat(
            f"agreement-{adapter}", f"Heat map: agreement of {len(shown)} tasks' gradients.", shown, shown, values,
            signed=True,
        ),
        f"Gradient agreement in {adapter}: mean cosine (x 100) between the gradients of two tasks' examples in the "
        f"same update, over {len(looks)} updates; below 0 they conflict. On the diagonal a task against itself, half "
        "of its examples against the other half; pairs are of halves, too, so that what is seen of a task itself is "
        "about the most that can be seen of two."
        f"{few}{explained(shown, shown)}",
        Table(
            "cosines of gradients" + (f", the {MOST_PAIRS} pairs that agree least" if told is not pairs else ""),
            ["tasks", "mean cosine", "in conflict", "updates", "early", "midway", "late"],
            [_row(looks, *pair) for pair in told],
        ),
        {"agree": "helped", "conflict": "hurt"},
    )  # fmt: skip


def _row(looks: Looks, a: str, b: str) -> list[Text]:
    cosines = _cosines(looks, a, b)
    ends = [len(looks) * n // PARTS for n in range(PARTS + 1)]
    parts = [_cosines(looks[start:end], a, b) for start, end in pairwise(ends)]
    conflicts = sum(cosine < 0 for cosine in cosines) / len(cosines)
    return [
        f"{a} with itself" if a == b else f"{a}, {b}",
        f"{_mean(cosines):+.2f}{_within(cosines)}",
        f"{conflicts:.0%}",
        f"{len(cosines)}",
        *(f"{_mean(part):+.2f}" if part else "" for part in parts),
    ]


def _cosines(looks: Looks, a: str, b: str) -> list[float]:
    found = [found.get(a, {}).get(b, found.get(b, {}).get(a)) for _, found in looks]
    return [cosine for cosine in found if cosine is not None]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _within(values: Sequence[float]) -> str:
    """Half a 95% interval of the mean, by Student's t; a single value has none."""
    if len(values) < 2:
        return ""
    return f" ± {float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / math.sqrt(len(values)):.2f}"


def _percent(cosine: float | None) -> float | None:
    return None if cosine is None else 100 * cosine
