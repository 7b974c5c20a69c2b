"""From small real files to token ids: nothing held out is trained on, nothing of a test row is left."""

import argparse
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.pretrain import pack, sources
from tools.pretrain.ngrams import Index
from tools.pretrain.tokenizer import train as train_tokenizer

SECRET = "the quick grey heron stands quite still upon one leg beside the old mill pond"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of 300 documents, one of which holds a test row, and a data set with that row."""
    for folder in ("corpus", "data/birds"):
        (tmp_path / folder).mkdir(parents=True)
    texts = [
        f"Story number {n}.\n\nIt is about {n * 7} things that happened in the year {1800 + n}."
        for n in range(300)
    ]
    texts[7] += f"\n\nAs they say, {SECRET}."
    with lzma.open(tmp_path / "corpus" / "wikinews.txt.xz", "wt", encoding="utf-8") as file:
        file.write("".join(f"{text}\n<|endoftext|>\n" for text in texts))
    (tmp_path / "data" / "birds" / "test.jsonl").write_text(
        json.dumps({"text": SECRET, "label": "heron"}) + "\n"
    )
    monkeypatch.setattr(pack, "documents", lambda: sources.documents(tmp_path / "corpus"))
    monkeypatch.setattr(pack, "task_inputs", lambda: iter(()))
    return tmp_path


@pytest.fixture
def packed(place: Path) -> tuple[dict[str, Any], str, list[dict[str, str]]]:
    """The counts, all training text decoded, and the held-out rows."""
    tokenizer = train_tokenizer((d.text for d in sources.documents(place / "corpus")), 600)
    given = argparse.Namespace(work=place)
    counts = pack.pack_documents(given, tokenizer, Index.of(place / "data"))
    ids = np.fromfile(place / "tokens" / "wikinews.bin", dtype=np.uint16)
    assert len(ids) == counts["tokens"]["wikinews"]
    lines = (place / "held_out" / "news.jsonl").read_text().splitlines()
    return counts, tokenizer.decode(ids.tolist()), [json.loads(line) for line in lines]


Packed = tuple[dict[str, Any], str, list[dict[str, str]]]


def test_a_passage_of_a_test_row_is_dropped_and_counted(packed: Packed) -> None:
    counts, text, _ = packed
    assert "heron" not in text
    assert "Story number 7." in text
    assert counts["overlap"]["documents with a passage dropped"] == 1


def test_held_out_documents_are_kept_apart(packed: Packed) -> None:
    _, text, held_out = packed
    assert 1 <= len(held_out) <= 20  # two in a hundred
    assert not any(row["text"] in text for row in held_out)
    assert text.count("<|endoftext|>") == 300 - len(held_out)


def test_a_source_keeps_its_name_whatever_the_number_of_its_shard(tmp_path: Path) -> None:
    for name in ("books_classic", "books_classic_02", "dialogues_taskmaster4"):
        with lzma.open(tmp_path / f"{name}.txt.xz", "wt", encoding="utf-8") as file:
            file.write("One.\n\nStill one.\n<|endoftext|>\n\n<|endoftext|>\nTwo.\n")
    found = [(d.source, d.text) for d in sources.documents(tmp_path)]
    books = [("books_classic", "One.\n\nStill one."), ("books_classic", "Two.")]
    assert found == [
        *books,
        *books,
        ("dialogues_taskmaster4", "One.\n\nStill one."),
        ("dialogues_taskmaster4", "Two."),
    ]


def test_only_inputs_of_a_row_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quiz").mkdir()
    rows = [{"q": "Why?", "n": ["a", "b"], "answer": "no"}, {"q": "Why?", "n": ["a", "b"], "answer": "yes"}]
    (tmp_path / "quiz" / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(sources, "INPUTS", {"quiz/train": ("q", "n")})
    assert [d.text for d in sources.task_inputs(tmp_path)] == ["Why?\na b"]
