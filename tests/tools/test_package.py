"""What is packaged: the mean of the models, readable, within its size, and listed in digests that fit."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from mixologist.model.builtin import verify
from tools.pretrain import package, shape
from tools.pretrain.tokenizer import train as train_tokenizer


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    tokenizer = train_tokenizer(iter(["a few words of text"] * 3), 300)
    for seed in (0, 1):
        shape.build(16, 1, 2, 32, len(tokenizer), tied=False, seed=seed).save_pretrained(tmp_path / str(seed))
        tokenizer.save_pretrained(tmp_path / str(seed))
    return [tmp_path / "0", tmp_path / "1"]


def test_the_mean_of_two_models_is_packaged_whole(models: list[Path], tmp_path: Path) -> None:
    package.package(models, tmp_path / "out")
    verify(tmp_path / "out")
    parts = [AutoModelForCausalLM.from_pretrained(m, dtype=torch.float32).lm_head.weight for m in models]
    made = AutoModelForCausalLM.from_pretrained(tmp_path / "out").lm_head.weight
    assert made.dtype == torch.bfloat16
    assert torch.allclose(made.float(), (parts[0] + parts[1]) / 2, atol=2e-3)
    assert GenerationConfig.from_pretrained(tmp_path / "out").eos_token_id == [0, 5]


def test_what_is_too_large_is_refused(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "LARGEST", 1000)
    with pytest.raises(ValueError, match="more than 1,000"):
        package.package(models[:1], tmp_path / "out")
