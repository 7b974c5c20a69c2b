"""Our adapters are PEFT's: loaded by PEFT itself into the plain base they give our logits, and the other way round."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from mixologist.errors import UserError
from mixologist.model.base import Base
from mixologist.model.checkpoint import load_bank, read_adapter, save_adapter
from tests.tiny import bank_of, tiny

IDS = torch.arange(10, 60)[None]


def ours(base: Base, bank: object, name: str) -> torch.Tensor:
    with torch.no_grad(), bank.use(bank.rows_of([name])):  # type: ignore[attr-defined]
        logits: torch.Tensor = base.model(input_ids=IDS).logits
    return logits


def theirs(base: Base, folder: Path) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT reads a name that Transformers has renamed
        model = PeftModel.from_pretrained(base.model, str(folder))
    with torch.no_grad():
        logits: torch.Tensor = model(input_ids=IDS).logits
    return logits


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize("name", ["a", "b"])
def test_peft_gives_our_logits(tmp_path: Path, common: bool, name: str) -> None:
    base = tiny(tmp_path, dtype="float32")
    bank = bank_of(base, "a", "b", *(["common"] if common else []), common=common)
    plain = base.model(input_ids=IDS).logits
    expected = ours(base, bank, name)
    assert float((expected - plain).abs().max()) > 1
    save_adapter(bank, name, tmp_path / name)
    bank.detach()
    assert float((theirs(base, tmp_path / name) - expected).abs().max()) < 1e-4


def test_ours_read_back_what_was_written_with_any_ranks_together(tmp_path: Path) -> None:
    base = tiny(tmp_path, dtype="float32")
    bank = bank_of(base, "a", "b", "common", common=True)
    expected = {name: ours(base, bank, name) for name in ("a", "b")}
    for name in ("a", "b"):
        save_adapter(bank, name, tmp_path / name)
    bank.detach()
    loaded = load_bank(base, [read_adapter(tmp_path / "b"), read_adapter(tmp_path / "a")])
    assert [shape.r for shape in loaded.shapes] == [12, 8]
    for name in ("a", "b"):
        torch.testing.assert_close(ours(base, loaded, name), expected[name], rtol=1e-4, atol=1e-4)


def test_an_adapter_that_peft_trained_is_read(tmp_path: Path) -> None:
    base = tiny(tmp_path, dtype="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = get_peft_model(
            base.model,
            LoraConfig(r=3, lora_alpha=5, target_modules=["q_proj", "down_proj"], init_lora_weights=False),
        )
    with torch.no_grad():
        expected = model(input_ids=IDS).logits
    model.save_pretrained(str(tmp_path / "peft"))
    fresh = tiny(tmp_path / "again", dtype="float32")
    bank = load_bank(fresh, [read_adapter(tmp_path / "peft")])
    torch.testing.assert_close(ours(fresh, bank, "peft"), expected, rtol=1e-4, atol=1e-4)


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    base = tiny(tmp_path, dtype="float32")
    bank = bank_of(base, "a")
    for place in ("one", "two"):
        save_adapter(bank, "a", tmp_path / place)
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert {path.name for path in (tmp_path / "one").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }


def test_an_adapter_of_another_base_or_kind_is_refused(tmp_path: Path) -> None:
    base = tiny(tmp_path, dtype="float32")
    bank = bank_of(base, "a")
    save_adapter(bank, "a", tmp_path / "a")
    bank.detach()
    file = read_adapter(tmp_path / "a")
    wrong = type(file)(
        file.shape, {name.replace("q_proj", "x_proj"): pair for name, pair in file.modules.items()}
    )
    with pytest.raises(UserError, match="does not fit the base"):
        load_bank(base, [wrong])
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    (tmp_path / "a" / "adapter_config.json").write_text(json.dumps(config | {"use_dora": True}))
    with pytest.raises(UserError, match="does not compute"):
        read_adapter(tmp_path / "a")
