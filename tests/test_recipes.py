"""Every recipe that the repository ships is loaded; where the data sets are at hand, also resolved."""

import os
from pathlib import Path

import datasets
import pytest

from mixologist.describing import describe
from mixologist.planning import resolve
from mixologist.recipe.load import dump, load
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import Recipe

RECIPES = sorted((Path(__file__).parents[1] / "recipes").rglob("*.yaml"))
FEW = 40
"""Rows of each split in these tests."""

every_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)


def few_rows(path: Path) -> Recipe:
    """The recipe on so few rows that a test can wait for them."""
    recipe = load(path)
    places = [f"tasks.{resolved_name(spec)}" for spec in recipe.tasks]
    places += [name for name in ("general", "math") if getattr(recipe, name)]
    caps = [f"{place}.{split}_rows={FEW}" for place in places for split in ("train", "validation", "test")]
    return load(path, caps)


def test_there_are_recipes() -> None:
    assert RECIPES


@every_recipe
def test_it_loads_and_says_where_its_run_goes(path: Path, tmp_path: Path) -> None:
    recipe = load(path)
    assert recipe.output_dir == f"runs/{path.stem}"
    (tmp_path / "again.yaml").write_text(dump(recipe), encoding="utf-8")
    assert load(tmp_path / "again.yaml") == recipe


@pytest.mark.skipif(
    "MIXOLOGIST_DATA" not in os.environ, reason="MIXOLOGIST_DATA names no folder of data sets"
)
@every_recipe
def test_it_resolves(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    recipe = few_rows(path)
    plan = describe(resolve(recipe))
    assert plan["steps"] > 0
    for spec in recipe.tasks:
        task = plan["tasks"][resolved_name(spec)]
        assert task["train_rows"] > 0
        assert task["licence"] != "not stated"
        assert task["dropped"] <= FEW / 20  # long notes and summaries
