"""Task kinds that need more than a text and a label, from data to evaluation in one run on a tiny base."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

import mixologist
from mixologist.files import write_json_lines
from tests.conftest import SIZES

FILLER = "Nothing that matters is said in this sentence. " * 30
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord")


def pair(n: int) -> dict[str, Any]:
    return {"one": f"{WORDS[n % 6]} in lot {n}", "two": f"{WORDS[n % 4]} in lot {n}", "alike": n % 6 / 2}


def tagged(n: int) -> dict[str, Any]:
    return {
        "text": f"message {n} on {WORDS[n % 6]}",
        "labels": [word for i, word in enumerate("abc") if n >> i & 1],
    }


def choice(n: int) -> dict[str, Any]:
    return {"question": f"What is in lot {n}?", "options": list(WORDS[:4]), "answer": n % 4}


def claim(n: int) -> dict[str, Any]:
    """Half of the claims rest on what stands where nothing points to it."""
    evidence = "The notary keeps the seal." if n % 2 else "Nobody would look here."
    return {
        "text": f"Claim {n}: who keeps the seal?",
        "label": "ab"[n % 2],
        "doc": n % 3,
        "evidence": [evidence],
    }


TASKS: dict[str, dict[str, Any]] = {
    "pairs": {
        "format": "regression",
        "columns": {"text": ["one", "two"], "score": "alike"},
        "metric": "spearman",
    },
    "tags": {"format": "multi_label", "max_new_tokens": 4},
    "choices": {"format": "multiple_choice"},
    "claims": {
        "format": "classification",
        "columns": {"context": "papers.body", "evidence": "evidence"},
        "join": {"file": "papers.jsonl", "on": "doc"},
        "max_length": 200,
    },
}
ROWS = {"pairs": pair, "tags": tagged, "choices": choice, "claims": claim}


def write_data(folder: Path) -> None:
    for name, row in ROWS.items():
        first = 0
        for split, count in SIZES.items():
            write_json_lines(folder / name / f"{split}.jsonl", [row(first + n) for n in range(count)])
            first += count
    body = f"{FILLER}The notary keeps the seal. {FILLER}Nobody would look here. {FILLER}"
    write_json_lines(
        folder / "claims" / "papers.jsonl", [{"doc": n, "body": f"Paper {n}. {body}"} for n in range(3)]
    )


@pytest.fixture(scope="module")
def run(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("kinds")
    write_data(place)
    recipe = {
        "base_model": str(tiny_base),
        "output_dir": str(place / "run"),
        "tasks": [{"name": name, "path": str(place / name)} | task for name, task in TASKS.items()],
        "training": {"num_train_epochs": 1, "batch_size": 8, "max_length": 256, "dtype": "float32"},
        "adapters": {"r": 4},
        "router": {"num_train_epochs": 3},
        "evaluation": {"bootstrap_samples": 100},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
        mixologist.train(recipe)
    return place / "run"


def test_every_kind_is_evaluated_by_its_metric(run: Path) -> None:
    tasks = json.loads((run / "evaluation.json").read_text())["tasks"]
    assert {name: (task["metric"], task["n"]) for name, task in tasks.items()} == {
        "pairs": ("spearman", 8),
        "tags": ("macro_f1", 8),
        "choices": ("accuracy", 8),
        "claims": ("macro_f1", 8),
    }
    for name, task in tasks.items():
        for system in task["systems"].values():
            assert (-1 if name == "pairs" else 0) <= system["low"] <= system["value"] <= system["high"] <= 1


def test_what_a_long_text_lost_is_counted_in_training_and_in_evaluation(run: Path) -> None:
    claims = json.loads((run / "evaluation.json").read_text())["tasks"]["claims"]
    assert (claims["shortened_prompts"], claims["lost_evidence"]) == (8, 4)
    record = json.loads((run / "run.json").read_text())
    assert (record["tasks"]["claims"]["shortened"], record["tasks"]["claims"]["lost"]) == (24, 12)
    assert (
        "claims: 24 of 24 train prompts were shortened to fit; 12 of them lack evidence of their answer"
        in (record["warnings"])
    )
