"""One tiny base, its data and one finished run for all tests that need them; nothing here reaches the network."""

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # huggingface_hub reads it once, when it is imported

import datasets
import pytest

import mixologist
from mixologist.demo.build import rows
from mixologist.files import write_json_lines
from tests.tiny import save_base

TASKS = {"queue": "returns", "sentiment": "positive"}
"""Two tasks of the demo, each with one of its labels."""
SIZES = {"train": 24, "validation": 8, "test": 8}


def write_data(folder: Path) -> None:
    """The rows of all tasks: ``folder/<task>/<split>.jsonl``."""
    for task in TASKS:
        for split, count in SIZES.items():
            write_json_lines(folder / task / f"{split}.jsonl", rows(task, split, count, seed=0))


def tiny_recipe(base: Path, data: Path) -> dict[str, Any]:
    """A recipe that trains in about a second."""
    tasks = [{"name": name, "path": str(data / name), "format": "classification"} for name in TASKS]
    training = {"num_train_epochs": 1, "batch_size": 8, "max_length": 256, "dtype": "float32"}
    evaluation = {"bootstrap_samples": 100}
    ends = {"base_model": str(base), "router": {"num_train_epochs": 3}, "evaluation": evaluation}
    return {"tasks": tasks, "training": training, "adapters": {"r": 4}, **ends}


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tests' own place for stored hidden states, in this process and those that it starts."""
    os.environ["MIXOLOGIST_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random Llama and its tokenizer. Never to be changed: copy it first."""
    return save_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session")
def tiny_run(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run on `tiny_base`. Never to be changed: copy it first."""
    place = tmp_path_factory.mktemp("tiny")
    write_data(place / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
        recipe = tiny_recipe(tiny_base, place / "data") | {"output_dir": str(place / "run")}
        mixologist.train(recipe)
    return place / "run"
