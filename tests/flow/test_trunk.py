"""A run above a trunk: with its hidden states stored it comes to what it comes to without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

import mixologist
from mixologist.describing import describe
from mixologist.model.trunk_cache import cache_folder
from mixologist.planning import resolve
from mixologist.recipe.load import load


@pytest.fixture
def recipe(tiny_run: Path, tmp_path: Path) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((tiny_run / "recipe.yaml").read_text())
    made["adapters"] |= {"trunk": 1}
    made["training"] |= {"num_train_epochs": 3, "dtype": "float64", "learning_rate": 1e-3}
    return made


def trained(recipe: dict[str, Any], folder: Path, room: float) -> dict[str, torch.Tensor]:
    made = recipe | {
        "output_dir": str(folder),
        "training": recipe["training"] | {"trunk_cache_gb": room},
    }
    mixologist.train(made)
    found = load_file(folder / "adapters" / "shared" / "adapter_model.safetensors")
    assert not any(".layers.0." in name for name in found)
    return found


def test_stored_or_not_the_adapters_are_the_same(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIXOLOGIST_CACHE", str(tmp_path / "cache"))
    without = trained(recipe, tmp_path / "without", 0)
    assert not cache_folder().exists()
    stored = trained(recipe, tmp_path / "stored", 1)
    assert len(list(cache_folder().glob("*.npy"))) == 4  # two tasks, train and validation
    for name, tensor in without.items():
        torch.testing.assert_close(stored[name], tensor, rtol=1e-4, atol=1e-6)


def test_the_plan_says_what_it_takes_and_saves(recipe: dict[str, Any]) -> None:
    plan = resolve(load(recipe))
    described = describe(plan)
    # and the validation rows that losses are taken on: 8 beside 24 train rows, as long as these
    tokens = sum(task["tokens"] + task["tokens"] * 8 // 24 for task in described["tasks"].values())
    assert described["trunk_cache"]["bytes"] == tokens * 32 * 8
    # 2 blocks, 1 of them trunk: 3 passes a token computed become 2 and one for each of the rows' own
    saved = 1 - (2 * described["tokens"] + tokens) / (3 * described["tokens"])
    assert described["trunk_cache"]["saves"] == pytest.approx(saved)
    assert described["trunk_cache"]["used"]
    small = load(recipe | {"training": recipe["training"] | {"trunk_cache_gb": 1e-9}})
    assert not describe(resolve(small))["trunk_cache"]["used"]
