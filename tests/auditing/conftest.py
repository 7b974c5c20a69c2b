"""Data with planted mistakes, audited with a tiny base's tokenizer; a cache of datasets that goes away."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pytest

from mixologist.auditing.fixing import write_fixed
from mixologist.auditing.kinds import Findings
from mixologist.auditing.report import audit
from mixologist.recipe.load import load

Rows = list[dict[str, Any]]
WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jetty", "kelp", "lagoon",
    "meadow", "north", "orchid", "pine",
)  # fmt: skip


def text(number: int) -> str:
    """A sentence unlike those of other numbers."""
    picks = [WORDS[(number * step + step) % len(WORDS)] for step in (1, 3, 5, 7, 11)]
    return f"{' '.join(picks)} in lot {number}"


def labelled(start: int, count: int) -> Rows:
    return [{"text": text(n), "label": "ab"[n % 2]} for n in range(start, start + count)]


def lines(rows: Iterable[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@dataclass
class Bench:
    """A folder of tasks."""

    folder: Path

    def task(self, name: str, first: int = 0, /, **extra: Rows) -> None:
        """Splits of sound rows, each with some more at its end."""
        for number, (split, count) in enumerate((("train", 30), ("validation", 4), ("test", 4))):
            rows = labelled(first + 100 * number, count) + extra.get(split, [])
            self.write(f"{name}/{split}.jsonl", lines(rows))

    def write(self, name: str, content: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def recipe(self, *names: str) -> Path:
        path = self.folder / "recipe.yaml"
        tasks = [
            {"name": name, "path": str(self.folder / name), "format": "classification"} for name in names
        ]
        path.write_text(json.dumps({"tasks": tasks, "training": {"max_length": 128}}))
        return path

    def findings(self, *names: str) -> dict[str, Findings]:
        """What the audit finds."""
        with audit(load(self.recipe(*names))) as report:
            return {name: looked.findings for name, looked in report.tasks.items()}

    def counts(self, name: str = "one") -> dict[str, int]:
        return {kind: found.count for kind, found in self.findings(name)[name].ordered()}

    def fixed(self, *names: str) -> Path:
        """The folder with the cleaned copies."""
        with audit(load(self.recipe(*names))) as report:
            write_fixed(report, self.folder / "clean")
        return self.folder / "clean"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return Bench(tmp_path)
