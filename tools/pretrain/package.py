"""Put a trained model into the package: the mean of given checkpoints, its card, licences and digests.

    python -m tools.pretrain.package runs/pretrain/part4/model [MORE FOLDERS TO AVERAGE]

The card is written by hand; only weights, tokenizer, configuration and digests are replaced.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from mixologist.model.builtin import SUMS

TARGET = Path("src/mixologist/data/builtin")
LARGEST = 24_000_000
"""Bytes that the folder may have: every clone and every installation carries them."""
REPETITION_PENALTY = 1.2
"""For Transformers' `generate`, as in Keskar et al. 2019 (arXiv:1909.05858): greedy text of a model this small turns in
circles without it. The package's own decoding of answers has none."""
FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)


def main() -> None:
    """Package."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--target", type=Path, default=TARGET)
    given = parser.parse_args()
    package(given.models, given.target)
    print(f"{given.target}: {sum(f.stat().st_size for f in given.target.iterdir()):,} bytes")


def package(models: list[Path], target: Path) -> None:
    """Write the mean of ``models`` in bfloat16 to ``target``. Raises `ValueError` where it is too large to ship."""
    model, tokenizer = mean(models), AutoTokenizer.from_pretrained(models[0])
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=[tokenizer.eos_token_id, end],
        pad_token_id=tokenizer.pad_token_id,
        repetition_penalty=REPETITION_PENALTY,
    )
    model.to(torch.bfloat16).save_pretrained(target)
    tokenizer.save_pretrained(target)
    if (size := sum(file.stat().st_size for file in target.iterdir())) > LARGEST:
        raise ValueError(f"{target} has {size:,} bytes, more than {LARGEST:,}")
    write_sums(target)


def mean(models: list[Path]) -> Any:
    """The model whose weights are the mean of the given ones' (Izmailov et al. 2018, arXiv:1803.05407)."""
    first, *others = (AutoModelForCausalLM.from_pretrained(m, dtype=torch.float32) for m in models)
    with torch.no_grad():
        for number, other in enumerate(others, start=2):
            for mine, its in zip(first.parameters(), other.parameters(), strict=True):
                mine.lerp_(its, 1 / number)
    return first


def write_sums(folder: Path) -> None:
    """Digests that the package checks on loading, in the format of sha256sum."""
    files = sorted([*FILES, "chat_template.jinja"])
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (folder / SUMS).write_text("".join(lines))


if __name__ == "__main__":
    main()
