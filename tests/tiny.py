"""Tiny real models and rows for tests: random weights, the built-in base's tokenizer, made-up texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from mixologist.mixing.batching import Segment
from mixologist.model import families
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base, load_base, read_tokenizer
from mixologist.tasks.encoding import Hidden

SIZES = {
    "vocab_size": 8192, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "tie_word_embeddings": True, "bos_token_id": 0,
    "eos_token_id": 0, "pad_token_id": 1, "initializer_range": 0.3,
}  # fmt: skip
"""Few weights, large ones: so that attention and adapters make a difference that a test can see."""
WINDOW = 8
"""Shorter than most rows."""
MIXED_WINDOWS = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": WINDOW}
PECULIAR: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": WINDOW},
    "qwen2": {"use_sliding_window": True, **MIXED_WINDOWS},
    "qwen3": {"head_dim": 16, "use_sliding_window": True, **MIXED_WINDOWS},
    "phi3": {"partial_rotary_factor": 0.5, "sliding_window": WINDOW},
    "gemma2": {
        "head_dim": 16, "query_pre_attn_scalar": 4, "attn_logit_softcapping": 3.0, "final_logit_softcapping": 5.0,
        **MIXED_WINDOWS,
    },
    "gemma3_text": {"head_dim": 16, "query_pre_attn_scalar": 4, **MIXED_WINDOWS},
    "gpt_neox": {"rotary_pct": 0.5, "use_parallel_residual": True},
    "gpt2": {"scale_attn_by_inverse_layer_idx": True},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": WINDOW},
    "qwen3_moe": {"head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
}  # fmt: skip
"""``model_type`` -> what sets the family apart, so far as a configuration turns it on."""


def save_base(folder: Path, family: str = "llama") -> Path:
    """Save a tiny random model of a family, with tokenizer and chat template."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **(SIZES | PECULIAR[family]))
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    read_tokenizer("builtin").save_pretrained(folder)
    return folder


def tiny(folder: Path, family: str = "llama", dtype: str = "float64") -> Base:
    """A loaded tiny base."""
    return load_base(str(save_base(folder / family, family)), dtype=dtype, device="cpu")


def linears(base: Base, trunk: int = 0) -> list[str]:
    """All linears of the blocks from ``trunk`` up."""
    return [name for name in families.linears(base.model) if int(name.split(".")[2]) >= trunk]


def bank_of(
    base: Base, *names: str, common: bool = False, dropout: float = 0.0, seed: int = 0, trunk: int = 0
) -> Bank:
    """A bank whose adapters already change the outputs: ranks 4, 8, 4, ...; B is not zero."""
    shapes = [Shape(name, 4 + 4 * (n % 2), 16.0, n % 2 == 1) for n, name in enumerate(names)]
    bank = Bank(base, shapes, modules=linears(base, trunk), common=common, dropout=dropout, seed=seed)
    random = torch.Generator().manual_seed(7)
    for layer in bank.layers:
        for b in layer.lora_B:
            b.data.copy_(0.1 * torch.randn(b.shape, generator=random, dtype=torch.float64))
    return bank


@dataclass(frozen=True)
class Row:
    """An encoded example of random tokens."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    hidden: Hidden | None = None


def rows(count: int, seed: int = 0, longest: int = 40) -> list[Row]:
    """Random examples of very different lengths."""
    random = np.random.default_rng(seed)

    def tokens(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(t) for t in random.integers(10, 8000, int(random.integers(low, high))))

    return [Row(tokens(3, longest), tokens(1, 8)) for _ in range(count)]


def segments(adapters: list[int], seed: int = 0) -> list[Segment]:
    """One random segment for each adapter index."""
    found = rows(len(adapters), seed)
    return [
        Segment(a, row, 0.5 + n, key=f"k{n}") for n, (a, row) in enumerate(zip(adapters, found, strict=True))
    ]
