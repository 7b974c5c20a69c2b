"""Bits per byte by domain on text that no base has seen, and what bases write.

    python -m tools.pretrain.evaluate REFERENCE_FOLDER MODEL_FOLDER... --json runs/pretrain/evaluation.json

Any causal language model of the Transformers library, each with its own tokenizer; the first is what the others are
compared with. Intervals are 95% percentile bootstrap over documents, drawn within each domain, the same draws for all
models; a domain of few documents (see the table) has intervals that are too narrow. Held-out text is written by `pack`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text
from transformers import AutoModelForCausalLM, AutoTokenizer

from tools.pretrain.likelihood import bits
from tools.pretrain.rows import read
from tools.pretrain.samples import samples

LENGTHS = (512, 2048)
"""Tokens of a window: as in the reference's README, and the whole context."""
DRAWS = 2000

Floats = NDArray[np.float64]
Texts = Mapping[str, Sequence[str]]


def held_out_texts(folder: Path) -> dict[str, list[str]]:
    """Domain -> its documents, from ``<domain>.jsonl``."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise SystemExit(f"no held-out text in {folder}: run python -m tools.pretrain.pack first")
    return {file.stem: [row["text"] for row in read(file)] for file in files}


def evaluate(folder: str, texts: Texts, device: str, dtype: str) -> dict[str, Any]:
    """``bits``: window length -> domain -> bits of each document; ``samples``; ``parameters``."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).to(device).eval()
    lengths = [n for n in LENGTHS if n <= model.config.max_position_embeddings]
    found = {n: {domain: bits(model, tokenizer, some, n) for domain, some in texts.items()} for n in lengths}
    return {"bits": found, "samples": samples(model, tokenizer), "parameters": model.num_parameters()}


def draws(texts: Texts, seed: int = 0) -> dict[str, NDArray[np.int64]]:
    """Domain -> how often each document is drawn, (1 + DRAWS, documents); the first draw is every document once."""
    rng = np.random.default_rng(seed)
    sizes = {domain: len(some) for domain, some in texts.items()}
    drawn = {domain: rng.multinomial(n, np.full(n, 1 / n), size=DRAWS) for domain, n in sizes.items()}
    return {domain: np.concatenate([np.ones_like(counts[:1]), counts]) for domain, counts in drawn.items()}


def per_byte(
    needed: Mapping[str, Floats], texts: Texts, drawn: Mapping[str, NDArray[np.int64]]
) -> dict[str, Floats]:
    """Domain -> bits per byte on every draw, (1 + DRAWS,); ``mean`` is that of all domains."""
    sizes = {domain: np.array([len(text.encode()) for text in some]) for domain, some in texts.items()}
    found = {domain: drawn[domain] @ needed[domain] / (drawn[domain] @ sizes[domain]) for domain in texts}
    return found | {"mean": np.mean(list(found.values()), axis=0)}


def interval(values: Floats) -> dict[str, float]:
    """The value on all documents (the first) and the 95% limits over the draws."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def compare(results: Mapping[str, Mapping[str, Any]], texts: Texts) -> dict[str, Any]:
    """Window length -> domain -> model -> bits per byte, and its ratios to other figures on the same draws.

    ``ratio``: to the first model. ``ratio_to_512``: to the same model in short windows, below 1 if long ones help.
    """
    drawn, first = draws(texts), next(iter(results))
    found = {
        (name, length): per_byte(needed, texts, drawn)
        for name, result in results.items()
        for length, needed in result["bits"].items()
    }
    table: dict[str, Any] = {}
    for (name, length), domains in found.items():
        others = {"ratio": found.get((first, length)), "ratio_to_512": found[name, LENGTHS[0]]}
        for domain, values in domains.items():
            figures = {"bits_per_byte": interval(values)}
            figures |= {key: interval(values / other[domain]) for key, other in others.items() if other}
            table.setdefault(str(length), {}).setdefault(domain, {})[name] = figures
    return table


def shown(domains: Mapping[str, Any], texts: Texts, length: str) -> Table:
    """Rows: domains and their mean. Columns: documents, kB, and of each model bits per byte and ratio to the first."""
    names = list(domains["mean"])
    table = Table(title=f"bits per byte, windows of {length} tokens", box=SIMPLE_HEAD, title_justify="left")
    for n, column in enumerate(["domain", "documents", "kB", *names]):
        table.add_column(column, justify="left" if n == 0 else "right")
    for domain, models in domains.items():
        some = texts.get(domain)
        counts = (str(len(some)), str(size(some) // 1000)) if some else ("", "")
        table.add_row(domain, *counts, *(cell(models[name], compared=name != names[0]) for name in names))
    return table


def size(texts: Sequence[str]) -> int:
    """UTF-8 bytes."""
    return sum(len(text.encode()) for text in texts)


def cell(found: Mapping[str, Mapping[str, float]], compared: bool) -> str:
    """Value with its limits; below, the ratio to the first model with its limits."""
    lines = "{value:.3f} [{low:.3f}, {high:.3f}]".format(**found["bits_per_byte"])
    return lines + ("\n× {value:.3f} [{low:.3f}, {high:.3f}]".format(**found["ratio"]) if compared else "")


def written(name: str, samples: Sequence[Mapping[str, str]]) -> Table:
    """Prompts with both continuations."""
    table = Table(title=name, box=SIMPLE_HEAD, title_justify="left", show_lines=True)
    for column in ("prompt", "greedy", "sampled"):
        table.add_column(column, ratio=1)
    for sample in samples:
        table.add_row(*(Text(sample[column]) for column in ("prompt", "greedy", "sampled")))
    return table


def record(results: Mapping[str, Mapping[str, Any]], texts: Texts, dtype: str) -> dict[str, Any]:
    """All figures, with what they were computed on and by."""
    models = {
        name: {key: result[key] for key in ("parameters", "samples")} for name, result in results.items()
    }
    sizes = {domain: {"documents": len(some), "bytes": size(some)} for domain, some in texts.items()}
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__}
    windows = compare(results, texts)
    return {"windows": windows, "models": models, "held_out": sizes, "dtype": dtype, "versions": versions}


def main() -> None:
    """Evaluate, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", help="folders, the reference first")
    parser.add_argument("--work", type=Path, default=Path("runs/pretrain"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--json", type=Path, help="where to write everything")
    given = parser.parse_args()
    texts, console = held_out_texts(given.work / "held_out"), Console()
    results = {folder: evaluate(folder, texts, given.device, given.dtype) for folder in given.models}
    found = record(results, texts, given.dtype)
    for length, domains in found["windows"].items():
        console.print(shown(domains, texts, length))
    for name, model in found["models"].items():
        console.print(written(name, model["samples"]))
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
