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
from benchmarks import memory
from mixologist.cli.main import app
from mixologist.model.builtin import builtin

SEVEN_B = {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
    "intermediate_size": 11008, "vocab_size": 32_000, "max_position_embeddings": 4096,
}  # fmt: skip
GPU = 24.0
RECORD = Path(memory.__file__).with_name("memory_cpu2_202611.json")


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


def test_ten_tasks_on_a_7b_base_fit_in_four_bits(recipe: dict[str, Any], tmp_path: Path) -> None:
    tasks = [{"name": f"u{n}", "path": _rows(tmp_path / f"u{n}")} for n in range(5)]
    found = mixologist.plan(recipe | {"tasks": recipe["tasks"] + tasks}, memory_gb=GPU)["memory_fits"]
    chosen = found["settings"][found["chosen"]]
    assert (chosen["dtype"], chosen["gradient_checkpointing"], chosen["fits"]) == ("nf4", True, True)


@pytest.mark.parametrize(
    "name", ["as the recipes have it", "ten tasks, rank 64", "float32", "gradient checkpointing"]
)
def test_what_is_planned_is_what_the_measured_peaks_were_held_against(name: str, tmp_path: Path) -> None:
    """Another constant means another table: run ``benchmarks.memory`` anew."""
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))["configurations"][name]
    file = memory.recipe(memory.CONFIGURATIONS[name], tmp_path)
    overrides = [] if name == "float32" else ["training.dtype=bfloat16"]
    planned = mixologist.plan(file, overrides=[*overrides, "training.device=cpu"])["memory_bytes"] / 1e6
    assert planned == pytest.approx(recorded["planned_mb"], rel=0.01)
    assert abs(recorded["off"]) < 0.2


def test_dropout_and_double_precision_take_memory(recipe: dict[str, Any]) -> None:
    def planned(**changes: Any) -> int:
        return int(mixologist.plan(recipe | changes)["memory_bytes"])

    plain = planned()
    assert planned(adapters={"lora_dropout": 0.1}) > plain * 1.1
    single, double = (planned(training={"dtype": dtype}) for dtype in ("float32", "float64"))
    assert double == pytest.approx(2 * single, rel=0.05)


def test_a_plan_offers_a_trunk_and_says_what_it_would_save(recipe: dict[str, Any]) -> None:
    quarter, half = mixologist.plan(recipe)["trunk_offers"]
    assert (quarter["trunk"], half["trunk"]) == (8, 16)
    # Of 2 L passes a token, 2 s are spared, but for s of each row, once: 2 adapters read it in 3 epochs.
    assert quarter["saves"] == pytest.approx(8 / 32 * (1 - 1 / 12), rel=0.05)
    assert half["saves"] == pytest.approx(16 / 32 * (1 - 1 / 12), rel=0.05)
    assert half["bytes"] == quarter["bytes"] > 0


def test_on_a_gpu_ten_tasks_fit_with_the_weights_in_sixteen_bits(
    recipe: dict[str, Any], tmp_path: Path
) -> None:
    """The best states lie in the machine's own memory then: the difference between fitting and not."""
    tasks = [{"name": f"u{n}", "path": _rows(tmp_path / f"u{n}")} for n in range(5)]
    given = {
        **recipe, "tasks": recipe["tasks"] + tasks, "training": {"device": "cuda"}, "adapters": {"plan": "per_task"}
    }  # fmt: skip
    found = mixologist.plan(given, memory_gb=GPU)["memory_fits"]
    dtypes = [setting["dtype"] for setting in found["settings"]]
    assert dtypes == ["bfloat16", "bfloat16", "nf4", "nf4"]
    assert found["settings"][1]["gradient_checkpointing"]
    assert found["settings"][1]["largest"] >= 1024


@pytest.mark.parametrize(("device", "counted"), [("cuda", {True}), ("auto", {False, True}), ("cpu", {False})])
def test_settings_say_whether_they_are_counted_for_a_gpu(
    recipe: dict[str, Any], device: str, counted: set[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four bits are meant for one, and not offered for a CPU that is named."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    settings = mixologist.plan(recipe | {"training": {"device": device}}, memory_gb=GPU)["memory_fits"][
        "settings"
    ]
    assert {setting["on_gpu"] for setting in settings} == counted
    four_bits = [setting for setting in settings if setting["dtype"] == "nf4"]
    assert len(four_bits) == (0 if device == "cpu" else 2)
    assert all(setting["on_gpu"] for setting in four_bits)


def test_no_time_is_told_for_another_machine(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(recipe), encoding="utf-8")
    there, here = (
        CliRunner().invoke(
            app, ["plan", str(file), "--memory", str(GPU), "--set", f"training.device={device}"]
        )
        for device in ("cuda", "auto")
    )
    assert "only the machine with that GPU can tell" in there.output
    assert "minutes to train" in here.output
    assert "There is no GPU here" in here.output


def test_what_is_advised_names_the_gpu_where_the_recipe_does_not(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(recipe), encoding="utf-8")

    def advised(device: str) -> str:
        words = ["plan", str(file), "--memory", "12", "--set", f"training.device={device}"]
        return CliRunner().invoke(app, words).output

    assert "adapters fit with training.device: cuda  training.dtype: nf4" in advised("auto")
    assert "adapters fit with training.dtype: nf4" in advised("cuda:1")
