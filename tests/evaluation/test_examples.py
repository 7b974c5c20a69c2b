"""Which rows are shown: those that sharing, routing or training turned over, and answers that could not be read."""

from pathlib import Path
from typing import Any

from mixologist.evaluation.examples import MOST_CHARACTERS, instructive
from mixologist.files import write_json_lines
from mixologist.recipe.load import load
from mixologist.records import Outcome
from mixologist.tasks.task import Task, load_tasks


def task(folder: Path, rows: int) -> Task:
    for split in ("train", "validation", "test"):
        made = [{"text": f"{split} {n} " + "x" * 900, "label": "ab"[n % 2]} for n in range(rows)]
        write_json_lines(folder / f"{split}.jsonl", made)
    return load_tasks(
        load({"tasks": [{"name": "it", "path": str(folder), "format": "classification"}]})
    ).tasks["it"]


def outcomes(found: Task, right: str) -> list[Outcome]:
    """``y`` right, ``n`` wrong, ``-`` not readable, row by row."""
    said: dict[str, Any] = {"n": "c", "-": None}
    return [
        Outcome(example.id, said.get(one, example.reference), example.reference, "raw")
        for one, example in zip(right, found.splits["test"], strict=True)
    ]


def test_each_kind_is_found_where_it_is(tmp_path: Path) -> None:
    it = task(tmp_path, 6)
    answers = {
        "base": "nnnnnn",
        "single_task": "nynyn-",
        "shared": "ynnyn-",
        "oracle": "ynnyn-",
        "routed": "ynnnn-",
    }
    found = instructive(it, "test", {system: outcomes(it, right) for system, right in answers.items()})
    numbers = {example.id: n for n, example in enumerate(it.splits["test"])}
    assert {numbers[one["id"]]: one["kind"] for one in found} == {
        0: "gained", 1: "lost", 3: "misrouted", 5: "unread", 2: "missed", 4: "missed",
    }  # fmt: skip
    first = next(one for one in found if one["kind"] == "gained")
    assert first["text"].startswith("test 0 x")
    assert len(first["text"]) < MOST_CHARACTERS + 10
    assert first["expected"] == "a"
    assert set(first["answers"]) == {"base", "single_task", "shared", "routed"}


def test_a_lone_adapter_shows_what_it_learned(tmp_path: Path) -> None:
    it = task(tmp_path, 3)
    answers = {"base": "nny", "oracle": "yny"}
    found = instructive(it, "test", {system: outcomes(it, right) for system, right in answers.items()})
    assert sorted(one["kind"] for one in found) == ["learned", "missed"]
