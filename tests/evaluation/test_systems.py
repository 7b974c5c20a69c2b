"""A run evaluated beside everything that a recipe may ask for: every system answers the same rows, each once."""

import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import pytest

import mixologist
from mixologist.errors import UserError
from mixologist.hooks import Hooks
from mixologist.model.checkpoint import adapter_digest
from tests.conftest import SIZES, tiny_recipe, write_data
from tests.evaluation.baselines.test_endpoint import ANSWER, serving

RIVALS = {"few_shot", "single_task_total_steps", "merged_linear", "merged_ties", "tfidf", "large"}


def test_all_systems_stand_in_one_evaluation(
    tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    write_data(tmp_path / "data")
    with serving() as server:
        other = {"endpoint": server.spec.endpoint, "model": "large"}
        names = [
            "base",
            "single_task",
            "single_task_total_steps",
            "few_shot",
            "merged_linear",
            "merged_ties",
            "tfidf",
            other,
        ]
        recipe = tiny_recipe(tiny_base, tmp_path / "data") | {"output_dir": str(tmp_path / "run")}
        recipe["evaluation"] |= {"baselines": names, "shots": 2, "seeds": 2}
        mixologist.train(recipe)
        result = json.loads((tmp_path / "run" / "evaluation.json").read_text())
        asked = len(server.bodies)
        again = mixologist.evaluate(tmp_path / "run")
    assert again["tasks"] == result["tasks"]
    assert asked == len(server.bodies) == 2 * SIZES["test"], "no question is asked twice"
    assert result["endpoints"]["large"]["requests"] == asked
    assert again["endpoints"]["large"]["kept"] == asked
    for name, task in result["tasks"].items():
        seeds = {system: figures["seeds"] for system, figures in task["systems"].items()}
        trained = {"single_task", "shared", "oracle", "routed"} | (RIVALS - {"few_shot", "tfidf", "large"})
        assert {system for system, count in seeds.items() if count == 2} == trained
        assert task["systems"].keys() == RIVALS | {"base", "single_task", "shared", "oracle", "routed"}
        kept = {path.stem: path for path in (tmp_path / "run" / "predictions" / "test" / name).iterdir()}
        assert {"base-2-shot", "merged_ties", "tfidf", "large"} <= kept.keys()
        assert {outcome["output"] for outcome in _rows(kept["large"])} == {ANSWER}
        assert len({row["id"] for row in _rows(kept["tfidf"])}) == SIZES["test"]


def test_a_finished_run_is_evaluated_in_more_ways(
    tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    overrides = ["evaluation.transfer=true", "evaluation.baselines=[base, few_shot]"]
    result = mixologist.evaluate(run, overrides=overrides)
    assert "few_shot" in result["tasks"]["queue"]["systems"]
    assert "single_task" not in result["tasks"]["queue"]["systems"]
    matrix = result["transfer"]
    assert {source: set(row) for source, row in matrix.items()} == {
        name: {"queue", "sentiment"} for name in ("queue", "sentiment")
    }
    gains = [cell["minus_base"] for row in matrix.values() for cell in row.values()]
    least = min(gains, key=lambda gain: gain["p_value"])
    assert least["p_holm"] == pytest.approx(min(1, 4 * least["p_value"])), "of four cells"
    before = json.loads((tiny_run / "evaluation.json").read_text())
    own = matrix["queue"]["queue"]
    assert own["value"] == before["tasks"]["queue"]["systems"]["single_task"]["value"]
    base = before["tasks"]["sentiment"]["systems"]["base"]["value"]
    other = matrix["queue"]["sentiment"]
    assert other["minus_base"]["value"] == pytest.approx(other["value"] - base)
    with pytest.raises(UserError, match="only the evaluation of a finished run"):
        mixologist.evaluate(run, overrides=["training.learning_rate=1"])
    with pytest.raises(UserError, match="seeds are trainings"):
        mixologist.evaluate(run, overrides=["evaluation.seeds=3"])


def test_another_seed_is_another_training_on_the_same_rows(
    tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    write_data(tmp_path / "data")
    recipe = tiny_recipe(tiny_base, tmp_path / "data") | {"output_dir": str(tmp_path / "run")}
    recipe["evaluation"] |= {"seeds": 2}
    steps = []
    hooks = Hooks(progress=lambda step, total, news: steps.append((step, total)))
    record = mixologist.train(recipe, hooks=hooks)
    assert steps[-1][0] == steps[-1][1]
    assert [step for step, _ in steps] == sorted(step for step, _ in steps)
    (other,) = record["replicates"]
    assert other["adapters"].keys() == record["adapters"].keys()
    for name, facts in other["adapters"].items():
        assert facts["digest"] != record["adapters"][name]["digest"]
        assert adapter_digest(tmp_path / "run" / "seeds" / "1" / "adapters" / name) == facts["digest"]
    ids = [
        [
            row["id"]
            for row in _rows(tmp_path / "run" / part / "predictions" / "test" / "queue" / "queue.jsonl")
        ]
        for part in ("", "seeds/1")
    ]
    assert ids[0] == ids[1]


def test_a_changed_adapter_is_merged_anew(tmp_path: Path, tiny_run: Path) -> None:
    from mixologist.evaluation.baselines.merging import merged
    from mixologist.model.base import load_base

    base = load_base(json.loads((tiny_run / "run.json").read_text())["base_model"], dtype="float32")
    paths = {name: tiny_run / "adapters" / name for name in ("queue", "sentiment")}
    (first,) = merged(base, paths, ["merged_linear"], tmp_path)
    stamp = (tmp_path / "merged_linear" / "adapter_model.safetensors").stat().st_mtime_ns
    merged(base, paths, ["merged_linear"], tmp_path)
    assert (tmp_path / "merged_linear" / "adapter_model.safetensors").stat().st_mtime_ns == stamp
    (other,) = merged(base, {"a": paths["queue"], "b": paths["queue"]}, ["merged_linear"], tmp_path)
    name = next(iter(first.modules))
    assert not first.modules[name][1].equal(other.modules[name][1])
    assert merged(base, {"queue": paths["queue"]}, ["merged_linear"], tmp_path) == []


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]
