"""What a family must do, each on a tiny random model of it: one function a column of docs/families.md.

The models have windows, soft caps, head sizes and rope settings that differ from the defaults (`tests.tiny.PECULIAR`),
and rows longer than the windows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from mixologist.errors import Interrupted
from mixologist.mixing.batching import Segment, pack
from mixologist.mixing.sampler import Update
from mixologist.model import families
from mixologist.model.adapters import Bank
from mixologist.model.base import Base
from mixologist.model.checkpoint import PREFIX, save_adapter
from mixologist.model.forward import target_losses
from mixologist.model.generate import Generator
from mixologist.model.trunk import prompt_features
from mixologist.model.trunk_cache import TrunkCache
from mixologist.recipe import schema
from mixologist.tasks.encoding import Encoded
from mixologist.training.job import Watch
from mixologist.training.loop import train
from mixologist.training.router_features import Features
from mixologist.training.routing import fit_router
from mixologist.training.updates import Updater
from tests.tiny import bank_of, rows, segments, tiny
from tests.training.jobs import OPTIONS, job, new_bank, weights

MIXED = [0, 0, 0, 1, 1, 2, 2, 2]
"""Adapter of each segment; 2 is the plain base of a bank of two."""
ADAPTERS: list[str | None] = ["b", None, "a", "b", "a", None]
LABELS = [(40, 5), (40, 41, 42, 5), (77, 5), (99, *range(100, 112), 5)]
"""The last is longer than the windows."""
IDS = torch.arange(10, 60)[None]


def gradients(bank: Bank) -> list[Tensor]:
    """All gradients of a bank, which has none afterwards."""
    parts = [part for index in range(len(bank.shapes)) for part in bank.factors(index)]
    found = [part.grad.clone() for part in parts if part.grad is not None]
    for part in parts:
        part.grad = None
    return found


def losses_alone(base: Base, bank: Bank) -> list[Tensor]:
    """Losses of the targets of each segment of `MIXED`, by itself and in Transformers' own attention."""
    found = []
    for segment in segments(MIXED):
        ids = torch.tensor([[*segment.encoded.prompt, *segment.encoded.completion]])
        names = [bank.names[segment.adapter] if segment.adapter < len(bank.names) else None]
        with bank.use(bank.rows_of(names)):
            logits = base.model(input_ids=ids, use_cache=False).logits[
                0, len(segment.encoded.prompt) - 1 : -1
            ]
        targets = torch.tensor(segment.encoded.completion)
        found.append(torch.nn.functional.cross_entropy(logits, targets, reduction="none"))
    return found


def trains(family: str, folder: Path) -> None:
    """One batch, learned by heart: its loss falls, and nothing changes but the adapter that is fed."""
    base = tiny(folder, family, "float32")
    before = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    bank = new_bank(base, ["a", "b"])
    idle = weights(bank, "b")
    updater = Updater(base, bank, {"t": rows(4)}, schema.Training.model_validate(OPTIONS))
    draws = tuple(("t", row) for row in range(4))
    losses = [updater.apply([Update("a", n, draws)], {"a": 0.02})[0].losses["t"] for n in range(12)]
    bank.detach()
    assert losses[-1] < losses[0] - 1
    assert torch.equal(weights(bank, "b"), idle)
    after = base.model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def _from_trunk(base: Base, folder: Path) -> None:
    """Above a trunk whose states are stored, losses and gradients are those of the whole base."""
    bank = bank_of(base, "a", "b", trunk=1)
    plain = rows(6)
    stored = TrunkCache(folder, 10**9).store(base, 1, {"t": plain})["t"]
    assert stored[0].hidden
    found = []
    for each in (plain, stored):
        batch = pack([Segment(n // 2, each[n], 1.0) for n in range(6)], adapters=2)  # two of the plain base
        losses = target_losses(base, bank, batch)
        losses.sum().backward()
        found.append([losses.detach(), *gradients(bank)])
    bank.detach()
    assert len(found[0]) == 1 + 4 * len(bank.layers)
    assert all(bool(tensor.any()) for tensor in found[0])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9 * float(other.abs().max()))


def packs(family: str, folder: Path) -> None:
    """A mixed pack has the losses and gradients of each segment alone in Transformers' own attention, in float64; so it
    has above a trunk that is read from the disk.
    """
    base = tiny(folder, family)
    bank = bank_of(base, "a", "b")
    packed = target_losses(base, bank, pack(segments(MIXED), adapters=2))
    packed.sum().backward()
    mixed = gradients(bank)
    alone = torch.cat(losses_alone(base, bank))
    alone.sum().backward()
    # Transformers' eager attention, which soft caps need, has its softmax in float32 whatever the model is in.
    close = 1e-5 if base.model.config._attn_implementation == "eager" else 1e-9
    torch.testing.assert_close(packed, alone, rtol=close, atol=close)
    for one, other in zip(mixed, gradients(bank), strict=True):
        torch.testing.assert_close(one, other, rtol=close, atol=close * float(other.abs().max()))
    assert all(bool(gradient[0].any()) and bool(gradient[1].any()) for gradient in mixed)
    bank.detach()
    _from_trunk(base, folder / "trunk")


def resumes(family: str, folder: Path) -> None:
    """A run that was stopped between two checkpoints ends with the same bits as one that was not."""
    base = tiny(folder, family, "float32")
    whole = _trained(base, folder / "whole")
    seen = [0]

    def progress(step: int, steps: int, news: dict[str, Any]) -> None:
        seen[0] = step

    made = _job(base, folder / "parts")
    with pytest.raises(Interrupted):
        train(made, Watch(progress, lambda: seen[0] == 5))
    made.bank.detach()
    resumed = _trained(base, folder / "parts")
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def exports(family: str, folder: Path) -> None:
    """PEFT finds the same layers, loads our folder without a word and gives our logits; so does the merged model."""
    base = tiny(folder, family, "float32")
    ours = set(families.linears(base.model))
    bank = bank_of(base, "a", "b")
    with torch.no_grad(), bank.use(bank.rows_of(["a"])):
        expected = base.model(input_ids=IDS).logits
    save_adapter(bank, "a", folder / "a")
    bank.detach()
    plain = base.model(input_ids=IDS).logits
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", FutureWarning)  # PEFT reads a name that Transformers has renamed
        peft = PeftModel.from_pretrained(base.model, str(folder / "a"))
        loaded = peft(input_ids=IDS).logits
    assert _all_linear(peft.unload()) == ours
    known = TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(family, [])
    assert set(known) <= {name.rpartition(".")[2] for name in ours}
    bank = bank_of(tiny(folder / "again", family, "float32"), "a", "b")
    bank.merge(0)
    bank.detach()
    merged = bank.base.model(input_ids=IDS).logits
    assert float((expected - plain).abs().max()) > 0.5
    for other in (loaded, merged):
        torch.testing.assert_close(other, expected, rtol=1e-4, atol=1e-3)


def generates(family: str, folder: Path) -> None:
    """A mixed padded batch writes, and scores labels, as each row alone does without padding and cache."""
    base = tiny(folder, family, "float32")
    bank = bank_of(base, "a", "b")
    prompts = [row.prompt for row in rows(len(ADAPTERS))]
    generator = Generator(base, bank, [0, 5])
    written = generator.generate(prompts, ADAPTERS, 6)
    scored = generator.score(prompts, ADAPTERS, LABELS)
    for row, (prompt, adapter) in enumerate(zip(prompts, ADAPTERS, strict=True)):
        with torch.no_grad(), bank.use(bank.rows_of([adapter])):
            ids = torch.tensor([prompt])
            alone = base.model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False, use_cache=False,
                eos_token_id=[0, 5], pad_token_id=1,
            )  # fmt: skip
            scores = [_likelihood(base, prompt, label) for label in LABELS]
        ends = [token for token in alone[0, len(prompt) :].tolist() if token not in (0, 5)]
        assert written[row] == ends
        np.testing.assert_allclose(scored[row], scores, rtol=1e-4, atol=1e-3)
    assert len({tuple(answer) for answer in written}) > 3


def routes(family: str, folder: Path) -> None:
    """The router reads Transformers' own hidden states; trained on two tasks, it tells their prompts apart."""
    base = tiny(folder, family)
    bank = bank_of(base, "a", "b")
    prompts = [_prompt(task, n) for n in range(80) for task in (0, 1)]
    x = prompt_features(base, bank, prompts, 1)
    for prompt, row in zip(prompts[:4], x[:4], strict=True):
        with torch.no_grad():
            output = base.model(input_ids=torch.tensor([prompt.prompt]), output_hidden_states=True)
        hidden = output.hidden_states[1][0]
        expected = torch.cat([hidden[slice(*prompt.turn)].mean(0), hidden[-1]])
        torch.testing.assert_close(row, expected.float(), rtol=1e-5, atol=1e-5)
    target = torch.arange(len(prompts)) % 2
    features = Features(
        x[:120].half(), target[:120], torch.zeros(120, dtype=torch.long), torch.arange(120) % 6 > 3
    )
    options = schema.Router(num_train_epochs=10)
    router = fit_router(
        features, ("one", "two"), {"one": "a", "two": "b"}, options, depth=1, base_digest="d", seed=0
    )
    picked = [
        max(route.probabilities, key=route.probabilities.__getitem__) for route in router.routes(x[120:])
    ]
    hits = [name == ("a", "b")[task] for name, task in zip(picked, target[120:].tolist(), strict=True)]
    assert sum(hits) / len(hits) > 0.9


CHECKS: dict[str, Callable[[str, Path], None]] = {
    "trains": trains,
    "packed = padded": packs,
    "resumes": resumes,
    "PEFT = ours": exports,
    "generates": generates,
    "routes": routes,
}
"""Column -> the check behind it."""


def _likelihood(base: Base, prompt: tuple[int, ...], label: tuple[int, ...]) -> float:
    """Log-probability of a label after a prompt, in nats, without a cache."""
    logits = base.model(input_ids=torch.tensor([[*prompt, *label]]), use_cache=False).logits[0]
    scores = logits.log_softmax(-1)[len(prompt) - 1 : -1]
    return float(scores.gather(1, torch.tensor(label)[:, None]).sum())


def _all_linear(model: Any) -> set[str]:
    """Names of the linears that PEFT adapts where it is asked for ``all-linear`` (experts are none)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each family has its own
        peft = get_peft_model(model, LoraConfig(target_modules="all-linear"))
    adapted = {name: m.base_layer for name, m in peft.named_modules() if hasattr(m, "lora_A")}
    return {
        name.removeprefix(PREFIX) for name, m in adapted.items() if isinstance(m, torch.nn.Linear | Conv1D)
    }


def _job(base: Base, folder: Path) -> Any:
    return job(base, folder, max_steps=8)


def _trained(base: Base, folder: Path) -> dict[str, Tensor]:
    made = _job(base, folder)
    train(made)
    made.bank.detach()
    return {shape.name: weights(made.bank, shape.name) for shape in made.bank.shapes}


def _prompt(task: int, number: int) -> Encoded:
    """Random tokens of one of two vocabularies of four."""
    random = np.random.default_rng([task, number])
    tokens = random.integers(100 + 4 * task, 104 + 4 * task, int(random.integers(8, 24)))
    return Encoded(tuple(tokens.tolist()), (), (3, len(tokens) - 1))
