import json
from pathlib import Path
from typing import Any

import pytest

from mixologist.auditing.fixing import write_fixed
from mixologist.auditing.kinds import KINDS
from mixologist.auditing.report import audit
from mixologist.errors import UserError
from mixologist.recipe.load import load
from tests.auditing.conftest import Bench, labelled, lines, text
from tests.auditing.test_report import CLOSE, SENTENCE, row


def spoil(bench: Bench) -> None:
    """Nearly everything at once, over two tasks."""
    train = [row(text(200)), row(" "), row("cafÃ© crÃ¨me"), row(SENTENCE), row(text(1200)), row(text(3), "b")]
    bench.task("one", train=train, validation=[row(text(201))], test=[row(CLOSE)])
    rows = lines(labelled(1000, 40)).encode() + b'{"text": "caf\xe9 noir\\u0000", "label": "a"}\r\n'
    bench.write("two/train.jsonl", rows)
    for number, split in enumerate(("validation", "test")):
        bench.write(f"two/{split}.jsonl", lines(labelled(1100 + 100 * number, 4)))


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for name in ("one", "two") for path in (folder / name).iterdir()}


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_copies_audit_clean_and_originals_stay(bench: Bench) -> None:
    spoil(bench)
    before = contents(bench.folder)
    clean = bench.fixed("one", "two")
    assert contents(bench.folder) == before
    with audit(load(clean / "recipe.yaml")) as report:
        assert report.problem is None
        left = {kind for looked in report.tasks.values() for kind in looked.findings}
    assert [kind for kind in left if KINDS[kind].fix] == []


def test_changes_say_where_what_and_why(bench: Bench) -> None:
    spoil(bench)
    clean = bench.fixed("one", "two")
    changes = read(clean / "changes.jsonl")
    assert [(c["task"], c["split"], c["row"], c["what"]) for c in changes] == [
        *(("one", "train", number, "removed") for number in (31, 32)),
        ("one", "train", 33, "mended"),
        *(("one", "train", number, "removed") for number in (34, 35, 36)),
        ("one", "validation", 5, "removed"),
        ("two", "train", 41, "mended"),
    ]
    assert changes[0]["file"] == str(bench.folder / "one")
    assert changes[0]["why"].endswith(": test row 1")
    assert changes[4]["why"].endswith(": test row 1 of two")
    assert read(clean / "two" / "train.jsonl")[-1] == {"text": "café noir", "label": "a"}


def test_nothing_is_overwritten_and_no_half_folder_stays(bench: Bench) -> None:
    bench.task("one")
    bench.write("clean/mine.txt", "mine")
    with pytest.raises(UserError, match="already there"):
        bench.fixed("one")
    assert (bench.folder / "clean" / "mine.txt").read_text() == "mine"
    with audit(load(bench.recipe("one"))) as report:
        report.tasks["one"].tables["test"] = None  # fails when the other splits are written
        with pytest.raises(TypeError):
            write_fixed(report, bench.folder / "other")
    assert not list(bench.folder.glob("*other*"))


def test_a_conversation_goes_whole(bench: Bench) -> None:
    def talk(page: str, last: int) -> dict[str, object]:
        return {"pre_text": page, "questions": ["first?", "and then?"], "answers": [1, last]}

    pages = {"train": ["page a", "page b", "page c", "page d"], "test": ["page d", "page e", "page f"]}
    pages["validation"] = ["page g", "page h", "page i"]
    for split, names in pages.items():
        bench.write(f"talk/{split}.jsonl", lines(talk(name, 2) for name in names))
    repeated = [talk("page a", 2), talk("page b", 9)]
    bench.write("talk/train.jsonl", lines([*(talk(name, 2) for name in pages["train"]), *repeated]))
    path = bench.folder / "recipe.yaml"
    task = {"name": "talk", "path": "talk", "format": "conversation_qa"}
    path.write_text(json.dumps({"tasks": [task]}))
    with audit(load(path)) as report:
        write_fixed(report, bench.folder / "clean")
    kept = read(bench.folder / "clean" / "talk" / "train.jsonl")
    assert [(row["pre_text"], row["answers"][1]) for row in kept] == [
        ("page a", 2), ("page b", 2), ("page c", 2), ("page b", 9),
    ]  # fmt: skip


def test_a_side_file_is_copied_once_and_still_joined(bench: Bench) -> None:
    for number, split in enumerate(("train", "validation", "test")):
        rows = [one | {"doc": n % 2} for n, one in enumerate(labelled(100 * number, 8))]
        bench.write(f"one/{split}.jsonl", lines([*rows, {"text": " ", "label": "a", "doc": 0}]))
    bench.write("one/papers.json", json.dumps([{"doc": n, "body": f"cafÃ© {n}"} for n in range(2)]))
    path = bench.recipe("one")
    document = json.loads(path.read_text())
    document["tasks"][0] |= {
        "columns": {"context": "papers.body"},
        "join": {"file": "papers.json", "on": "doc"},
    }
    path.write_text(json.dumps(document))
    with audit(load(path)) as report:
        write_fixed(report, bench.folder / "clean")
    clean = bench.folder / "clean" / "one"
    assert {file.name for file in clean.iterdir()} == {
        "papers.jsonl", "train.jsonl", "validation.jsonl", "test.jsonl",
    }  # fmt: skip
    assert [paper["body"] for paper in read(clean / "papers.jsonl")] == ["café 0", "café 1"]
    assert {frozenset(row) for row in read(clean / "train.jsonl")} == {frozenset({"text", "label", "doc"})}
    with audit(load(clean.parent / "recipe.yaml")) as again:
        assert again.tasks["one"].splits["train"][1].context == "café 1"
        assert set(again.tasks["one"].findings) <= {"rare_label"}


def test_rows_out_of_scope_are_neither_faults_nor_lost(bench: Bench) -> None:
    foreign = {
        split: [row(f"a poem for {split}", "spam"), row(" ")] for split in ("train", "validation", "test")
    }
    bench.task("one", **foreign)
    path = bench.recipe("one")
    document = json.loads(path.read_text())
    document["tasks"][0]["out_of_scope"] = {"column": "label", "values": ["spam"]}
    path.write_text(json.dumps(document))
    with audit(load(path)) as report:
        looked = report.tasks["one"]
        assert {kind: found.count for kind, found in looked.findings.ordered()} == {"unreadable": 3}
        assert {split: len(rows) for split, rows in looked.splits.items()} == {
            "train": 30,
            "validation": 4,
            "test": 4,
        }
        assert (looked.labels, looked.format.labels) == ({"a": 15, "b": 15}, ("a", "b"))
        write_fixed(report, bench.folder / "clean")
    copied = read(bench.folder / "clean" / "one" / "train.jsonl")
    assert copied[-1] == row("a poem for train", "spam")
    assert len(copied) == 31
