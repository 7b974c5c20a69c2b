"""Rows of JSON lines, and the text of every validation and test row: what the base must never have seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def evaluation_files(data: Path) -> list[Path]:
    """``<data set>/{validation,test}.jsonl`` of all data sets."""
    return sorted([*data.glob("*/validation.jsonl"), *data.glob("*/test.jsonl")])


def texts(file: Path) -> Iterator[str]:
    """All strings of a split's rows, and of the documents (contract_nli) that its rows name, each once."""
    rows = read(file)
    named = {row.get("doc_id") for row in rows} - {None}
    apart = file.parent / "documents.jsonl"
    if named and apart.exists():
        rows += [row for row in read(apart) if row["doc_id"] in named]
    yield from dict.fromkeys(text for row in rows for text in _strings(row))


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _strings(value: Any) -> Iterator[str]:
    """The strings in a value, however deep; a list of strings (tokens, sentences) is one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(part, str) for part in value):
        yield " ".join(value)
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)
