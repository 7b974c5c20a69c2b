"""Bases compared on tiny runs: same rows for all, paired draws, finished runs kept; and the recipe that ships."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import yaml

from mixologist.errors import UserError
from mixologist.evaluation.baselines.tfidf import STRENGTHS, tfidf
from mixologist.evaluation.metrics import make, metric_of, score
from mixologist.recipe.load import load
from mixologist.recipe.names import resolved_name
from mixologist.records import Outcome
from mixologist.tasks.task import load_tasks
from tests.conftest import tiny_recipe, write_data
from tests.tiny import save_base
from tools.pretrain import compare, resampling

SEEDS = (0, 1)


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["compare", *arguments])
    compare.main()


@pytest.fixture(scope="module")
def place(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a recipe of one shared adapter, and in ``out`` a comparison of bases, two of them one."""
    place = tmp_path_factory.mktemp("compare")
    write_data(place / "data")
    recipe = tiny_recipe(tiny_base, place / "data")
    recipe["adapters"] |= {"plan": "shared"}
    recipe["router"] |= {"abstain": "never"}
    for task in recipe["tasks"]:
        task["test_rows"] = 6  # of 8, so that seeds share some rows and not others
    (place / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    other = save_base(place / "other" / "model", "qwen2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
        called(patch, *command(place, tiny_base), f"twin={tiny_base}", str(other))
    return place


def command(place: Path, base: Path) -> list[str]:
    fixed = ["--recipe", str(place / "recipe.yaml"), "--out", str(place / "out"), "--rows", "12"]
    return [*fixed, "--seeds", *map(str, SEEDS), "--set", "training.learning_rate=1e-2", f"tiny={base}"]


def found(place: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((place / "out" / "compare.json").read_text(encoding="utf-8"))
    return read


def test_a_base_differs_from_itself_by_nothing_and_figures_are_those_of_the_runs(place: Path) -> None:
    result = found(place)
    assert list(result["mean"]["systems"]) == ["TF-IDF", "tiny", "twin", "other"]
    for row in [*result["tasks"].values(), result["mean"]]:
        same = row["differences"]["twin - tiny"]
        assert (same["value"], same["low"], same["high"]) == (0, 0, 0)
        gap = row["systems"]["other"]["value"] - row["systems"]["TF-IDF"]["value"]
        assert row["differences"]["other - TF-IDF"]["value"] == pytest.approx(gap)
    for n, seed in enumerate(SEEDS):
        tasks = json.loads((place / "out" / "other" / f"seed{seed}" / "evaluation.json").read_text())["tasks"]
        for name, task in tasks.items():
            own = result["tasks"][name]["systems"]["other"]["by_seed"][n]
            assert own == pytest.approx(task["systems"]["oracle"]["value"])
    means = [task["systems"]["other"]["value"] for task in result["tasks"].values()]
    assert result["mean"]["systems"]["other"]["value"] == pytest.approx(np.mean(means))


def test_the_table_has_a_row_for_each_task_and_the_mean(place: Path) -> None:
    lines = (place / "out" / "compare.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[0] for line in lines] == [
        "| task",
        "| ---",
        "| queue",
        "| sentiment",
        "| **mean**",
    ]
    assert len({line.count("|") for line in lines}) == 1


def test_finished_runs_are_kept_and_those_of_another_recipe_refused(
    place: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, stamps = found(place), {path: path.stat().st_mtime_ns for path in place.glob("out/*/*/*.json")}
    assert len(stamps) == 3 * len(SEEDS) * 2
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
    called(monkeypatch, *command(place, tiny_base))
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert found(place)["mean"]["systems"]["tiny"] == before["mean"]["systems"]["tiny"]
    with pytest.raises(SystemExit, match="the recipe or its data changed"):
        called(monkeypatch, *command(place, tiny_base), "--set", "training.batch_size=4")


def test_the_rival_answers_the_same_test_rows_with_the_c_that_validation_chose(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
    task = load_tasks(load(place / "recipe.yaml")).tasks["queue"]
    outcomes, strength = tfidf(task, "test", partial(score, metric_of(task)))
    assert [o.id for o in outcomes] == [example.id for example in task.splits["test"]]
    assert [o.reference for o in outcomes] == [example.reference for example in task.splits["test"]]
    assert strength in STRENGTHS
    assert {o.prediction for o in outcomes} <= set(task.labels)
    assert score(metric_of(task), outcomes) > 1 / len(task.labels), "better than one label for all"


def outcomes(right: str, ids: range) -> list[Outcome]:
    """Rows whose labels alternate; ``right`` repeats and says which are answered right: ``"10"`` is every other."""
    return [
        Outcome(f"test/{n}", "ab"[(n + (right[n % len(right)] == "0")) % 2], "ab"[n % 2], "") for n in ids
    ]


def test_draws_begin_with_all_rows_and_are_shared_by_systems_and_overlapping_seeds() -> None:
    metric = make("accuracy")
    by_seed = {0: outcomes("1", range(40)), 1: outcomes("1100", range(20, 60))}
    values = resampling.reached(metric, by_seed, "task")
    assert values.shape == (1 + resampling.DRAWS, 2)
    assert values[0].tolist() == [1.0, 0.5]
    assert np.array_equal(values, resampling.reached(metric, by_seed, "task"))
    reversed_rows = {seed: rows[::-1] for seed, rows in by_seed.items()}
    assert np.allclose(values, resampling.reached(metric, reversed_rows, "task")), "drawn by id, not by place"
    overlap = {0: outcomes("1100", range(40)), 1: outcomes("1100", range(40))}
    same = resampling.reached(metric, overlap, "task")
    assert np.array_equal(same[:, 0], same[:, 1])


def test_limits_widen_with_spread_over_rows_and_over_seeds() -> None:
    def width(by_seed: dict[int, list[Outcome]]) -> float:
        one = resampling.interval(resampling.reached(make("accuracy"), by_seed, "task"))
        assert one["low"] <= one["value"] <= one["high"]
        return float(one["high"] - one["low"])

    certain = width({seed: outcomes("1", range(40)) for seed in range(3)})
    by_rows = width({seed: outcomes("1100", range(40)) for seed in range(3)})
    by_seeds = width({seed: outcomes("01"[seed % 2], range(40)) for seed in range(3)})
    assert certain == 0
    # 95% of a mean of 40 coins, 2 * 1.96 * sqrt(0.25 / 40); three seeds of the same rows tell no more than one
    assert by_rows == pytest.approx(0.31, abs=0.04)
    # seeds at 0, 1 and 0: Student's t with two degrees of freedom, 4.30 standard errors of a third each way
    assert by_seeds == pytest.approx(2 * 4.30 / 3, abs=0.1)


@pytest.mark.parametrize("bases", [["x=a", "x=b"], ["a/model", "b=c", "a"], ["TF-IDF=a"], ["=a"]])
def test_bases_need_names_of_their_own(bases: list[str]) -> None:
    with pytest.raises(SystemExit, match="NAME=BASE"):
        compare.named(bases)


def test_the_recipe_that_ships_loads_and_names_five_tasks_of_one_size() -> None:
    recipe = load(compare.RECIPE)
    assert len({resolved_name(spec) for spec in recipe.tasks}) == 5
    assert {spec.train_rows for spec in recipe.tasks} == {800}
    assert recipe.adapters.plan == "shared"


def test_a_base_that_is_not_there_is_a_message(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="base_model not found") as caught:
        called(monkeypatch, *command(place, Path("./nowhere")))
    assert isinstance(caught.value.__cause__, UserError)
