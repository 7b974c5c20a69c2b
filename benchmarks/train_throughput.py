"""Training tokens a second: our packed updates against a plain PyTorch loop on a PEFT model, on the same examples.

The peer gets what helps it: batches grouped by length, the head on completion tokens only, fused attention, and the
faster of float32 and bfloat16. Both train one LoRA (r = 16, all linears) with AdamW on the built-in base, eight or more
updates of 16 examples a round. Real tokens are counted, padding is not. The last loss of both is printed: the numbers
differ by rounding only, because both begin with the same weights.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model

from mixologist.mixing.sampler import Update
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import load_base
from mixologist.model.families import linears
from mixologist.recipe.schema import Training
from mixologist.tasks.encoding import Hidden
from mixologist.training.updates import Updater

MIXTURE = (((35, 70), (1, 2)), ((35, 90), (1, 2)), ((25, 70), (1, 3)), ((40, 120), (10, 40)), ((300, 900), (3, 12)),
           ((20, 200), (20, 150)))  # fmt: skip
"""(prompt, completion) tokens from - to: headline, sentence, tweet, extraction, table question, instruction."""
BATCH, RATE = 16, 1e-3


@dataclass(frozen=True)
class Row:
    """An encoded example."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    hidden: Hidden | None = None


def examples(count: int, seed: int = 0) -> list[Row]:
    """Equal numbers of each kind, random tokens, sorted into batches of like length as the peer wants them."""
    random = np.random.default_rng(seed)

    def tokens(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(t) for t in random.integers(10, 8000, random.integers(low, high + 1)))

    found = [Row(tokens(*MIXTURE[n % 6][0]), tokens(*MIXTURE[n % 6][1])) for n in range(count)]
    return sorted(found, key=lambda row: len(row.prompt) + len(row.completion))


def batches(rows: list[Row]) -> list[list[Row]]:
    """Batches of like length, in an order drawn once."""
    grouped = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    return [grouped[i] for i in np.random.default_rng(1).permutation(len(grouped))]


def ours(dtype: str, data: list[list[Row]]) -> Callable[[], float]:
    """A function that trains one pass over the batches and returns the last loss."""
    base = load_base("builtin", dtype=dtype, device="cpu")
    bank = Bank(base, [Shape("a", 16, 32)], modules=list(linears(base.model)))
    rows = {"t": [row for batch in data for row in batch]}
    updater = Updater(base, bank, rows, Training(learning_rate=RATE, loss_weighting="token"))

    def run() -> float:
        loss = 0.0
        for n in range(len(data)):
            draws = tuple(("t", BATCH * n + i) for i in range(len(data[n])))
            (measured,) = updater.apply([Update("a", n, draws)], {"a": RATE})
            loss = measured.losses["t"]
        return loss

    return run


def peer(dtype: str, data: list[list[Row]]) -> Callable[[], float]:
    """The plain loop on PEFT's model."""
    base = load_base("builtin", dtype=dtype, device="cpu")
    first = Bank(base, [Shape("a", 16, 32)], modules=list(linears(base.model)))
    start = dict(zip((layer.module_name for layer in first.layers), first.factors(0)[::2], strict=True))
    first.detach()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(base.model, LoraConfig(r=16, lora_alpha=32, target_modules=list(start)))
    for name, module in model.named_modules():
        if name.endswith(".lora_A.default"):
            module.weight.data.copy_(
                start[name.removeprefix("base_model.model.").removesuffix(".lora_A.default")]
            )
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    decoder, head = base.model.get_decoder(), base.model.get_output_embeddings()

    def run() -> float:
        loss = torch.zeros(())
        for batch in data:
            ids, mask, targets = _padded(batch)
            hidden = decoder(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            keep = targets >= 0
            logits = head(hidden[keep]).float()
            loss = torch.nn.functional.cross_entropy(logits, targets[keep])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        return float(loss.detach())

    return run


def _padded(batch: list[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(row.prompt) + len(row.completion) for row in batch)
    ids, mask, targets = (torch.full((len(batch), longest), fill) for fill in (1, 0, -1))
    for n, row in enumerate(batch):
        whole = [*row.prompt, *row.completion]
        ids[n, : len(whole)] = torch.tensor(whole)
        mask[n, : len(whole)] = 1
        targets[n, len(row.prompt) - 1 : len(whole) - 1] = torch.tensor(row.completion)
    return ids, mask, targets


def timed(run: Callable[[], float]) -> tuple[float, float]:
    """(seconds, last loss)."""
    start = time.perf_counter()
    loss = run()
    return time.perf_counter() - start, loss


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer examples and rounds")
    arguments = parser.parse_args()
    data = batches(examples(96 if arguments.quick else 192))
    rounds = 3 if arguments.quick else 5
    tokens = sum(len(row.prompt) + len(row.completion) for batch in data for row in batch)
    sides = {
        "ours": ours("auto", data),
        "peer float32": peer("float32", data),
        "peer bfloat16": peer("bfloat16", data),
    }
    for run in sides.values():
        run()  # warm-up
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    losses: dict[str, float] = {}
    for _ in range(rounds):
        for name, run in sides.items():
            took, losses[name] = timed(run)
            seconds[name].append(took)
    print(json.dumps(result(seconds, losses, tokens), indent=2))


def result(seconds: dict[str, list[float]], losses: dict[str, float], tokens: int) -> dict[str, Any]:
    """The figures as JSON."""
    best = min(("peer float32", "peer bfloat16"), key=lambda name: statistics.median(seconds[name]))
    ratios = sorted(theirs / mine for theirs, mine in zip(seconds[best], seconds["ours"], strict=True))
    return {
        "what": "training tokens a second, ours against a plain loop on PEFT grouped by length",
        "ratio": {"median": statistics.median(ratios), "low": ratios[0], "high": ratios[-1], "peer": best},
        "tokens_per_second": {name: tokens / statistics.median(times) for name, times in seconds.items()},
        "last_loss": losses,
        "rounds": len(ratios),
        "tokens": tokens,
        "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }


if __name__ == "__main__":
    main()
