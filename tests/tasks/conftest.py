"""Data files of made-up rows, and a cache of datasets that goes away with them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datasets
import pytest

Write = Callable[[str, Iterable[Any]], Path]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write rows as JSON lines to a file under the test's folder."""

    def lines(name: str, rows: Iterable[Any]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return lines
