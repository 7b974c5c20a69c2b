"""The command line called in this process, in a folder of its own with a good recipe that a test may spoil."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from mixologist.cli.main import main
from tests.conftest import tiny_recipe, write_data


@dataclass(frozen=True)
class Answer:
    """What a call came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        return json.loads(self.out)


Cli = Callable[..., Answer]


@dataclass(frozen=True)
class Place:
    """A folder to spoil, and the things in it."""

    folder: Path
    base: Path
    finished: Path
    """A finished run; to be copied, never changed."""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def recipe(self, **changes: Any) -> str:
        """Write good data and a good recipe with these keys changed; the recipe's path."""
        write_data(self.data)
        recipe = tiny_recipe(self.base, self.data) | {"output_dir": str(self.run)} | changes
        return self.file("my.yaml", yaml.safe_dump(recipe))

    def task(self, **changes: Any) -> str:
        """The same with the first task changed."""
        return self.recipe(tasks=[{"name": "queue", "path": str(self.data / "queue")} | changes])

    def rows(self, content: str | bytes, name: str = "rows.jsonl") -> str:
        """A recipe with one task that reads a file with this content."""
        return self.task(path=self.file(name, content))

    def file(self, name: str, content: str | bytes) -> str:
        """Write a file; its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def files(self) -> dict[str, bytes]:
        """All that lies in the folder, byte for byte."""
        found = sorted(self.folder.rglob("*"))
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else b"" for path in found
        }


@pytest.fixture
def place(
    tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A new folder, which is the working directory too; no local copies of the cards' data."""
    folder = tmp_path_factory.mktemp("here")  # tmp_path is named for the test: messages would quote that
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MIXOLOGIST_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return Place(folder, tiny_base, tiny_run)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Call ``mixologist`` with these words."""

    def call(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["mixologist", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        return Answer(int(caught.value.code or 0), *capsys.readouterr())

    return call
