"""Does the time of an update grow in step with its rows and their tokens, and stay with the number of tasks?

    python -m benchmarks.scaling [--quick] [--shape builtin|15m|135m] [--page docs/results/scaling.md]

Three series of updates, interleaved round by round in one process: ever more rows for one adapter, ever longer rows,
and the same rows dealt out to ever more tasks with an adapter each. An exponent is the slope of log time over log size:
1 is linear, 0 flat. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from benchmarks.many_adapters import measured, step
from benchmarks.mixture import Row, examples
from benchmarks.shapes import SHAPES
from mixologist.report.tables import markdown

SIZES = {"rows": (24, 48, 96, 192), "tokens a row": (64, 128, 256, 512, 1024), "tasks": (1, 2, 4, 8, 16)}
EXPECTED = {"rows": 1.0, "tokens a row": 1.0, "tasks": 0.0}
ROWS, LONG_ROWS = 48, 12
"""Rows of an update where not they are what grows."""
PAGE = """# Time against rows, tokens and tasks

`{command}` wrote this page ({shape} shape, {machine}, {threads} threads, torch {torch}, {rounds} rounds): the time of
one update, forward, backward and step. An exponent of 1 is linear, of 0 flat; in brackets its 95% interval over rounds.
A fixed cost of each update pulls exponents below 1, attention inside a row pulls that of its tokens above.

{table}
"""


def same_length(rows: int, tokens: int) -> list[Row]:
    """Random rows of so many tokens, an eighth of them to be predicted."""
    draw = np.random.default_rng(tokens)
    drawn = draw.integers(10, 8000, (rows, tokens)).tolist()
    return [Row(tuple(row[: -tokens // 8]), tuple(row[-tokens // 8 :])) for row in drawn]


def sides(series: str, sizes: tuple[int, ...], shape: str, dtype: str) -> dict[int, Callable[[], None]]:
    """Size -> one update of that size."""
    return {size: step(shape, dtype, *grown(series, size)) for size in sizes}


def grown(series: str, size: int) -> tuple[int, list[Row]]:
    """Adapters and their rows where the series has grown to ``size``."""
    if series == "tokens a row":
        return 1, same_length(LONG_ROWS, size)
    return (1, examples(size)) if series == "rows" else (size, examples(ROWS))


def exponent(seconds: dict[int, list[float]]) -> dict[str, Any]:
    """Mean slope of log time over log size with its 95% t interval over rounds, and the median times."""
    sizes = np.log(list(seconds))
    slopes = np.polyfit(sizes, np.log(np.array(list(seconds.values()))), 1)[0]  # (rounds,)
    half = stats.t.ppf(0.975, len(slopes) - 1) * slopes.std(ddof=1) / len(slopes) ** 0.5
    mean = float(slopes.mean())
    times = {str(size): float(np.median(one)) for size, one in seconds.items()}
    return {"exponent": mean, "low": mean - float(half), "high": mean + float(half), "seconds": times}


def page(result: dict[str, Any], command: str) -> str:
    """The result as Markdown."""
    rows = [["what grows", "sizes", "expected", "exponent", "times the first"]]
    for name, one in result["series"].items():
        first, *_ = one["seconds"].values()
        rows.append([
            name, ", ".join(one["seconds"]), f"{EXPECTED[name]:.0f}",
            f"{one['exponent']:.2f} [{one['low']:.2f}, {one['high']:.2f}]",
            ", ".join(f"{seconds / first:.2f}" for seconds in one["seconds"].values()),
        ])  # fmt: skip
    return PAGE.format(
        command=command, table=markdown(rows), torch=result["versions"]["torch"],
        **{name: result[name] for name in ("shape", "machine", "threads", "rounds")},
    )  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer sizes and rounds")
    parser.add_argument("--shape", choices=SHAPES, default="builtin")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    rounds = 3 if given.quick else 9
    found = {}
    for series, sizes in SIZES.items():
        wanted = sizes[: 3 if given.quick else None]
        found[series] = exponent(measured(sides(series, wanted, given.shape, given.dtype), rounds))
    result = {
        "what": "exponents of the time of an update", "series": found, "shape": given.shape, "rounds": rounds,
        "threads": torch.get_num_threads(), "machine": platform.processor() or platform.machine(),
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }  # fmt: skip
    if given.page:
        given.page.write_text(page(result, "python -m benchmarks.scaling"), encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
