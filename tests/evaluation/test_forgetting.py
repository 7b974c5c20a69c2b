"""General ability against the base: an adapter that changes nothing loses nothing, one that does is found out."""

from pathlib import Path

import numpy as np
import pytest

from mixologist.evaluation.forgetting import forgetting, paragraphs, questions
from mixologist.model.generate import Generator
from mixologist.recipe.schema import Evaluation
from mixologist.tasks.encoding import Encoder
from tests.tiny import bank_of, tiny


def test_an_untrained_adapter_keeps_everything_and_a_random_one_does_not(tmp_path: Path) -> None:
    base = tiny(tmp_path, dtype="float32")
    bank = bank_of(base, "wild", "new")
    bank.initialise(1)
    encoder = Encoder(base.tokenizer, 512)
    found = forgetting(Generator(base, bank, encoder.end_ids), encoder, {}, Evaluation(), 512, seed=0)
    assert found.keys() == {"plain_text", "multiple_choice"}
    assert found["plain_text"]["new"]["minus_base"] == {"value": 0, "low": 0, "high": 0}
    unseen = 1 - 0.05 ** (1 / len(questions()))  # as many questions that were not asked may change
    same = {"value": 0, "low": pytest.approx(-unseen), "high": pytest.approx(unseen)}
    assert found["multiple_choice"]["new"]["minus_base"] == same
    for measure in found.values():
        assert measure["wild"]["n"] == measure["base"]["n"]
    plain = found["plain_text"]
    wild = plain["wild"]["minus_base"]
    assert plain["wild"]["value"] - plain["base"]["value"] == pytest.approx(wild["value"])
    assert wild["low"] < wild["value"] < wild["high"]
    assert 2 < plain["base"]["value"] < 10, "bits a byte of random weights"


def test_bits_a_byte_are_those_of_each_paragraph_alone(tmp_path: Path) -> None:
    base = tiny(tmp_path, dtype="float32")
    bank = bank_of(base, "a")
    encoder = Encoder(base.tokenizer, 512)
    found = forgetting(Generator(base, bank, encoder.end_ids), encoder, {}, Evaluation(), 512, seed=0)
    bits = []
    for text in paragraphs():
        ids = base.tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
        loss = base.model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        bits.append(loss / np.log(2) / len(text.encode()))
    assert found["plain_text"]["base"]["value"] == pytest.approx(np.mean(bits), rel=1e-4)


def test_texts_and_questions_are_there_once_each() -> None:
    texts, asked = paragraphs(), questions()
    assert len(texts) == len(set(texts)) == 30
    assert len(asked) == len(set(asked)) == 84
    kinds = [kind for _, kind in asked]
    assert {kinds.count(kind) for kind in kinds} == {14}
