"""What a run takes from its machine is kept on resume; what trades time for memory changes no result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.checkpoint import checkpoint

import mixologist
from mixologist.errors import Interrupted, UserError
from mixologist.fitting import dtype_of
from mixologist.hooks import Hooks
from mixologist.model import blocks
from mixologist.planning import resolve
from mixologist.recipe.load import load
from tests.conftest import tiny_recipe, write_data
from tests.tiny import SIZES

STEPS = 4


@pytest.fixture(scope="module")
def shared(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    place = tmp_path_factory.mktemp("machine")
    write_data(place / "data")
    made = tiny_recipe(tiny_base, place / "data") | {"output_dir": str(place / "plain")}
    made["training"] |= {"max_steps": STEPS, "device": "cpu"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
        yield made


@pytest.fixture(scope="module")
def plain(shared: dict[str, Any]) -> dict[str, torch.Tensor]:
    """What an undisturbed run in float32 on the CPU learns."""
    return trained(shared)


@pytest.fixture
def recipe(shared: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return shared | {"output_dir": str(tmp_path / "run"), "training": dict(shared["training"])}


@pytest.fixture
def threads() -> Iterator[int]:
    """How many there are, and will be afterwards."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


def trained(
    recipe: dict[str, Any],
    *,
    resume: bool = False,
    progress: Callable[[int], None] = lambda step: None,
    until: int = STEPS,
) -> dict[str, torch.Tensor]:
    """The adapters' numbers of a run that goes no further than its training, or than a step of it."""
    done = [0]

    def follow(step: int, of: int, news: dict[str, Any]) -> None:
        done[0] = step
        progress(step)

    def stage(name: str, total: int) -> Callable[[int], None]:
        if name == "routing":
            raise Interrupted("no more is wanted")
        return lambda count: None

    hooks = Hooks(stage=stage, progress=follow, should_stop=lambda: done[0] >= until)
    with pytest.raises(Interrupted):
        mixologist.train(recipe, resume=resume, hooks=hooks)
    files = Path(recipe["output_dir"]).rglob("adapter_model.safetensors")
    return {f"{file.parent.name}/{name}": part for file in files for name, part in load_file(file).items()}


def assert_same(found: dict[str, torch.Tensor], plain: dict[str, torch.Tensor], tolerance: float) -> None:
    assert found.keys() == plain.keys()
    assert any(float(part.abs().max()) > 0 for name, part in plain.items() if "lora_B" in name)
    for name, part in plain.items():
        torch.testing.assert_close(found[name], part, rtol=0, atol=tolerance, msg=name)


def machine(patch: pytest.MonkeyPatch, *, gpu: bool, fast: bool, threads: int) -> None:
    patch.setattr(torch.cuda, "is_available", lambda: gpu)
    patch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: fast)
    patch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: fast)
    patch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    torch.set_num_threads(threads)


def test_a_run_resumed_on_another_machine_goes_on_as_it_was_begun(
    recipe: dict[str, Any], plain: dict[str, torch.Tensor], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe["training"] |= {"dtype": "auto", "device": "auto"}
    file = Path(recipe["output_dir"]) / "run.json"
    machine(monkeypatch, gpu=False, fast=False, threads=threads)
    assert not trained(recipe, until=STEPS // 2)
    began = json.loads(file.read_text())["choices"]
    assert {"dtype": "float32", "device": "cpu", "threads": threads}.items() <= began.items()
    machine(monkeypatch, gpu=True, fast=True, threads=threads + 1)
    seen = []
    resumed = trained(recipe, resume=True, progress=lambda step: seen.append((step, torch.get_num_threads())))
    assert seen == [(step, threads) for step in range(STEPS // 2 + 1, STEPS + 1)]
    assert json.loads(file.read_text())["choices"] == began
    assert_same(resumed, plain, tolerance=0)


@pytest.mark.parametrize(("fast", "dtype"), [(True, "bfloat16"), (False, "float32")])
def test_a_plan_counts_with_the_dtype_that_training_would_choose(
    recipe: dict[str, Any], threads: int, monkeypatch: pytest.MonkeyPatch, fast: bool, dtype: str
) -> None:
    recipe["training"] |= {"dtype": "auto", "device": "auto"}
    plan = resolve(load(recipe))
    machine(monkeypatch, gpu=True, fast=fast, threads=threads)
    assert dtype_of(plan) == dtype


def test_recomputed_blocks_learn_the_same(
    recipe: dict[str, Any], plain: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ran = [0], [0]

    def counted(forward: Callable[..., Any], *inputs: Any, **options: Any) -> Any:
        def run(*inputs: Any, **named: Any) -> Any:
            ran[0] += 1
            return forward(*inputs, **named)

        asked[0] += 1
        return checkpoint(run, *inputs, **options)

    monkeypatch.setattr(blocks, "checkpoint", counted)
    recipe["training"]["gradient_checkpointing"] = True
    assert_same(trained(recipe), plain, tolerance=1e-6)
    assert asked[0] >= SIZES["num_hidden_layers"]
    assert ran[0] == 2 * asked[0], "each once forward and once more in the backward pass"


def test_blocks_are_given_to_the_compiler_and_what_it_gives_is_trained_with(
    recipe: dict[str, Any], plain: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, trainings = [], [0]

    def compile_(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        def run(*inputs: Any, **named: Any) -> Any:
            trainings[0] += torch.is_grad_enabled()
            return function(*inputs, **named)

        asked.append((function.__qualname__, options))
        return run

    monkeypatch.setattr(torch, "compile", compile_)
    recipe["training"]["torch_compile"] = True
    found = trained(recipe)
    tried, *compiled = asked
    assert "check_compiler" in tried[0]
    assert compiled == [("LlamaDecoderLayer.forward", {"dynamic": True})], "all blocks but the last"
    assert trainings[0] > 1
    assert_same(found, plain, tolerance=1e-6)


def test_a_resumed_training_asks_for_its_compiler_and_can_go_on_without(
    recipe: dict[str, Any], plain: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(recipe["output_dir"]) / "run.json"
    recipe["training"]["torch_compile"] = True
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    assert not trained(recipe, until=STEPS // 2)
    stopped = file.read_bytes()

    def missing(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(torch, "compile", missing)
    with pytest.raises(UserError, match="torch_compile cannot be used"):
        mixologist.train(recipe, resume=True)
    assert file.read_bytes() == stopped
    recipe["training"]["torch_compile"] = False
    assert_same(trained(recipe, resume=True), plain, tolerance=1e-6)
    assert not json.loads(file.read_text())["choices"]["torch_compile"]
