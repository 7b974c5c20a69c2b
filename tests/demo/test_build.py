import hashlib
import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from mixologist.demo.build import DATA_SETS, SPLITS, belongs, build, rows
from mixologist.demo.catalogue import TASKS
from mixologist.errors import UserError
from mixologist.recipe.schema import Recipe, TaskSpec

ANSWERS = {"label", "entities", "answer", "completion", "output"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("demo"), seed=1).parent


def digests(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.jsonl"))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def asked(line: str) -> str:
    row = json.loads(line)
    return " ".join(str(row[field]).casefold().strip() for field in row if field not in ANSWERS)


def specs(recipe: Recipe) -> list[TaskSpec]:
    assert recipe.general
    assert recipe.math
    return [*recipe.tasks, recipe.general, recipe.math]


def test_the_recipe_is_valid_and_its_files_are_there(folder: Path) -> None:
    recipe = Recipe.model_validate(yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8")))
    assert [task.name for task in recipe.tasks] == list(TASKS)
    for spec in specs(recipe):
        sizes = DATA_SETS[Path(str(spec.path)).name].sizes(1.0)
        for split, n in sizes.items():
            assert len((Path(str(spec.path)) / f"{split}.jsonl").read_text().splitlines()) == n


def test_wordings_are_many_and_the_held_out_ones_are_new(folder: Path) -> None:
    recipe = Recipe.model_validate(yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8")))
    wordings = [w for t in recipe.tasks for w in (t.instruction, *t.rewordings, *t.held_out_rewordings)]
    assert len(wordings) == len(set(wordings))
    for task in recipe.tasks:
        assert task.instruction
        assert len(task.rewordings) >= 3
        assert len(task.held_out_rewordings) >= 2


def test_no_text_stands_twice_anywhere(folder: Path) -> None:
    texts = [asked(line) for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
    assert len(texts) > 3000
    assert len(texts) == len(set(texts))


def test_no_general_input_stands_in_two_splits() -> None:
    inputs = [{row["input"] for row in rows("general", split, 300, 0)} for split in SPLITS]
    assert all(not a & b for a, b in combinations(inputs, 2))


def test_the_same_seed_writes_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    build(tmp_path / "here", seed=3, scale=0.2)
    code = "import sys, pathlib, mixologist.demo.build as b; b.build(pathlib.Path(sys.argv[1]), 3, 0.2)"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True, env=environment)
    assert digests(tmp_path / "here") == digests(tmp_path / "there")


def test_another_seed_writes_other_rows(tmp_path: Path) -> None:
    build(tmp_path / "a", seed=0, scale=0.1)
    build(tmp_path / "b", seed=1, scale=0.1)
    a, b = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert a.keys() == b.keys()
    assert not set(a.values()) & set(b.values())


@pytest.mark.parametrize("task", list(DATA_SETS))
def test_fewer_rows_are_the_beginning_of_more(task: str) -> None:
    assert list(rows(task, "test", 40, 0))[:10] == list(rows(task, "test", 10, 0))


def test_train_rows_of_one_seed_hold_no_test_text_of_another() -> None:
    train = {row["text"] for row in rows("urgency", "train", 2000, 5)}
    assert not train & {row["text"] for row in rows("urgency", "test", 2000, 6)}


def test_twins_share_no_text_whatever_the_seed() -> None:
    ours, rivals = rows("sentiment", "train", 200, 5), rows("rival_reviews", "train", 200, 6)
    assert not any(belongs(row, "train", DATA_SETS["rival_reviews"].twin) for row in ours)
    assert not any(belongs(row, "train", DATA_SETS["sentiment"].twin) for row in rivals)


def test_an_unknown_task_names_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown demo task") as caught:
        list(rows("sentimnt", "train", 1, 0))
    assert "'sentiment'" in caught.value.do


def test_an_unknown_split_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="unknown split") as caught:
        list(rows("queue", "dev", 1, 0))
    assert "validation" in caught.value.expected


def test_more_rows_than_there_are_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixologist.demo.build.MOST_MISSES", 3)
    with pytest.raises(UserError, match="different validation rows"):
        list(rows("general", "validation", 10**6, 0))
