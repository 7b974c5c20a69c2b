"""Training tokens a second: our packed updates against what others would use, on the same examples.

    python -m benchmarks.train_throughput [--quick] [--shape 15m] [--peers loop trl] [--device cuda] [--large-pages]

Every side trains one LoRA in a process of its own (`sides.py`), which waits while another works: interleaved rounds.
`loop` is a plain PyTorch loop on a PEFT model: batches of 16, 4 or 1 rows of like length, output head on completion
tokens only, fused attention, float32 and bfloat16. `trl` is TRL's SFTTrainer on that model at its best of 12 settings:
batches of 1, 4 and 16, rows of like length together or not, float32 and bfloat16 (needs `requirements-peers.txt`). On
a GPU peers run in bfloat16 and grouped by length, with FlashAttention and Liger besides where they are installed
(`requirements-peers-gpu.txt`). A setting is chosen by a pass over fewer rows; with --finalists 3 the three fastest
are measured in the rounds, which a machine with other work asks for. Ours asks for large pages
(`mixologist.memory`); with --large-pages the peers do, too. `products` are the frozen products alone, forward and input
gradient of the same packs: what the machine's own matrix rate would allow. Real tokens are counted, padding is not.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.mixture import batches
from benchmarks.peers import SCREENED, fastest, grid, likely, screened
from benchmarks.shapes import SHAPES
from benchmarks.sides import Process, Side
from mixologist.report.tables import markdown

PAGE = """# Training throughput, {shape} shape

`{command}` wrote this page ({machine}, {threads} threads, torch {torch}, {rounds} rounds, {rows} rows, {tokens:,}
tokens a pass). Ratios are taken round by round; in brackets the range over rounds. Losses: the mean of the updates'
losses in the last pass. *products*: the frozen products of ours alone, forward and input gradient, so ours runs at
{share:.0%} of the machine's own matrix rate [{share_low:.0%}, {share_high:.0%}].

{table}
"""
SETTINGS = """
## Settings of the peers, one pass over {screened} rows each

{settings}
"""


def interleaved(sides: dict[str, Side], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Passes of each side in turn, round by round, after one that is not counted."""
    processes = {name: Process(side) for name, side in sides.items()}
    passes: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, process in processes.items():
            done = process.run()
            if done is None:
                raise SystemExit(f"{sides[name]}: the process ended")
            print(number, name, done, file=sys.stderr, flush=True)
            passes[name].append(done)
    for process in processes.values():
        process.close()
    return {name: found[1:] for name, found in passes.items()}


def ratios(passes: dict[str, list[dict[str, float]]], peer: str) -> dict[str, float]:
    """How many times faster ours is, median and range, and its share of the peer's peak memory."""
    each = [
        theirs["seconds"] / mine["seconds"] for theirs, mine in zip(passes[peer], passes["ours"], strict=True)
    ]
    memory = passes["ours"][-1]["peak_mb"] / passes[peer][-1]["peak_mb"]
    return {"median": statistics.median(each), "low": min(each), "high": max(each), "memory": memory}


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    rows = [["side", "tokens a second", "peak MB", "loss", "ours is faster"]]
    for name, side in result["sides"].items():
        ratio = result["ratios"].get(name)
        faster = f"{ratio['median']:.2f}x [{ratio['low']:.2f}, {ratio['high']:.2f}]" if ratio else ""
        speed, peak = f"{side['tokens_per_second']:,.0f}", f"{side['peak_mb']:,.0f}"
        rows.append([side["setting"], speed, peak, f"{side['loss']:.4f}", faster])
    settings = [["setting", "seconds", "peak MB"]]
    for setting, one in result["settings"].items():
        settings.append(
            [setting, f"{one['seconds']:.1f}", f"{one['peak_mb']:,.0f}"]
            if one
            else [setting, "did not run", ""]
        )
    floor = result["ratios"]["products"]
    text = PAGE.format(
        share=floor["median"], share_low=floor["low"], share_high=floor["high"], table=markdown(rows),
        torch=result["versions"]["torch"],
        **{name: result[name] for name in ("shape", "command", "machine", "threads", "rounds", "rows", "tokens")},
    )  # fmt: skip
    screened_by = min(SCREENED, result["rows"])
    chosen = SETTINGS.format(screened=screened_by, settings=markdown(settings))
    return text + chosen * bool(result["settings"])


def measured(given: argparse.Namespace, rows: int, rounds: int) -> dict[str, Any]:
    """Settings, sides and ratios of one shape."""
    settings: dict[Side, dict[str, float] | None] = {}
    sides = {
        name: Side(name, given.shape, "auto", rows, device=given.device) for name in ("ours", "products")
    }
    for peer in given.peers:
        chosen = [likely(peer, given.shape, given.device)]
        if not given.quick:
            found = screened(
                [
                    replace(side, rows=min(rows, SCREENED), large_pages=given.large_pages)
                    for side in grid(peer, given.shape, given.device)
                ]
            )
            settings |= found
            chosen = fastest(found, given.finalists)
        if not chosen:
            raise SystemExit(f"{peer}: no setting ran, see above")
        for place, side in enumerate(chosen, 1):
            name = peer if place == 1 else f"{peer}, {place}"
            sides[name] = replace(side, rows=rows, large_pages=given.large_pages)
    passes = interleaved(sides, rounds)
    tokens = sum(len(row) for batch in batches(rows, grouped=True) for row in batch)
    return {
        "rows": rows, "rounds": rounds, "tokens": tokens,
        "sides": {
            name: {
                "setting": str(side), "loss": passes[name][-1]["loss"], "peak_mb": passes[name][-1]["peak_mb"],
                "tokens_per_second": tokens / statistics.median(one["seconds"] for one in passes[name]),
            }
            for name, side in sides.items()
        },
        "ratios": {name: ratios(passes, name) for name in sides if name != "ours"},
        "settings": {str(side): one for side, one in settings.items()},
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer rows and rounds, one setting of each peer"
    )
    parser.add_argument("--shape", choices=SHAPES, default="builtin")
    parser.add_argument("--peers", nargs="+", choices=("loop", "trl"), default=["loop"])
    parser.add_argument("--rows", type=int, help="examples of a pass")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--large-pages", action="store_true", help="the peers' memory in large pages, too")
    parser.add_argument(
        "--finalists",
        type=int,
        choices=range(1, 5),
        default=1,
        help="settings of a peer that run in the rounds",
    )
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    rows, rounds = given.rows or (96 if given.quick else 192), 3 if given.quick else 5
    quick, peers = " --quick" if given.quick else "", " ".join(given.peers)
    result = {
        "what": "training tokens a second, ours against others", "shape": given.shape,
        "command": f"python -m benchmarks.train_throughput{quick} --shape {given.shape} --peers {peers} --rows {rows}"
        + f" --device {given.device}" * (given.device != "cpu")
        + " --large-pages" * given.large_pages
        + f" --finalists {given.finalists}" * (given.finalists > 1),
        **measured(given, rows, rounds),
        "threads": torch.get_num_threads(), "machine": platform.processor() or platform.machine(),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft", *_trl(given.peers))},
    }  # fmt: skip
    if given.page:
        given.page.write_text(page(result), encoding="utf-8")
    print(json.dumps(result, indent=2))


def _trl(peers: list[str]) -> list[str]:
    return ["trl"] if "trl" in peers else []


if __name__ == "__main__":
    main()
