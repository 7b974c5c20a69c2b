"""What `init` proposes for a folder of data trains as it is: ten differently shaped folders."""

from pathlib import Path
from typing import Any

import datasets
import pytest

import mixologist
from mixologist.recipe.load import load
from mixologist.starting import propose, recipe_text
from tests import test_starting as shapes

SHORT = (
    "training.max_steps=2",
    "router.num_train_epochs=1",
    "evaluation.bootstrap_samples=100",
    "training.max_length=128",
)
"""A few steps suffice to see that it runs."""


@pytest.mark.parametrize(
    "write",
    [
        shapes.write_jsonl,
        shapes.write_odd_csv,
        shapes.write_headless_csv,
        shapes.write_named_alike,
        shapes.write_splits,
        shapes.write_parquet,
        shapes.write_alpaca,
        shapes.write_messages,
        shapes.write_tags,
        shapes.write_numbers,
    ],
)
def test_it_trains(write: Any, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    data = tmp_path / "my data"
    data.mkdir()
    write(data)
    path = tmp_path / "mine.yaml"
    path.write_text(recipe_text(propose(data)), encoding="utf-8")
    base = [f"base_model={tiny_base}", f"output_dir={tmp_path / 'run'}"]
    assert mixologist.train(load(path, [*SHORT, *base]))["status"] == "complete"
