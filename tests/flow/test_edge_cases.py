"""A whole tiny run with rows out of scope, slices and challenges: seen in training and not, shown, told."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
from sklearn.metrics import roc_auc_score

import mixologist
from mixologist.adding import add_task, read_task
from mixologist.cli.main import main
from mixologist.demo.build import rows
from mixologist.files import write_json_lines
from mixologist.recipe.load import load
from mixologist.runfolder import RunFolder
from tests.conftest import tiny_recipe

SIZES = {"train": 24, "validation": 8, "test": 12}
SHOPS = ("web", "city")
CHALLENGES = ["negation", "numbers", "typos", "reworded"]
EDGES = {
    "out_of_scope": {"column": "label", "values": ["oos"]},
    "slices": [{"by": "label"}, {"by": "length", "edges": [60]}, {"by": "shop"}],
    "challenges": CHALLENGES,
}


def write_data(folder: Path) -> None:
    """Queue as it is made for the demo, with a shop, a figure in every second text, and rows that no queue is for."""
    for split, count in SIZES.items():
        made = [
            row
            | {
                "text": f"{row['text']} Order {number + 11}." if number % 2 else row["text"],
                "shop": SHOPS[number % 2],
            }
            for number, row in enumerate(rows("queue", split, count, seed=0))
        ]
        foreign = [
            {"text": f"{split}: a poem about {number} seas", "label": "oos", "shop": "web"}
            for number in range(7)
        ]
        write_json_lines(folder / "queue" / f"{split}.jsonl", [*made, *foreign])
        write_json_lines(folder / "sentiment" / f"{split}.jsonl", rows("sentiment", split, count, seed=0))


def recipe(base: Path, folder: Path, name: str, seen: bool = True) -> dict[str, Any]:
    found = tiny_recipe(base, folder / "data")
    found["tasks"][0] |= EDGES
    found["router"] |= {"out_of_scope": seen}
    return found | {"output_dir": str(folder / name)}


@pytest.fixture(scope="module")
def runs(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``seen`` and ``unseen``: the router trained with out-of-scope rows, and without."""
    place = tmp_path_factory.mktemp("edges")
    write_data(place / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
        for name in ("seen", "unseen"):
            mixologist.train(recipe(tiny_base, place, name, seen=name == "seen"))
    return place


def evaluation(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    return found


def test_the_auroc_is_that_of_the_routers_base_score(runs: Path) -> None:
    outside = evaluation(runs / "seen")["router"]["out_of_scope"]
    assert set(outside) == {"queue"}
    found = outside["queue"]
    assert (found["n"], found["n_own"], found["enough"], found["seen_in_training"]) == (7, 12, False, True)
    assert 0 <= found["low"] <= found["auroc"] <= found["high"] <= 1
    model = mixologist.load(runs / "seen")
    written = [json.loads(line) for line in (runs / "data/queue/test.jsonl").read_text().splitlines()]
    routes = [model.route(row["text"]) for row in written]
    foreign = [row["label"] == "oos" for row in written]
    raw = found["kinds"]["raw"]
    assert raw["auroc"] == pytest.approx(roc_auc_score(foreign, [route.base_score for route in routes]))
    to_base = [route.abstained for route, out in zip(routes, foreign, strict=True) if out]
    assert raw["to_base"] == pytest.approx(sum(to_base) / 7)


def test_they_can_be_kept_from_the_router(runs: Path) -> None:
    unseen = evaluation(runs / "unseen")["router"]["out_of_scope"]["queue"]
    assert unseen["seen_in_training"] is False
    seen, without = (
        json.loads((runs / name / "router" / "router.json").read_text()) for name in ("seen", "unseen")
    )
    assert seen["calibration"] != without["calibration"]
    assert load(runs / "unseen" / "recipe.yaml").router.out_of_scope is False


def test_they_are_in_no_system_and_their_label_in_no_prompt(runs: Path) -> None:
    task = evaluation(runs / "seen")["tasks"]["queue"]
    assert task["n"] == 12
    kept = (runs / "seen" / "predictions" / "test" / "queue" / "base.jsonl").read_text()
    assert len(kept.splitlines()) == 1 + 12
    assert '"oos"' not in kept


def test_slices_part_the_rows_and_add_up(runs: Path) -> None:
    found = evaluation(runs / "seen")
    task = found["tasks"]["queue"]
    for by in ("label", "length", "shop"):
        parts = [part for part in task["slices"] if part["by"] == by]
        assert len(parts) > 1
        assert sum(part["n"] for part in parts) == 12
        for part in parts:
            assert set(part["systems"]) == set(task["systems"])
            assert part["enough"] is (part["n"] >= found["least_n"]) is False
    assert "slices" not in found["tasks"]["sentiment"]


def test_challenges_are_answered_by_three_systems_and_compared_with_the_rows_as_they_stand(
    runs: Path,
) -> None:
    found = {part["challenge"]: part for part in evaluation(runs / "seen")["tasks"]["queue"]["challenges"]}
    assert list(found) == CHALLENGES
    assert found["negation"]["metric"] == "same_answer"
    assert {name: found[name]["n"] for name in ("typos", "reworded", "numbers")} == {
        "typos": 12, "reworded": 12, "numbers": 6,
    }  # fmt: skip
    for name, part in found.items():
        assert set(part["systems"]) == {"base", "oracle", "routed"}
        for system in part["systems"].values():
            assert ("change" in system) is (name != "negation")
            assert 0 <= system["low"] <= system["value"] <= system["high"] <= 1
    base = found["typos"]["systems"]["base"]
    plain = evaluation(runs / "seen")["tasks"]["queue"]["systems"]["base"]
    assert base["change"]["value"] == pytest.approx(base["value"] - plain["value"])


def test_same_answer_is_the_share_that_stayed(runs: Path) -> None:
    task = evaluation(runs / "seen")["tasks"]["queue"]

    def kept(split: str, adapter: str) -> dict[str, Any]:
        path = runs / "seen" / "predictions" / split / "queue" / f"{adapter}.jsonl"
        return {row["id"]: row["prediction"] for row in map(json.loads, path.read_text().splitlines()[1:])}

    for system, adapter in (("base", "base"), ("oracle", task["served_by"])):
        plain, altered = kept("test", adapter), kept("test-negation", adapter)
        same = [plain[id] == answer for id, answer in altered.items()]
        assert task["challenges"][0]["n"] == len(altered)
        assert task["challenges"][0]["systems"][system]["value"] == pytest.approx(sum(same) / len(same))


def test_evaluating_again_answers_nothing_anew(runs: Path) -> None:
    stored = {p: p.stat().st_mtime_ns for p in (runs / "seen" / "predictions").rglob("*.jsonl")}
    assert any("test-typos" in str(path) for path in stored)
    assert mixologist.evaluate(runs / "seen") == evaluation(runs / "seen")
    assert {p: p.stat().st_mtime_ns for p in (runs / "seen" / "predictions").rglob("*.jsonl")} == stored


def test_tables_and_pages_show_them(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["mixologist", "evaluate", str(runs / "seen"), "--markdown", str(page)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    shown, written = capsys.readouterr().out, page.read_text()
    for text in ("AUROC", "same_answer", "fewer than 30 rows", "more slices"):
        assert text in shown
    for text in ("## Out of scope", "## Challenge sets", "## Slices", "| queue | shop city |"):
        assert text in written


def test_an_added_task_has_them_too(runs: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(runs / "unseen", tmp_path / "run"))
    written = json.dumps(EDGES | {"name": "reviews", "path": str(runs / "reviews"), "challenges": ["typos"]})
    for split, count in SIZES.items():
        made = [row | {"shop": "web"} for row in rows("sentiment", split, count + 2, seed=1)]
        made[0] |= {"text": f"{split}: a poem", "label": "oos"}
        write_json_lines(runs / "reviews" / f"{split}.jsonl", made)
    (tmp_path / "new.yaml").write_text(written)
    add_task(RunFolder(run), read_task(tmp_path / "new.yaml"))
    found = evaluation(run)
    assert found["router"]["out_of_scope"]["reviews"]["n"] == 1
    assert {part["by"] for part in found["tasks"]["reviews"]["slices"]} == {"label", "length", "shop"}
    assert [part["challenge"] for part in found["tasks"]["reviews"]["challenges"]] == ["typos"]


def test_the_plan_counts_them(runs: Path, tiny_base: Path) -> None:
    described = mixologist.plan(recipe(tiny_base, runs, "planned"))
    assert described["tasks"]["queue"]["out_of_scope"] == {"train": 7, "validation": 7, "test": 7}
    assert described["tasks"]["queue"]["train_rows"] == 24
    assert "out_of_scope" not in described["tasks"]["sentiment"]
