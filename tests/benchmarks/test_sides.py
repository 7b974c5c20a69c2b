"""The benchmarks' sides at a tiny shape: they train the same, and the scripts for a GPU run."""

import math

import pytest

from benchmarks import many_on_a_gpu, sides
from benchmarks.mixture import batches
from benchmarks.shapes import LLAMAS, load_shape
from benchmarks.sides import TRAINERS, Side

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


def test_the_script_for_a_gpu_trains_at_a_tiny_shape() -> None:
    found = many_on_a_gpu.trained(load_shape("tiny", "float32"), adapters=2, tokens=512, steps=2)
    assert math.isfinite(found["loss"])
    assert found["flops_per_second"] > found["tokens_per_second"] > 0
