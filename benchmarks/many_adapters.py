"""k adapters in one batch against one adapter on the same tokens: what mixing costs, forward, backward and step.

    python -m benchmarks.many_adapters [--quick] [--shape builtin|15m|135m] [--page docs/results/many-adapters.md]

The same segments, dealt out to 1, 2, 4, 8 and 16 adapters; every adapter takes a step each time, so that the
optimizer's share grows with k, too. Interleaved rounds in one process; the ratio is taken round by round. Prints one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.mixture import Row, examples
from benchmarks.shapes import SHAPES, load_shape
from mixologist.mixing.sampler import Update
from mixologist.model.adapters import Bank, Shape
from mixologist.model.families import linears
from mixologist.recipe.schema import Training
from mixologist.report.tables import markdown
from mixologist.training.updates import Updater

COUNTS = (1, 2, 4, 8, 16)
PAGE = """# Many adapters in one update

`{command}` wrote this page ({shape} shape, {machine}, {threads} threads, torch {torch}, {rounds} rounds): the time of
one update, forward, backward and step, on the same {rows} rows dealt out to ever more adapters, over that of one
adapter. Ratios are taken round by round; in brackets the range over rounds.

{table}
"""


def step(shape: str, dtype: str, count: int, data: list[Row]) -> Callable[[], None]:
    """One update of ``count`` adapters that share the examples between them."""
    base = load_shape(shape, dtype)
    names = [f"a{n}" for n in range(count)]
    bank = Bank(base, [Shape(name, 16, 32) for name in names], modules=list(linears(base.model)))
    updater = Updater(base, bank, {"t": data}, Training(learning_rate=1e-4, loss_weighting="token"))
    dealt = [tuple(("t", n) for n in range(start, len(data), count)) for start in range(count)]

    def run() -> None:
        updater.apply(
            [Update(name, 0, draws) for name, draws in zip(names, dealt, strict=True)],
            dict.fromkeys(names, 1e-4),
        )

    return run


def measured(sides: dict[int, Callable[[], None]], rounds: int) -> dict[int, list[float]]:
    """Seconds of each side in each round, interleaved, after a warm-up."""
    for run in sides.values():
        run()
    seconds: dict[int, list[float]] = {count: [] for count in sides}
    for _ in range(rounds):
        for count, run in sides.items():
            start = time.perf_counter()
            run()
            seconds[count].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer counts and rounds")
    parser.add_argument("--shape", choices=SHAPES, default="builtin")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    counts, rounds = ((1, 8), 5) if given.quick else (COUNTS, 11)
    rows = 48
    sides = {count: step(given.shape, given.dtype, count, examples(rows)) for count in counts}
    found = result(measured(sides, rounds), given.shape, rows)
    if given.page:
        given.page.write_text(page(found, "python -m benchmarks.many_adapters"), encoding="utf-8")
    print(json.dumps(found, indent=2))


def result(seconds: dict[int, list[float]], shape: str, rows: int) -> dict[str, Any]:
    """Ratios to one adapter as JSON."""
    found = {}
    for count in list(seconds)[1:]:
        ratios = sorted(many / one for many, one in zip(seconds[count], seconds[1], strict=True))
        found[str(count)] = {"median": statistics.median(ratios), "low": ratios[0], "high": ratios[-1]}
    return {
        "what": "time of one update of k adapters over that of one, same tokens", "shape": shape, "ratio": found,
        "rows": rows, "rounds": len(seconds[1]), "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }  # fmt: skip


def page(result: dict[str, Any], command: str) -> str:
    """The result as Markdown."""
    rows = [["adapters", "time over one adapter's"]]
    for count, ratio in result["ratio"].items():
        rows.append([count, f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"])
    return PAGE.format(
        command=command, table=markdown(rows), torch=result["versions"]["torch"],
        **{name: result[name] for name in ("shape", "machine", "threads", "rounds", "rows")},
    )  # fmt: skip


if __name__ == "__main__":
    main()
