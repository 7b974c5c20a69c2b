"""Rows about one thing, from the data's column to the verdict."""

import json
from pathlib import Path

import mixologist
from mixologist.demo.build import rows
from mixologist.files import write_json_lines
from tests.conftest import SIZES, tiny_recipe


def test_every_system_is_judged_by_clusters(tiny_base: Path, tmp_path: Path) -> None:
    for split, count in SIZES.items():
        about = [
            row | {"ticket": f"{split} {n // 2}"} for n, row in enumerate(rows("queue", split, count, seed=0))
        ]
        write_json_lines(tmp_path / "queue" / f"{split}.jsonl", about)
    recipe = tiny_recipe(tiny_base, tmp_path)
    recipe["tasks"] = [recipe["tasks"][0] | {"cluster": "ticket"}]
    mixologist.train(recipe | {"output_dir": str(tmp_path / "run")})
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text())["tasks"]["queue"]
    assert (found["n"], found["clusters"]) == (8, 4)
    assert {(one["n"], one["clusters"]) for one in found["paired"].values()} == {(8, 4)}
    kept = (tmp_path / "run" / "predictions" / "test" / "queue").glob("*.jsonl")
    answers = [json.loads(line) for file in kept for line in file.read_text().splitlines()[1:]]
    assert {answer["cluster"] for answer in answers} == {f"test {n}" for n in range(4)}
