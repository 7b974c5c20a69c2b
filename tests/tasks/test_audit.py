from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.audit import Audit, audit
from mixologist.tasks.formats import bind
from mixologist.tasks.sources import open_source
from mixologist.tasks.splits import Split, make_splits
from tests.tasks.conftest import Write

Row = dict[str, Any]


def numbered(prefix: str, n: int = 6) -> list[Row]:
    return [{"text": f"{prefix} {i}", "label": "ab"[i % 2]} for i in range(n)]


class Bench:
    """Tasks with their own splits; extra rows are put at the end of a split."""

    def __init__(self, tmp_path: Path, write: Write) -> None:
        self.folder, self.write = tmp_path, write
        self.tasks: dict[str, dict[str, Split]] = {}

    def add(self, name: str, **extra: list[str]) -> None:
        for split in ("train", "validation", "test"):
            rows = [
                *numbered(f"{name} {split}"),
                *({"text": text, "label": "a"} for text in extra.get(split, [])),
            ]
            self.write(f"{name}/{split}.jsonl", rows)
        self.load(name)

    def load(self, name: str) -> None:
        source = open_source(str(self.folder / name))
        self.tasks[name] = make_splits(name, source, bind(source, task=name), caps={}, seed=0)[0]

    def run(self, allow_leakage: bool = False) -> tuple[Audit, dict[str, dict[str, Split]], list[UserError]]:
        return audit(self.tasks, left_out={}, allow_leakage=allow_leakage)


@pytest.fixture
def bench(tmp_path: Path, write: Write) -> Bench:
    return Bench(tmp_path, write)


def test_clean_tasks_stay_as_they_are(bench: Bench) -> None:
    bench.add("one")
    bench.add("two")
    found, kept, problems = bench.run()
    assert problems == []
    assert found.warnings() == []
    rows = {"train": 6, "validation": 6, "test": 6}
    counts = {
        "rows": rows,
        "duplicates": 0,
        "leaked": 0,
        "near": 0,
        "removed": {},
        "left_out": 0,
        "straddling": 0,
        "shared": 0,
    }
    assert found.as_json() == {"one": counts, "two": counts}
    assert [e.id for e in kept["one"]["train"]] == [f"train/{i}" for i in range(6)]


def test_a_row_in_train_and_in_its_own_test_is_listed(bench: Bench) -> None:
    bench.add("one", train=["same", "also same"], test=["also same", "same"], validation=["same"])
    _, _, problems = bench.run()
    assert [problem.what for problem in problems] == [
        "task 'one': 1 train rows also stand in its validation",
        "task 'one': 2 train rows also stand in its test",
        "task 'one': 1 validation rows also stand in its test",
    ]
    assert problems[1].given == "train/6 = test/7, train/7 = test/6"
    assert "--allow-leakage" in problems[1].do


def test_a_long_list_is_cut(bench: Bench) -> None:
    many = [f"same {i}" for i in range(14)]
    bench.add("one", train=many, test=many)
    (problem,) = bench.run()[2]
    assert problem.given.count("=") == 10
    assert problem.given.endswith(", and 4 more")


def test_allowed_leakage_is_kept_and_counted(bench: Bench) -> None:
    bench.add("one", train=["same"], test=["same"])
    found, kept, problems = bench.run(allow_leakage=True)
    assert problems == []
    assert (found.tasks["one"].leaked, len(kept["one"]["train"])) == (1, 7)
    assert found.warnings() == ["one: 1 train rows also stand in its own validation or test (allowed)"]


@pytest.mark.parametrize("allow", [False, True])
def test_a_row_that_differs_in_case_and_spaces_alone_is_removed(bench: Bench, allow: bool) -> None:
    bench.add("one", train=["Loan  AGREEMENT"], test=["Loan Agreement"])
    found, kept, problems = bench.run(allow)
    assert problems == []
    assert (found.tasks["one"].near, found.tasks["one"].rows["train"], len(kept["one"]["train"])) == (1, 6, 6)


def test_rows_of_another_tasks_test_are_removed(bench: Bench) -> None:
    bench.add("one", train=["shared", "SHARED too", "its own"])
    bench.add("two", test=["shared"], validation=["shared too"])
    bench.add("three", test=["shared"])
    found, kept, problems = bench.run()
    assert problems == []
    assert found.tasks["one"].removed == {"two": 2}
    assert found.tasks["one"].rows["train"] == len(kept["one"]["train"]) == 7
    assert kept["one"]["train"][-1].text == "its own"
    assert found.tasks["two"].removed == {}
    assert found.warnings() == ["one: 2 train rows removed: they are validation or test rows of two"]


def test_the_same_train_rows_in_two_tasks_are_nobodys_business(bench: Bench) -> None:
    bench.add("one", train=["shared"])
    bench.add("two", train=["shared"])
    found, _, problems = bench.run()
    assert (found.warnings(), problems) == ([], [])


def test_duplicates_are_counted(bench: Bench) -> None:
    bench.add("one", train=["again", "Again", "again"])
    assert bench.run()[0].tasks["one"].duplicates == 2


def test_a_short_follow_up_question_is_no_leak(bench: Bench, write: Write) -> None:
    for number, split in enumerate(("train", "validation", "test")):
        pages = [f"page {split} {i}" for i in range(3)]
        rows = [
            {"pre_text": page, "questions": ["first?", "and then?"], "answers": [number, 2]} for page in pages
        ]
        write(f"talk/{split}.jsonl", rows)
    bench.load("talk")
    found, _, problems = bench.run()
    assert problems == []
    assert found.tasks["talk"].duplicates == 0
    write(
        "talk/test.jsonl",
        [{"pre_text": "page train 0", "questions": ["first?", "and then?"], "answers": [0, 2]}] * 3,
    )
    bench.load("talk")
    assert [problem.what for problem in bench.run()[2]] == [
        "task 'talk': 2 train rows also stand in its test"
    ]


def test_unreadable_rows_are_problems_of_their_task(bench: Bench) -> None:
    with pytest.raises(UserError, match=r"task 'one', row 7 of test \(id test/6\): wrong 'text'"):
        bench.add("one", test=[""])


def patients(n: int, says: str) -> list[Row]:
    """Three rows of each patient, one of which says what other patients' do, too."""
    return [
        {"text": text, "label": label, "patient": f"p{i}"}
        for i in range(n)
        for text, label in ((f"{says} {i}", "a"), (f"{says} {i} again", "b"), (f"thanks {i % 7}", "thanks"))
    ]


def by_patient(path: Path) -> dict[str, Split]:
    source = open_source(str(path))
    return make_splits("t", source, bind(source, task="t", cluster="patient"), caps={}, seed=0)[0]


def test_splits_carved_by_cluster_share_neither_clusters_nor_texts(tmp_path: Path, write: Write) -> None:
    splits = by_patient(write("notes.jsonl", patients(200, "note")))
    found, kept, problems = audit({"t": splits}, left_out={}, allow_leakage=False)
    assert problems == []
    counted = found.tasks["t"]
    assert (counted.leaked, counted.near, counted.removed, counted.straddling) == (0, 0, {}, 0)
    assert counted.rows == {split: len(rows) for split, rows in kept["t"].items()}
    assert counted.shared == 600 - sum(counted.rows.values())
    assert (
        f"t: {counted.shared} rows left out: clusters in another split have the same text" in found.warnings()
    )
    for read in (attrgetter("cluster"), attrgetter("text")):
        sides = [set(map(read, kept["t"][split])) for split in ("train", "validation", "test")]
        assert sum(map(len, sides)) == len(set.union(*sides))


def test_what_all_clusters_say_stays_where_most_rows_are(write: Write) -> None:
    """Train has as many of such texts as it would have without clusters, and so every label."""
    thanks = [{"text": f"thanks {n % 40}", "label": "thanks", "patient": f"p{n % 300}"} for n in range(900)]
    splits = by_patient(write("thanks.jsonl", [*patients(300, "note"), *thanks]))
    told = {split: {e.text for e in found if e.text.startswith("thanks")} for split, found in splits.items()}
    assert len(told["train"]) >= 25
    assert sum(map(len, told.values())) == 40
    assert sum(e.reference == "thanks" for e in splits["train"]) > 500


def test_given_splits_still_stop_for_leaks_where_others_are_carved(tmp_path: Path, write: Write) -> None:
    rows = patients(60, "note")
    write("half/train.jsonl", rows)
    write("half/test.jsonl", [{"text": "note 3", "label": "a", "patient": "q1"}, *patients(5, "test")])
    _, _, problems = audit({"t": by_patient(tmp_path / "half")}, left_out={}, allow_leakage=False)
    assert any("also stand in its test" in problem.what for problem in problems)


def test_clusters_on_both_sides_of_given_splits_are_counted(tmp_path: Path, write: Write) -> None:
    for split, first in (("train", 0), ("validation", 20), ("test", 8)):
        rows = [
            {"text": f"{split} {i}", "label": "ab"[i % 2], "patient": i // 2}
            for i in range(first, first + 10)
        ]
        rows += [{"text": f"{split} none", "label": "a", "patient": None}]  # and so i // 2 is a float
        write(f"given/{split}.jsonl", rows)
    found, kept, problems = audit({"t": by_patient(tmp_path / "given")}, left_out={}, allow_leakage=True)
    assert problems == []
    assert found.tasks["t"].straddling == 2
    assert found.warnings() == ["t: 2 train rows are of a cluster that its own validation or test has, too"]
    assert len(kept["t"]["train"]) == 11
