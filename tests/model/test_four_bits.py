"""A base of four bits: real ones where bitsandbytes is installed, a message where it is not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import mixologist
from mixologist.errors import UserError
from mixologist.exporting import export
from mixologist.mixing.batching import pack
from mixologist.model import families
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import load_base
from mixologist.model.forward import target_losses
from mixologist.runfolder import RunFolder
from tests.tiny import linears, save_base, segments


def test_without_bitsandbytes_there_is_a_message(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes.nn", None)
    with pytest.raises(UserError, match="nf4 cannot be used here") as caught:
        load_base(str(tiny_base), dtype="nf4", device="cpu")
    assert "mixologist[4bit]" in str(caught.value)


def test_a_family_whose_linears_lie_otherwise_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="any family but gpt2"):
        load_base(str(save_base(tmp_path / "gpt2", "gpt2")), dtype="nf4", device="cpu")


def test_losses_and_gradients_are_those_of_the_weights_that_four_bits_stand_for() -> None:
    pytest.importorskip("bitsandbytes")
    small = load_base(
        "builtin", dtype="nf4", device="cpu"
    )  # 0.50.2 errs on a CPU where rows are shorter than 64
    whole = load_base("builtin", dtype="bfloat16", device="cpu")
    for name, linear in families.linears(small.model).items():
        meant: Any = whole.model.get_submodule(name)
        assert small.model.get_submodule(name).weight.dtype == torch.uint8
        assert families.sizes(linear) == families.sizes(meant)
        difference = (families.weight(linear) - meant.weight).abs().mean()
        assert 0 < float(difference / meant.weight.abs().mean()) < 0.1
        meant.weight.data.copy_(families.weight(linear))
    found = []
    for base in (small, whole):
        bank = Bank(base, [Shape("a", 4, 8.0)], modules=linears(base))
        random = torch.Generator().manual_seed(0)
        for layer in bank.layers:
            for b in layer.lora_B:
                b.data.copy_(0.1 * torch.randn(b.shape, generator=random))
        losses = target_losses(base, bank, pack(segments([0, 0, 1]), adapters=1))
        losses.sum().backward()
        found.append((losses.detach(), bank.gradient(0).clone()))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=0.02, atol=0.02)
    cosine = torch.cosine_similarity(found[0][1], found[1][1], dim=0)
    assert float(cosine) > 0.999


def test_a_run_trains_resumes_answers_and_is_merged(tiny_run: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    recipe = yaml.safe_load((tiny_run / "recipe.yaml").read_text())
    recipe["training"]["dtype"] = "nf4"
    recipe["output_dir"] = str(tmp_path / "run")
    mixologist.train(recipe)
    again = mixologist.train(recipe, resume=True)
    assert again["choices"]["dtype"] == "nf4"
    run = mixologist.load(tmp_path / "run")
    assert run.generate("My parcel is lost.").text
    export(RunFolder(tmp_path / "run"), tmp_path / "merged", merged="shared")
    merged = load_base(str(tmp_path / "merged"), dtype="bfloat16", device="cpu")
    assert {layer.weight.dtype for layer in families.linears(merged.model).values()} == {torch.bfloat16}
