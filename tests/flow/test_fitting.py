"""``plan --memory``: what fits into a GPU that this machine need not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import save_file
from typer.testing import CliRunner

import mixologist
from mixologist.cli.main import app
from mixologist.model.builtin import builtin

SEVEN_B = {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
    "intermediate_size": 11008, "vocab_size": 32_000, "max_position_embeddings": 4096,
}  # fmt: skip
GPU = 24.0


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    """Five small tasks on a base of 7B parameters, which a plan knows by its configuration alone."""
    transformers.LlamaConfig(**SEVEN_B).save_pretrained(tmp_path / "base")
    transformers.AutoTokenizer.from_pretrained(builtin()).save_pretrained(tmp_path / "base")
    save_file({"none": torch.zeros(1)}, tmp_path / "base" / "model.safetensors")
    return {
        "base_model": str(tmp_path / "base"),
        "tasks": [{"name": f"t{n}", "path": _rows(tmp_path / f"t{n}")} for n in range(5)],
        "training": {"dtype": "bfloat16"},
        "output_dir": str(tmp_path / "run"),
    }


def _rows(folder: Path) -> str:
    folder.mkdir()
    rows = [{"text": f"{folder.name} number {n}", "label": "ab"[n % 2]} for n in range(200)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(folder)


def test_a_7b_base_with_five_tasks_fits_24_gb_and_says_how(recipe: dict[str, Any]) -> None:
    found = mixologist.plan(recipe, memory_gb=GPU)["memory_fits"]
    plain, recomputed, four_bits, frugal = found["settings"]
    assert not plain["fits"], "activations of 4,096 tokens alone are more"
    assert (
        plain["memory_bytes"]
        > four_bits["memory_bytes"]
        > recomputed["memory_bytes"]
        > frugal["memory_bytes"]
    )
    assert recomputed["largest"] < frugal["largest"]
    chosen = found["settings"][found["chosen"]]
    assert chosen["gradient_checkpointing"]
    at_most = _with(recipe, chosen["largest"])["settings"]
    beyond = _with(recipe, chosen["largest"] + 256)["settings"]
    same = found["chosen"]
    assert at_most[same]["fits"], at_most
    assert not beyond[same]["fits"], beyond


def _with(recipe: dict[str, Any], tokens: int) -> dict[str, Any]:
    training = {"max_tokens_per_batch": tokens, "dtype": "bfloat16"}
    found: dict[str, Any] = mixologist.plan(recipe | {"training": training}, memory_gb=GPU)["memory_fits"]
    return found


def test_nothing_fits_where_the_base_alone_is_too_large(recipe: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(recipe), encoding="utf-8")
    shown = CliRunner().invoke(app, ["plan", str(file), "--memory", "3"])
    assert shown.exit_code == 0, shown.output
    assert "Nothing fits" in shown.output
    fitting = CliRunner().invoke(app, ["plan", str(file), "--memory", str(GPU)])
    assert "training.gradient_checkpointing: true" in fitting.output
