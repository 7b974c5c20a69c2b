"""Pretrain the built-in base, or go on from given weights: one run is one part of the work.

    python -m tools.pretrain.train NAME --tokens 25e6 [--weights FOLDER] [--device cuda]
    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m tools.pretrain.train NAME ...     # a process a core

Processes that meet once a step lose little when other work takes a core; threads meet in every operation and lose most.

Writes ``runs/pretrain/NAME/``: ``model/`` (a Transformers folder), ``log.jsonl`` and, while it runs, ``checkpoint/``.
The same command after an interruption goes on from the checkpoint; the order of batches depends on the arguments alone.
Memory: weights, gradients and moments (16 bytes a parameter), one micro-batch of activations; tokens are memory-mapped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch import distributed as dist
from torch.nn import functional
from transformers import AutoTokenizer, LlamaForCausalLM

from tools.pretrain import optimizer, shape
from tools.pretrain.windows import STAGES, Order, load

Loss = Callable[[Tensor, Tensor], Tensor]
HEAD_TOKENS = 2048
"""Tokens whose logits exist at once."""


def main() -> None:
    """Train one part."""
    given = arguments()
    folder = given.work / given.name
    if "RANK" in os.environ:
        dist.init_process_group()
    model = shape.install(start(given)).to(given.device)
    texts = load(given.tokens_folder)
    order = Order.plan(texts, STAGES, int(given.tokens), given.batch, given.seed, int(given.skip))
    optimizers = optimizer.build(model, given.optimizer, given.rate, given.embedding_rate, given.decay)
    done = resume(folder / "checkpoint", model, optimizers)
    train(model, optimizers, order, done, given, folder)
    if rank() == 0:
        save_model(model, given.tokenizer, folder / "model")
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)


def train(model: Any, optimizers: Any, order: Order, done: int, given: Any, folder: Path) -> None:
    """Steps ``done`` to the last. Each: the gradient of one batch, clipped to norm 1, under the schedule's factor.

    Processes share a batch's windows; only the first one writes.
    """
    total, saved = sum(order.steps()), time.monotonic()
    loss_of = compiled(model, given)
    folder.mkdir(parents=True, exist_ok=True)
    for step in range(done, total):
        began = time.monotonic()
        batch = torch.from_numpy(order.batch(step)[rank() :: world()]).to(given.device)
        optimizer.set_factor(optimizers, factor(step, total, given.warmup, given.final))
        loss = together(model, backward(loss_of, batch, given.micro))
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for one in optimizers:
            one.step()
            one.zero_grad()
        took = time.monotonic() - began
        if rank() > 0:
            continue
        log(folder / "log.jsonl", step, total, loss, float(norm), given.batch / took)
        if time.monotonic() - saved > given.save_seconds:
            save_checkpoint(folder / "checkpoint", step + 1, model, optimizers)
            saved = time.monotonic()


def factor(step: int, total: int, warmup: int, final: float) -> float:
    """Learning rate over its peak: linear up over ``warmup`` steps, then linear down to ``final`` at the end.

    Linear decay to zero: Bergsma et al. 2025 (arXiv:2502.15938).
    """
    if step < warmup:
        return (step + 1) / warmup
    return 1 - (1 - final) * (step - warmup) / max(1, total - warmup)


def compiled(model: LlamaForCausalLM, given: Any) -> Loss:
    """Mean loss of windows (n, T + 1), logits of a few thousand tokens at a time."""
    device = torch.device(given.device)

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=given.dtype == "bfloat16"):
            hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state.flatten(0, 1)
            wanted, head = targets.flatten(), model.lm_head.weight
            pieces = [
                functional.cross_entropy((states @ head.t()).float(), ids, reduction="sum")
                for states, ids in zip(hidden.split(HEAD_TOKENS), wanted.split(HEAD_TOKENS), strict=True)
            ]
            return torch.stack(pieces).sum() / len(wanted)

    return torch.compile(loss, dynamic=False) if given.compile else loss


def backward(loss_of: Loss, batch: Tensor, micro: int) -> float:
    """Add the batch's gradient, ``micro`` tokens at a time; returns its mean loss in nats a token."""
    pieces = batch.split(max(1, micro // (batch.shape[1] - 1)))
    total = 0.0
    for windows in pieces:
        loss = loss_of(windows[:, :-1].contiguous(), windows[:, 1:].contiguous()) * (
            len(windows) / len(batch)
        )
        loss.backward()
        total += float(loss.detach())
    return total


def together(model: LlamaForCausalLM, loss: float) -> float:
    """Replace gradients by their mean over the processes, in one exchange; returns the mean loss."""
    if world() == 1:
        return loss
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([*(g.flatten() for g in gradients), gradients[0].new_tensor([loss])])
    dist.all_reduce(flat)
    flat /= world()
    for gradient, mean in zip(gradients, flat[:-1].split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
    return float(flat[-1])


def rank() -> int:
    """Number of this process."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def start(given: Any) -> LlamaForCausalLM:
    """Given weights in float32, or a fresh model."""
    if given.weights:
        return LlamaForCausalLM.from_pretrained(given.weights, dtype=torch.float32)
    vocabulary = len(AutoTokenizer.from_pretrained(given.tokenizer))
    hidden, blocks, heads, mlp = given.shape
    return shape.build(hidden, blocks, heads, mlp, vocabulary, given.tied, given.seed)


def save_model(model: LlamaForCausalLM, tokenizer: Path, folder: Path) -> None:
    """A Transformers folder in bfloat16, tokenizer included."""
    model.set_attn_implementation("sdpa")
    model.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)


def save_checkpoint(folder: Path, step: int, model: LlamaForCausalLM, optimizers: Any) -> None:
    """Weights, optimizer state and step, whole or not at all."""
    new = folder.with_name("checkpoint.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    save_file({n: p.detach().contiguous() for n, p in model.named_parameters()}, new / "weights.safetensors")
    optimizer.save(optimizers, new / "optimizer.safetensors")
    (new / "step.json").write_text(json.dumps({"step": step}))
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def resume(folder: Path, model: LlamaForCausalLM, optimizers: Any) -> int:
    """Load the checkpoint where there is one; returns the steps done."""
    if not folder.is_dir() and folder.with_name("checkpoint.new").is_dir():
        folder = folder.with_name("checkpoint.new")
    if not (folder / "step.json").is_file():
        return 0
    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=False)
    model.tie_weights()
    optimizer.load(optimizers, folder / "optimizer.safetensors")
    return int(json.loads((folder / "step.json").read_text())["step"])


def log(file: Path, step: int, total: int, loss: float, norm: float, speed: float) -> None:
    """One line a step; every twentieth is printed."""
    line = {"step": step, "loss": round(loss, 4), "norm": round(norm, 3), "tokens_per_second": round(speed)}
    with file.open("a") as lines:
        lines.write(json.dumps(line) + "\n")
    if step % 20 == 0:
        print(f"{step}/{total} loss {loss:.3f} norm {norm:.2f} {speed:.0f} tok/s", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    parser.add_argument("--tokens", type=float, default=25e6, help="tokens of this part")
    parser.add_argument("--skip", type=float, default=0, help="tokens of the parts before it")
    parser.add_argument("--weights", type=Path, help="folder with the weights to go on from")
    parser.add_argument(
        "--shape", type=int, nargs=4, default=[256, 8, 4, 704], help="hidden blocks heads mlp"
    )
    parser.add_argument("--tied", action="store_true", help="one table for input and output embeddings")
    parser.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate of the blocks' matrices")
    parser.add_argument("--embedding-rate", type=float, default=3e-3)
    parser.add_argument("--decay", type=float, default=0.1, help="weight decay of the blocks' matrices")
    parser.add_argument("--warmup", type=int, default=100, help="steps")
    parser.add_argument("--final", type=float, default=0.0, help="last learning rate over the peak")
    parser.add_argument("--batch", type=int, default=8192, help="tokens a step")
    parser.add_argument("--micro", type=int, default=8192, help="tokens in memory at once")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    parser.add_argument("--save-seconds", type=float, default=600, help="between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs/pretrain"))
    parser.add_argument("--tokens-folder", type=Path, default=Path("runs/pretrain/tokens"))
    parser.add_argument("--tokenizer", type=Path, default=Path("runs/pretrain/tokenizer"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
