"""Answers that were kept: of whoever made them, and none where the file is damaged."""

from pathlib import Path

import pytest

from mixologist.evaluation.predictions import Predictions
from mixologist.records import Outcome


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-20], lambda text: "[1]\n" + text, lambda text: "\x00"]
)
def test_a_damaged_file_is_answered_again(damage: object, tmp_path: Path) -> None:
    kept, made_by = Predictions(tmp_path), {"adapter": "abc"}
    kept.write("test", "t", "shared", made_by, {"test/0": Outcome("test/0", "a", "b", "a")})
    assert kept.read("test", "t", "shared", made_by)["test/0"].prediction == "a"
    file = tmp_path / "test" / "t" / "shared.jsonl"
    assert callable(damage)
    file.write_text(damage(file.read_text()))
    assert kept.read("test", "t", "shared", made_by) == {}
    assert kept.kept("test", "t", "shared") == []


def test_the_cluster_is_kept_where_there_is_one(tmp_path: Path) -> None:
    kept = Predictions(tmp_path)
    rows = {"test/0": Outcome("test/0", "a", "b", "a"), "test/1": Outcome("test/1", "a", "b", "a", "p1")}
    kept.write("test", "t", "shared", {}, rows)
    assert kept.read("test", "t", "shared", {}) == rows
    assert (tmp_path / "test" / "t" / "shared.jsonl").read_text().count("cluster") == 1
