"""What stored hidden states save: an epoch with and without them, against what the split promises.

    python -m benchmarks.trunk_cache [--quick] [--shape builtin|15m|135m] [--trunk 1 2 4]
        [--page docs/results/trunk-cache.md]

L blocks, s of them trunk, and a training that passes each token forward and backward through the blocks with adapters:
2 L - s block passes a token when the trunk is computed, 2 (L - s) when it is read, so that an epoch should take

    2 (L - s) / (2 L - s)

of its time, if a pass through a block with adapters took as long each way as one through a block without. It takes
longer: its products of rank r, its gradients, and all that no block does (embedding, output head, optimizer) are
outside that count. So the trunk alone is timed, too, forward over the same texts: that is all there is to save.
Interleaved rounds in one process; ratios are taken round by round. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.mixture import examples
from benchmarks.shapes import SHAPES, load_shape
from mixologist.mixing.batching import Encoded
from mixologist.mixing.sampler import Update
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base
from mixologist.model.families import blocks, linears
from mixologist.model.trunk import hidden_states
from mixologist.model.trunk_cache import TrunkCache
from mixologist.recipe.schema import Training
from mixologist.report.tables import markdown
from mixologist.training.updates import Updater

ADAPTERS = ("a", "b")
PAGE = """# What stored hidden states save

`{command}` wrote this page ({shape} shape, {machine}, {threads} threads, torch {torch}, {rounds} rounds, {rows} rows):
epochs of two adapters above a trunk, its hidden states stored against computed, round by round with the range over
rounds. *promised*: the share of an epoch's block passes that reading spares, forward and backward counted alike;
*saved*: the share of its time; *kept*: of what was promised; *of the trunk's time*: saved, over what the trunk alone
takes for these texts, which is all there is to save; *filling*: the first pass through the trunk, over an epoch that
computes it.

{table}
"""


def epoch(base: Base, trunk: int, rows: Sequence[Encoded], batch: int) -> Callable[[], float]:
    """One pass of two adapters over the rows, as plan `auto` feeds them; returns the mean loss."""
    names = [name for name in linears(base.model) if _block(name) >= trunk]
    bank = Bank(base, [Shape(name, 16, 32) for name in ADAPTERS], modules=names)
    updater = Updater(base, bank, {"t": rows}, Training(learning_rate=1e-4, loss_weighting="token"))

    def run() -> float:
        losses = []
        for number, start in enumerate(range(0, len(rows), batch)):
            draws = tuple(("t", row) for row in range(start, min(start + batch, len(rows))))
            updates = [Update(name, number, draws) for name in ADAPTERS]
            losses += [one.losses["t"] for one in updater.apply(updates, dict.fromkeys(ADAPTERS, 1e-4))]
        return statistics.mean(losses)

    return run


def trunk_alone(base: Base, trunk: int, rows: Sequence[Encoded], batch: int) -> Callable[[], float]:
    """The texts of `epoch` through the trunk, as often as there."""
    texts = [(*row.prompt, *row.completion) for row in rows]

    def run() -> float:
        for start in range(0, len(texts), batch):
            hidden_states(base, texts[start : start + batch] * len(ADAPTERS), trunk)
        return 0.0

    return run


def _block(module: str) -> int:
    return int(next(part for part in module.split(".") if part.isdigit()))


def measured(shape: str, dtype: str, trunk: int, count: int, rounds: int) -> dict[str, Any]:
    """Ratios of one split point, after one epoch of each side that is not counted."""
    plain = examples(count)
    with tempfile.TemporaryDirectory() as folder:
        # Two models: a bank changes the one that it is attached to.
        base, other = load_shape(shape, dtype), load_shape(shape, dtype)
        start = time.perf_counter()
        stored = TrunkCache(Path(folder), 10**11).store(other, trunk, {"t": plain})["t"]
        filling = time.perf_counter() - start
        sides = {
            "computed": epoch(base, trunk, plain, 16),
            "stored": epoch(other, trunk, stored, 16),
            "trunk": trunk_alone(load_shape(shape, dtype), trunk, plain, 16),
        }
        losses = {name: run() for name, run in sides.items()}
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, run in sides.items():
                start = time.perf_counter()
                losses[name] = run()
                seconds[name].append(time.perf_counter() - start)
    depth = len(blocks(base.model))
    promised = trunk / (2 * depth - trunk)
    rounds_of = list(zip(*seconds.values(), strict=True))
    ratios = [1 - stored / computed for computed, stored, _ in rounds_of]
    of_trunk = [(computed - stored) / alone for computed, stored, alone in rounds_of]
    return {
        "trunk": trunk, "blocks": depth, "promised": promised, "time_saved": spread(ratios),
        "saved": spread([ratio / promised for ratio in ratios]), "of_trunk": spread(of_trunk),
        "losses": {name: losses[name] for name in ("computed", "stored")},
        "filling_over_epoch": filling / statistics.median(seconds["computed"]),
    }  # fmt: skip


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds, one split")
    parser.add_argument("--shape", choices=SHAPES, default="builtin")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--trunk", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    count, rounds = (64, 5) if given.quick else (128, 7)
    splits = given.trunk[-1:] if given.quick else given.trunk
    result = {
        "what": "time of an epoch above a trunk, its hidden states stored against computed",
        "shape": given.shape, "rows": count, "rounds": rounds, "threads": torch.get_num_threads(),
        "splits": [measured(given.shape, given.dtype, trunk, count, rounds) for trunk in splits],
        "machine": platform.processor() or platform.machine(),
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }  # fmt: skip
    if given.page:
        given.page.write_text(page(result, "python -m benchmarks.trunk_cache"), encoding="utf-8")
    print(json.dumps(result, indent=2))


def page(result: dict[str, Any], command: str) -> str:
    """The result as Markdown."""
    rows = [["trunk", "promised", "saved", "kept", "of the trunk's time", "filling", "losses"]]
    for one in result["splits"]:
        told = [one[name] for name in ("time_saved", "saved", "of_trunk")]
        rows.append([
            f"{one['trunk']} of {one['blocks']}", f"{100 * one['promised']:.0f}%",
            *(f"{100 * s['median']:.0f}% ({100 * s['low']:.0f}% to {100 * s['high']:.0f}%)" for s in told),
            f"{one['filling_over_epoch']:.2f}", " and ".join(f"{loss:.4f}" for loss in one["losses"].values()),
        ])  # fmt: skip
    return PAGE.format(
        command=command, table=markdown(rows), torch=result["versions"]["torch"],
        **{name: result[name] for name in ("shape", "machine", "threads", "rounds", "rows")},
    )  # fmt: skip


if __name__ == "__main__":
    main()
