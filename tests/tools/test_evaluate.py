"""Bits per byte against the model's own loss, intervals over documents, and the prompts that are continued."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tools.pretrain import evaluate, likelihood, samples

TEXTS = [
    "The kettle sings before it boils, and nobody in the house gets up. " * 3,
    "Quarterly costs fell.",
    "Ein kurzer Satz mit Umlauten: äöü. " * 5,
]


@pytest.fixture(scope="module")
def loaded(tiny_base: Path) -> tuple[Any, Any]:
    model = AutoModelForCausalLM.from_pretrained(tiny_base, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(tiny_base)


def own_loss(model: Any, ids: list[int], first: int) -> float:
    """Bits of one window by the model's own mean loss, unbatched."""
    given = torch.tensor([[first, *ids]])
    with torch.inference_mode():
        return float(model(input_ids=given, labels=given).loss) * len(ids) / math.log(2)


@pytest.mark.parametrize("length", [8, 512])
@pytest.mark.parametrize("batch_tokens", [1, 64, 8192])
def test_bits_are_the_models_own_loss_however_batched(
    loaded: tuple[Any, Any], length: int, batch_tokens: int
) -> None:
    model, tokenizer = loaded
    expected = []
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        parts = [ids[at : at + length] for at in range(0, len(ids), length)]
        expected.append(sum(own_loss(model, part, tokenizer.bos_token_id) for part in parts))
    found = likelihood.bits(model, tokenizer, TEXTS, length, batch_tokens)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_windows_hold_every_token_once_and_one_text_each(loaded: tuple[Any, Any]) -> None:
    _, tokenizer = loaded
    windows = likelihood.windows(tokenizer, TEXTS, 8)
    for n, text in enumerate(TEXTS):
        ids = [token for number, part in windows if number == n for token in part]
        assert tokenizer.decode(ids) == text
    assert max(len(part) for _, part in windows) == 8


def test_ratios_are_paired_so_a_model_half_as_bad_has_no_spread() -> None:
    texts = {"a": ["xx", "yyyy", "z"], "b": ["ä" * 5, "b"]}
    bits = {"a": np.array([2.0, 9.0, 1.0]), "b": np.array([5.0, 4.0])}
    halved = {domain: needed / 2 for domain, needed in bits.items()}
    found = evaluate.compare({"first": {"bits": {512: bits}}, "second": {"bits": {512: halved}}}, texts)[
        "512"
    ]
    assert found["a"]["first"]["bits_per_byte"]["value"] == pytest.approx(12 / 7)
    assert found["b"]["first"]["bits_per_byte"]["value"] == pytest.approx(9 / 11)
    assert found["mean"]["first"]["bits_per_byte"]["value"] == pytest.approx((12 / 7 + 9 / 11) / 2)
    assert found["mean"]["second"]["ratio"] == pytest.approx({"value": 0.5, "low": 0.5, "high": 0.5})
    spread = found["a"]["second"]["bits_per_byte"]
    assert spread["low"] < spread["value"] < spread["high"]


def test_prompts_are_ten_and_sampling_repeats_itself(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = loaded
    found = samples.samples(model, tokenizer, tokens=4)
    assert len({sample["prompt"] for sample in found}) == 10
    assert found == samples.samples(model, tokenizer, tokens=4)
    assert any(sample["greedy"] != sample["sampled"] for sample in found)


def test_the_command_writes_what_it_prints(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "held_out").mkdir()
    for domain in ("books", "news"):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
        (tmp_path / "held_out" / f"{domain}.jsonl").write_text(lines, encoding="utf-8")
    out = tmp_path / "out" / "evaluation.json"
    monkeypatch.setattr(
        sys, "argv", ["evaluate", str(tiny_base), "--work", str(tmp_path), "--json", str(out)]
    )
    evaluate.main()
    found = json.loads(out.read_text(encoding="utf-8"))
    assert list(found["windows"]) == ["512"], "the tiny model has no positions for windows of 2,048"
    mean = found["windows"]["512"]["mean"][str(tiny_base)]["bits_per_byte"]["value"]
    assert f"{mean:.3f}" in capsys.readouterr().out
    assert found["held_out"]["news"]["documents"] == len(TEXTS)


def test_missing_held_out_text_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"tools\.pretrain\.pack"):
        evaluate.held_out_texts(tmp_path)
