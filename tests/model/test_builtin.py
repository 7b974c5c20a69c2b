"""The built-in base is a model that any Transformers tool reads, and a damaged file of it is refused."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mixologist.errors import UserError
from mixologist.model.builtin import builtin, verify

TEXT = (
    "The bank raised its interest rate on Thursday, saying that prices had risen faster than it had expected. "
    "Shares of the company fell by 4.5 percent after the news.\n\nThe patient was given the medicine twice a day."
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(builtin())


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(builtin(), dtype=torch.float32).eval()


def bits_per_byte(model: Any, tokenizer: Any, text: str) -> float:
    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text)["input_ids"]]])
    with torch.no_grad():
        loss = float(model(input_ids=ids, labels=ids).loss)
    return loss * (ids.shape[1] - 1) / math.log(2) / len(text.encode())


def test_it_reads_english_as_well_as_the_card_says(model: Any, tokenizer: Any) -> None:
    assert bits_per_byte(model, tokenizer, TEXT) == pytest.approx(BITS, abs=0.003)
    assert bits_per_byte(model, tokenizer, "".join(reversed(TEXT))) > 3


BITS = 1.045
"""Of `TEXT`, in float32; renewed with the weights."""


def test_every_byte_has_a_token_and_every_digit_its_own(tokenizer: Any) -> None:
    strange = "naïve 中文 \x00\x07 🙂 ЖЫ\t\r\n" + "".join(map(chr, range(256)))
    assert tokenizer.decode(tokenizer(strange)["input_ids"]) == strange
    assert len(tokenizer("20251122")["input_ids"]) == 8


def test_the_chat_template_uses_tokens_that_stand_for_nothing_else(tokenizer: Any) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    marks = tokenizer.convert_tokens_to_ids(["<|system|>", "<|end|>", "<|user|>", "<|assistant|>"])
    assert [token for token in ids if token in marks] == [marks[0], marks[1], marks[2], marks[1], marks[3]]


def test_it_stops_where_a_turn_ends(model: Any, tokenizer: Any) -> None:
    assert tokenizer.convert_tokens_to_ids("<|end|>") in model.generation_config.eos_token_id
    assert model.config.max_position_embeddings >= 2048


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(builtin(), tmp_path / "base"))
    verify(folder)
    damaged = bytearray((folder / name).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (folder / name).write_bytes(damaged)
    with pytest.raises(UserError, match=f"damaged: {name}"):
        verify(folder)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(builtin(), tmp_path / "base"))
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"damaged: config\.json"):
        verify(folder)
