"""From text to token ids: ``tokens/<source>.bin`` (uint16), ``held_out/<domain>.jsonl`` and counts as JSON.

    python -m tools.pretrain.pack

Passages that share 13 words in a row with a validation or test row of any data set are dropped first. Four to five
minutes on one core; one document at a time is in memory beside the index of those rows.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from transformers import AutoTokenizer

from tools.pretrain.instructions import conversations
from tools.pretrain.ngrams import Index
from tools.pretrain.sources import DATA, Document, documents, held_out, task_inputs

Item = TypeVar("Item")
HELD_OUT_BYTES = 250_000
"""Evaluation text kept per domain at most."""
CONVERSATIONS = 120_000


def main() -> None:
    """Pack documents, instructions or (the default) both into the work folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path("runs/pretrain"))
    parser.add_argument("--parts", nargs="+", choices=[*PARTS], default=[*PARTS])
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS)
    given = parser.parse_args()
    tokenizer, index = AutoTokenizer.from_pretrained(given.work / "tokenizer"), Index.of(DATA)
    tokenizer.model_max_length = 10**9  # whole documents: windows are cut later
    for part in given.parts:
        found = PARTS[part](given, tokenizer, index)
        text = json.dumps(found, indent=2)
        (given.work / f"{part}.json").write_text(text + "\n")
        print(text)


def pack_documents(given: argparse.Namespace, tokenizer: Any, index: Index) -> dict[str, Any]:
    """Corpus and task inputs, held-out documents apart; counts."""
    counts = Counter[str]()
    kept = keep_held_out(itertools.chain(documents(), task_inputs()), given.work / "held_out")
    clean = cleaned(itertools.chain(documents(), task_inputs()), index, counts)
    tokens = write_documents(clean, tokenizer, given.work / "tokens")
    return {"tokens": tokens, "held_out_bytes": kept, "overlap": dict(counts)}


def pack_instructions(given: argparse.Namespace, tokenizer: Any, index: Index) -> dict[str, Any]:
    """Conversations made from the corpus; counts."""
    counts = Counter[str]()
    corpus = (document for document in documents() if not held_out(document.text))
    made = itertools.islice(conversations(corpus, seed=0), given.conversations)
    tokens = write_conversations(made, tokenizer, index, counts, given.work / "tokens")
    return {"tokens": tokens, "overlap": dict(counts)}


def keep_held_out(texts: Iterable[Document], folder: Path) -> dict[str, int]:
    """Write the evaluation documents; domain -> bytes."""
    chosen: dict[str, list[str]] = defaultdict(list)
    size = Counter[str]()
    for document in texts:
        if held_out(document.text) and size[document.domain] < HELD_OUT_BYTES:
            text = document.text[: HELD_OUT_BYTES // 5]
            chosen[document.domain].append(json.dumps({"source": document.source, "text": text}) + "\n")
            size[document.domain] += len(text.encode())
    folder.mkdir(parents=True, exist_ok=True)
    for domain, lines in chosen.items():
        (folder / f"{domain}.jsonl").write_text("".join(lines), encoding="utf-8")
    return dict(size)


def cleaned(texts: Iterable[Document], index: Index, counts: Counter[str]) -> Iterator[Document]:
    """Training documents without the passages that stand in a validation or test row."""
    for document in texts:
        if not held_out(document.text):
            text, hits = index.clean(document.text)
            counts["n-grams hit"] += hits
            counts["documents with a passage dropped"] += bool(hits)
            if text.strip():
                yield Document(document.source, text)


def write_documents(texts: Iterable[Document], tokenizer: Any, folder: Path) -> dict[str, int]:
    """Token ids of every document with an end-of-text token after it; source -> tokens."""
    counts = Counter[str]()
    with Files(folder) as files:
        for batch in batched(texts, 256):
            encoded = tokenizer([d.text for d in batch], add_special_tokens=False)["input_ids"]
            for document, ids in zip(batch, encoded, strict=True):
                counts[document.source] += files.write(document.source, [*ids, tokenizer.eos_token_id])
    return dict(counts)


def write_conversations(
    made: Iterable[list[dict[str, str]]], tokenizer: Any, index: Index, counts: Counter[str], folder: Path
) -> dict[str, int]:
    """The same for instruction-shaped text, through the chat template; one that overlaps is dropped whole."""
    total = 0
    with Files(folder) as files:
        for batch in batched(made, 256):
            texts = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in batch]
            fit = [text for text in texts if not index.clean(text)[1]]
            counts["conversations dropped"] += len(texts) - len(fit)
            for ids in tokenizer(fit, add_special_tokens=False)["input_ids"] if fit else []:
                total += files.write("instructions", [*ids, tokenizer.eos_token_id])
    return {"instructions": total}


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of ``size`` items, the last one shorter."""
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch


class Files:
    """One open file of token ids a source."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.open = folder, dict[str, BinaryIO]()

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.open.values():
            file.close()

    def write(self, source: str, ids: list[int]) -> int:
        """Append; returns how many."""
        if source not in self.open:
            self.open[source] = (self.folder / f"{source}.bin").open("wb")
        np.asarray(ids, dtype=np.uint16).tofile(self.open[source])
        return len(ids)


PARTS = {"documents": pack_documents, "instructions": pack_instructions}


if __name__ == "__main__":
    main()
