"""Many adapters on a large base under a memory limit: do they fit, how fast, and at what share of the matrix rate?

    python -m benchmarks.many_on_a_gpu [--shape 7b] [--adapters 10] [--limit-gb 24] [--page PAGE] [--quick]
    python -m benchmarks.many_on_a_gpu --shape 15m --device cpu      # the same code, to see that it runs

Adapters of rank 16 on all linears, trained side by side for a few steps, an update of 16 examples for each, with
gradient checkpointing, and as many tokens at once as `plan --memory` says fit. On CUDA the process may allocate
``--limit-gb`` and no more; the peak is what the allocator held. FLOPs: frozen products of real tokens, forward and
input gradient, against a square product's rate in the same run. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.mixture import BATCH, Row, examples
from benchmarks.shapes import LLAMAS, load_shape
from mixologist.fitting import SPARE, STEP
from mixologist.mixing.sampler import Update
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base
from mixologist.model.estimate import skeleton
from mixologist.model.families import linears, weight
from mixologist.model.footprint import footprint
from mixologist.recipe.schema import Training
from mixologist.report.tables import markdown
from mixologist.training.updates import Updater

RATE = 1e-4
PAGE = """# {adapters} adapters at once, {shape} shape

`{command}` wrote this page ({device}, {dtype},
torch {versions[torch]}): adapters of rank 16 on all linears, an update of 16 examples for each, with gradient
checkpointing.

{table}
"""


def rate(base: Base, size: int, rounds: int = 10) -> float:
    """FLOPs a second of a square product in the base's precision."""
    x = torch.randn(size, size, dtype=torch.float32).to(base.device, base.dtype)
    seconds = []
    for _ in range(rounds):
        start = _now(base)
        x @ x
        seconds.append(_now(base) - start)
    return float(2 * size**3 / statistics.median(seconds))


def flops(base: Base, rows: list[Row]) -> float:
    """Of frozen products, forward and input gradient; the head for completion tokens only."""
    blocks = sum(weight(linear).numel() for linear in linears(base.model).values())
    head = base.model.get_output_embeddings().weight.numel()
    tokens, targets = sum(map(len, rows)), sum(len(row.completion) for row in rows)
    return float(4 * (tokens * blocks + targets * head))


def trained(base: Base, adapters: int, tokens: int, steps: int) -> dict[str, Any]:
    """Median speed of the steps but the first, and the last loss."""
    names = [f"a{n}" for n in range(adapters)]
    bank = Bank(base, [Shape(name, 16, 32) for name in names], modules=list(linears(base.model)))
    rows = examples(adapters * BATCH)
    options = Training(learning_rate=RATE, max_tokens_per_batch=tokens, gradient_checkpointing=True)
    updater = Updater(base, bank, {"t": rows}, options)
    seconds, loss = [], float("nan")
    for step in range(steps + 1):
        start = _now(base)
        updates = [
            Update(name, step, tuple(("t", i) for i in range(n, len(rows), adapters)))
            for n, name in enumerate(names)
        ]
        loss = statistics.mean(one.losses["t"] for one in updater.apply(updates, dict.fromkeys(names, RATE)))
        seconds.append(_now(base) - start)
    took = statistics.median(seconds[1:])
    return {
        "tokens_per_second": sum(map(len, rows)) / took,
        "flops_per_second": flops(base, rows) / took,
        "loss": loss,
    }


def _now(base: Base) -> float:
    if base.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def tokens_that_fit(base: Base, adapters: int, limit_gb: float) -> int:
    """As `fitting` has it: with a tenth of the memory spared, and no more than the default."""
    numbers = adapters * 16 * sum(sum(weight(linear).shape) for linear in linears(base.model).values())
    dtype = str(base.dtype).removeprefix("torch.")
    needs = footprint(skeleton(base.model.config), numbers, dtype, recompute=True, on_gpu=True)
    fitting = min(Training().max_tokens_per_batch, needs.largest(SPARE * limit_gb * 1e9) // STEP * STEP)
    if not fitting:
        raise SystemExit(f"{needs.fixed / 1e9:.1f} GB are needed before the first token: raise --limit-gb")
    return fitting


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two steps instead of five")
    parser.add_argument("--shape", choices=("builtin", *LLAMAS), default="7b")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--adapters", type=int, default=10)
    parser.add_argument("--limit-gb", type=float, default=24)
    parser.add_argument("--tokens", type=int, help="of a pass; otherwise as many as fit")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    on_cuda = given.device == "cuda"
    if on_cuda:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, given.limit_gb * 1e9 / total))
    base = load_shape(given.shape, "bfloat16" if on_cuda else "auto", given.device)
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    tokens = given.tokens or tokens_that_fit(base, given.adapters, given.limit_gb)
    found = trained(base, given.adapters, tokens, 2 if given.quick else 5)
    peak = (
        torch.cuda.max_memory_allocated()
        if on_cuda
        else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    matrix = rate(base, 8192 if on_cuda else 1024)
    result = {
        "what": "many adapters of rank 16 trained side by side under a memory limit",
        "command": f"python -m benchmarks.many_on_a_gpu --shape {given.shape} --device {given.device} --adapters "
        f"{given.adapters} --limit-gb {given.limit_gb:g}" + " --quick" * given.quick,
        "shape": given.shape, "adapters": given.adapters, "limit_gb": given.limit_gb if on_cuda else None,
        "tokens": tokens, "peak_gb": round(peak / 1e9, 2), **found,
        "share_of_matrix_rate": found["flops_per_second"] / matrix,
        "device": torch.cuda.get_device_name() if on_cuda else "cpu", "dtype": str(base.dtype),
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }  # fmt: skip
    if given.page:
        given.page.write_text(page(result), encoding="utf-8")
    print(json.dumps(result, indent=2))


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    limit = f"{result['limit_gb']:g} GB" if result["limit_gb"] else "none"
    rows = [
        ["memory limit", limit],
        ["peak", f"{result['peak_gb']:.1f} GB"],
        ["tokens of a pass", f"{result['tokens']:,}"],
        ["tokens a second", f"{result['tokens_per_second']:,.0f}"],
        ["share of the matrix rate", f"{result['share_of_matrix_rate']:.0%}"],
        ["loss of the last step", f"{result['loss']:.4f}"],
    ]
    return PAGE.format(**result, table=markdown([["", ""], *rows]))


if __name__ == "__main__":
    main()
