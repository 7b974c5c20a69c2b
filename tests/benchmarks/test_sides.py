"""The benchmarks' sides at a tiny shape: they train the same, and the scripts for a GPU run."""

import json
import math
from pathlib import Path

import pytest
import torch
import transformers

from benchmarks import many_on_a_gpu, peers, sides
from benchmarks.mixture import batches
from benchmarks.peers import fastest, grid
from benchmarks.shapes import LLAMAS
from benchmarks.sides import TRAINERS, Side
from mixologist.model.base import Base

TINY = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "intermediate_size": 64, "vocab_size": 8192,
}  # fmt: skip


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LLAMAS, "tiny", TINY)
    monkeypatch.setattr(sides, "RATE", 1e-2)  # so that the second pass differs from the first


@pytest.mark.parametrize("batch", [16, 4])
def test_a_plain_loop_on_a_peft_model_has_the_losses_of_ours(batch: int) -> None:
    data = batches(24, grouped=True)
    ours, loop = (
        TRAINERS[trainer](Side(trainer, "tiny", "float32", 24, batch=batch), data)
        for trainer in ("ours", "loop")
    )
    first, second = (ours(), loop()), (ours(), loop())
    assert first[0] == pytest.approx(first[1], rel=1e-5)
    assert second[0] == pytest.approx(second[1], rel=1e-4)
    assert second[0] < first[0] - 0.01


def test_the_script_for_a_gpu_trains_at_a_tiny_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "sys.argv",
        [
            "",
            "--shape",
            "tiny",
            "--device",
            "cpu",
            "--adapters",
            "2",
            "--quick",
            "--page",
            f"{tmp_path}/p.md",
        ],
    )
    many_on_a_gpu.main()
    found = json.loads(capsys.readouterr().out)
    assert math.isfinite(found["loss"])
    assert found["flops_per_second"] > found["tokens_per_second"] > 0
    assert found["tokens"] == 4096, "the default, where memory is no matter"
    assert "| tokens of a pass | 4,096 |" in (tmp_path / "p.md").read_text(encoding="utf-8")


def test_ten_adapters_on_a_7b_base_get_as_many_tokens_as_24_gb_hold() -> None:
    with torch.device("meta"):
        config = transformers.LlamaConfig(**LLAMAS["7b"], tie_word_embeddings=False)
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    base = Base("7b", None, model, None, torch.device("cuda"), torch.bfloat16, "bfloat16")
    assert 1024 <= many_on_a_gpu.tokens_that_fit(base, 10, 24) < 4096
    with pytest.raises(SystemExit, match="raise --limit-gb"):
        many_on_a_gpu.tokens_that_fit(base, 20, 24)


def test_peers_on_a_gpu_are_screened_with_the_kernels_that_are_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def settings() -> set[str]:
        return {str(side).removeprefix("trl, bfloat16, ") for side in grid("trl", "7b", "cuda")}

    plain = {f"batches of {n}, grouped by length" for n in (16, 4, 1)}
    monkeypatch.setattr(peers, "is_flash_attn_2_available", lambda: False)
    monkeypatch.setattr(peers, "is_liger_kernel_available", lambda: False)
    assert settings() == plain
    monkeypatch.setattr(peers, "is_flash_attn_2_available", lambda: True)
    monkeypatch.setattr(peers, "is_liger_kernel_available", lambda: True)
    kernels = ("", ", FlashAttention", ", Liger", ", FlashAttention, Liger")
    assert settings() == {setting + kernel for setting in plain for kernel in kernels}


def test_the_fastest_settings_are_those_of_least_time_that_ran() -> None:
    slow, none, fast, middling = grid("loop", "tiny", "cpu")[:4]
    found = {slow: {"seconds": 9.0}, none: None, fast: {"seconds": 1.0}, middling: {"seconds": 2.0}}
    assert fastest(found, 2) == [fast, middling]
