"""Where pretraining text comes from: a corpus of open documents, and the inputs (never the answers) of train splits.

Both stay where they are; nothing of them is copied into the project.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = Path(os.environ.get("MIXOLOGIST_CORPUS", "../shared/corpus"))
DATA = Path(os.environ.get("MIXOLOGIST_DATA", "../shared/data"))
END = "<|endoftext|>"

DOMAINS = {
    "wikipedia": "encyclopaedic",
    "openstax_ccby": "encyclopaedic",
    "books_classic": "books",
    "stories_african_storybook": "books",
    "us_presidential_addresses": "books",
    "wikinews": "news",
    "sec_contracts": "finance_legal",
    "company_profiles": "finance_legal",
    "dialogues_sgd": "dialogue",
    "dialogues_taskmaster4": "dialogue",
    "howto_business_central": "how_to",
    "howto_va_benefits": "how_to",
    "articles_digitalgov": "how_to",
    "task_inputs": "task_inputs",
}
"""Source -> the domain under which its held-out part is evaluated."""

INPUTS: dict[str, tuple[str, ...]] = {
    "banking77/train": ("text",),
    "clinc150/train": ("text",),
    "code_comment/train": ("text",),
    "convfinqa/train": ("pre_text", "post_text", "questions"),
    "cuad_clause/train": ("text",),
    "dolly/train": ("instruction", "input"),
    "fin_sec_ner/train": ("tokens",),
    "finqa/train": ("context", "question"),
    "gsm8k/train": ("question",),
    "instruct_basic/train": ("instruction", "input"),
    "legal_plain/train": ("text",),
    "medquad/train": ("question",),
    "mts_dialog/train": ("dialogue",),
    "poem_sentiment/train": ("text",),
    "pubmedqa/train": ("question", "context"),
    "self_instruct_seed/train": ("instruction", "input"),
    "svamp/train": ("question",),
    "twitter_fin_sentiment/train": ("text",),
    "twitter_fin_topic/train": ("text",),
}
"""Train splits whose licence lets a model trained on them be used and shared by all, and the fields that are inputs.

Left out: what is non-commercial or names no licence for the data itself (fpb, FiQA, SemEval headlines, gold headlines,
SST, Quora, STS, Alpaca and what copies its prompts, LIMA, DialogSum, ledgar, casehold ...), and contract_nli, whose
contracts are shared between rows.
"""


@dataclass(frozen=True)
class Document:
    """One text. ``source`` is the shard's name without its number."""

    source: str
    text: str

    @property
    def domain(self) -> str:
        """The domain it is evaluated under."""
        return DOMAINS[self.source]


def documents(corpus: Path = CORPUS) -> Iterator[Document]:
    """All documents of the corpus, shard by shard; never more than one document in memory."""
    for shard in sorted(corpus.glob("*.txt.xz")):
        source = shard.name.removesuffix(".txt.xz").rstrip("0123456789").rstrip("_")
        source = shard.name.removesuffix(".txt.xz") if source not in DOMAINS else source
        with lzma.open(shard, "rt", encoding="utf-8") as lines:
            for text in _parted(lines):
                yield Document(source, text)


def _parted(lines: Iterator[str]) -> Iterator[str]:
    document: list[str] = []
    for line in lines:
        if line.strip() != END:
            document.append(line)
        elif text := "".join(document).strip():
            yield text
            document = []
    if text := "".join(document).strip():
        yield text


def task_inputs(data: Path = DATA) -> Iterator[Document]:
    """The inputs of every row of `INPUTS`, in the order of the files, each input once."""
    for name, fields in INPUTS.items():
        seen: set[str] = set()
        with (data / f"{name}.jsonl").open(encoding="utf-8") as rows:
            for row in map(json.loads, rows):
                text = "\n".join(filter(None, (_plain(row[field]) for field in fields)))
                if text and text not in seen:
                    seen.add(text)
                    yield Document("task_inputs", text)


def _plain(value: Any) -> str:
    """Text as it stands; tokens joined by spaces; questions one a line."""
    if isinstance(value, list):
        return ("\n" if any(" " in part for part in value) else " ").join(value)
    return str(value).strip().replace("\r\n", "\n")


def held_out(text: str, share: float = 0.02) -> bool:
    """Whether a text is kept for evaluation: fixed by the text itself, so the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) < share * 2**64
