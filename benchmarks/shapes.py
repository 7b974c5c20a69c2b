"""Bases to measure speed on: the built-in one, and Llama shapes with random weights."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
import transformers

from mixologist.model.base import Base, load_base
from mixologist.model.builtin import builtin

LLAMAS: dict[str, dict[str, int]] = {
    "15m": {"hidden_size": 288, "num_hidden_layers": 6, "num_attention_heads": 6, "num_key_value_heads": 6,
            "intermediate_size": 768, "vocab_size": 32_000},
    "135m": {"hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
             "intermediate_size": 1536, "vocab_size": 49_152},
    "1b": {"hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
           "intermediate_size": 8192, "vocab_size": 128_256},
    "7b": {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
           "intermediate_size": 11_008, "vocab_size": 32_000},
}  # fmt: skip
SHAPES = ("builtin", *LLAMAS)
LARGE = ("1b", "7b")
"""For a GPU: made in bfloat16, there, and with a head of its own."""


def load_shape(name: str, dtype: str = "auto", device: str = "cpu") -> Base:
    """The base of this shape; its tokenizer is the built-in one's, whose ids all shapes have."""
    if name == "builtin":
        return load_base("builtin", dtype=dtype, device=device)
    with tempfile.TemporaryDirectory() as folder:
        return load_base(str(save_shape(name, Path(folder), device)), dtype=dtype, device=device)


def save_shape(name: str, folder: Path, device: str = "cpu") -> Path:
    """A base of this shape with random weights as a folder that Transformers reads."""
    config = transformers.LlamaConfig(
        **LLAMAS[name], tie_word_embeddings=name not in LARGE, max_position_embeddings=2048,
        dtype=torch.bfloat16 if name in LARGE else torch.float32,
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device(device):
        transformers.AutoModelForCausalLM.from_config(config, dtype=config.dtype).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(builtin()).save_pretrained(folder)
    return folder
