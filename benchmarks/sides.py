"""Ways to train one LoRA (r = 16, all linears, AdamW) on the same examples, each in a process of its own.

    python -m benchmarks.sides '{"trainer": "ours", "shape": "15m", "dtype": "auto", ...}'

A side answers every line on its standard input with one pass over the examples, and a line of JSON: seconds, the mean
of the updates' losses, and the process's peak memory. All begin with the same weights, and update on the same examples
in the same order.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from transformers.integrations.liger import apply_liger_kernel

from benchmarks.mixture import BATCH, Row, batches
from benchmarks.shapes import load_shape
from mixologist.memory import KEPT, in_large_pages
from mixologist.mixing.batching import Segment, micro_batches
from mixologist.mixing.sampler import Update
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base
from mixologist.model.families import linears, weight
from mixologist.recipe.schema import Training
from mixologist.training.updates import Updater

RATE = 1e-4
TOKENS = Training().max_tokens_per_batch
Pass = Callable[[], float]
"""Trains one pass; returns the mean of its updates' losses, each a mean over target tokens, in nats."""


@dataclass(frozen=True)
class Side:
    """Who trains, and how."""

    trainer: str
    """A key of ``TRAINERS``."""
    shape: str
    dtype: str
    rows: int
    grouped: bool = True
    batch: int = BATCH
    """Examples computed at once; an update is always of 16, gradients are accumulated."""
    device: str = "cpu"
    large_pages: bool = False
    """Whether a peer's memory lies in large pages, as ours does."""
    attention: str = "sdpa"
    """A peer's, as Transformers knows it; with ``flash_attention_2`` TRL trains without padding."""
    liger: bool = False
    """Whether a peer has Liger's kernels."""

    def __str__(self) -> str:
        """As tables have it."""
        order = "grouped by length" if self.grouped else "not grouped"
        kernels = ", FlashAttention" * (self.attention != "sdpa") + ", Liger" * self.liger
        return f"{self.trainer}, {self.dtype}, batches of {self.batch}, {order}{kernels}"


def ours(side: Side, data: list[list[Row]]) -> Pass:
    """Packed updates of a bank of one adapter."""
    base = load_shape(side.shape, side.dtype, side.device)
    bank = Bank(base, [Shape("a", 16, 32)], modules=list(linears(base.model)))
    rows = {"t": [row for batch in data for row in batch]}
    updater = Updater(base, bank, rows, Training(learning_rate=RATE, loss_weighting="token"))

    def run() -> float:
        losses = []
        for n in range(len(data)):
            draws = tuple(("t", BATCH * n + i) for i in range(len(data[n])))
            (measured,) = updater.apply([Update("a", n, draws)], {"a": RATE})
            losses.append(measured.losses["t"])
        return statistics.mean(losses)

    return run


def _with_peft(side: Side) -> tuple[Base, Any]:
    """A base and PEFT's model of it, begun with the weights that ours begins with."""
    from peft import LoraConfig, get_peft_model

    base = load_shape(side.shape, side.dtype, side.device)
    if side.attention != "sdpa":
        base.model.set_attn_implementation(side.attention)
    if side.liger:  # but for its losses: the loop and TRL have their own
        apply_liger_kernel(base.model, {"cross_entropy": False, "fused_linear_cross_entropy": False})
    bank = Bank(base, [Shape("a", 16, 32)], modules=list(linears(base.model)))
    start = dict(zip((layer.module_name for layer in bank.layers), bank.factors(0)[::2], strict=True))
    bank.detach()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(base.model, LoraConfig(r=16, lora_alpha=32, target_modules=list(start)))
    for name, module in model.named_modules():
        if name.endswith(".lora_A.default"):
            module.weight.data.copy_(
                start[name.removeprefix("base_model.model.").removesuffix(".lora_A.default")]
            )
    return base, model


def loop(side: Side, data: list[list[Row]]) -> Pass:
    """A plain PyTorch loop on PEFT's model, the output head on target tokens only."""
    base, model = _with_peft(side)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    decoder, head = base.model.get_decoder(), base.model.get_output_embeddings()

    def run() -> float:
        losses = []
        for whole in data:
            targets = sum(len(row.completion) for row in whole)
            loss = 0.0
            for start in range(0, len(whole), side.batch):
                ids, mask, labels = (
                    part.to(side.device) for part in _padded(whole[start : start + side.batch])
                )
                hidden = decoder(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
                keep = labels >= 0
                logits = head(hidden[keep]).float()
                part = torch.nn.functional.cross_entropy(logits, labels[keep], reduction="sum") / targets
                part.backward()
                loss += float(part.detach())
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss)
        return statistics.mean(losses)

    return run


def _padded(batch: list[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and what the token at each place predicts (-1: not asked), each (rows, longest)."""
    longest = max(map(len, batch))
    ids, mask, targets = (torch.full((len(batch), longest), fill) for fill in (1, 0, -1))
    for n, row in enumerate(batch):
        ids[n, : len(row)] = torch.tensor([*row.prompt, *row.completion])
        mask[n, : len(row)] = 1
        targets[n, len(row.prompt) - 1 : len(row) - 1] = torch.tensor(row.completion)
    return ids, mask, targets


def trl(side: Side, data: list[list[Row]]) -> Pass:
    """TRL's `SFTTrainer` on PEFT's model."""
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    base, model = _with_peft(side)
    rows = [
        {"input_ids": [*row.prompt, *row.completion], "labels": [-100] * len(row.prompt) + [*row.completion]}
        for batch in data for row in batch
    ]  # fmt: skip
    options = SFTConfig(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=side.batch,
        gradient_accumulation_steps=BATCH // side.batch, num_train_epochs=1, learning_rate=RATE,
        lr_scheduler_type="constant", weight_decay=0.01, max_length=None, bf16=side.dtype == "bfloat16",
        gradient_checkpointing=False, use_cpu=side.device == "cpu", save_strategy="no",
        logging_strategy="no", report_to="none", disable_tqdm=True, train_sampling_strategy="sequential",
        dataloader_pin_memory=False, padding_free=side.attention != "sdpa",
    )  # fmt: skip
    trainer = SFTTrainer(
        model, options, train_dataset=Dataset.from_list(rows), processing_class=base.tokenizer
    )

    def run() -> float:
        return float(trainer.train().training_loss)

    return run


def products(side: Side, data: list[list[Row]]) -> Pass:
    """No training, its floor: the frozen products of ours alone, forward and input gradient, on the same tokens."""
    in_large_pages()
    base = load_shape(side.shape, side.dtype, side.device)
    weights = [weight(base.model.get_submodule(name)) for name in linears(base.model)]
    head = base.model.get_output_embeddings().weight
    packs = [
        pack for batch in data for pack in micro_batches([Segment(0, row, 1.0) for row in batch], TOKENS, 1)
    ]
    inputs = {
        d: torch.randn(TOKENS, d).to(base.device, base.dtype) for d in {w.shape[1] for w in [*weights, head]}
    }

    def run() -> float:
        for pack in packs:
            for w, rows in [*((w, len(pack.input_ids)) for w in weights), (head, len(pack.targets))]:
                torch.nn.functional.linear(inputs[w.shape[1]][:rows], w) @ w
        return 0.0

    return run


TRAINERS: dict[str, Callable[[Side, list[list[Row]]], Pass]] = {
    "ours": ours,
    "products": products,
    "loop": loop,
    "trl": trl,
}


class Process:
    """A side at work in a process of its own, that waits between passes."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sides", json.dumps(dataclasses.asdict(side))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self) -> dict[str, float] | None:
        """Seconds, loss and peak of one pass; None where the process gave up, for want of memory most of all."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print("go", file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return None
        line = self.process.stdout.readline()
        found: dict[str, float] | None = json.loads(line) if line else None
        return found

    def close(self) -> None:
        """End it."""
        self.process.communicate()


def _resident_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000


def main() -> None:
    """Be a side."""
    side = Side(**json.loads(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    on_cuda = side.device == "cuda"
    if side.large_pages:
        in_large_pages()
    if not on_cuda:  # which maps far more than it uses
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_DATA, (int(0.9 * memory), -1))
    if side.trainer in (
        "loop",
        "trl",
    ):  # what `mixologist.memory` keeps less of stays as the libraries have it
        os.environ |= dict.fromkeys(KEPT, "1024")
    run = TRAINERS[side.trainer](side, batches(side.rows, grouped=side.grouped))
    for _ in sys.stdin:
        start = time.perf_counter()
        loss = run()
        if on_cuda:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        peak = torch.cuda.max_memory_allocated() // 10**6 if on_cuda else _resident_mb()
        if on_cuda and side.shape == "7b":  # four of them and their activations are more than a GPU has
            torch.cuda.empty_cache()
        print(json.dumps({"seconds": seconds, "loss": loss, "peak_mb": peak}), file=answers, flush=True)


if __name__ == "__main__":
    main()
