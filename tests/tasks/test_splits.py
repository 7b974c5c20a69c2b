from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixologist.errors import UserError, UserErrors
from mixologist.tasks.formats import bind
from mixologist.tasks.sources import open_source
from mixologist.tasks.splits import Split, make_splits
from tests.tasks.conftest import Write

Row = dict[str, Any]


def tickets(n: int, prefix: str = "ticket") -> list[Row]:
    return [{"text": f"{prefix} {i}", "label": "ab"[i % 2]} for i in range(n)]


def made(path: Path, *, seed: int = 0, task: str = "t", **caps: int) -> dict[str, Split]:
    source = open_source(str(path))
    return make_splits(task, source, bind(source, task=task), caps=caps, seed=seed)[0]


def texts(split: Split) -> set[str]:
    return {example.text for example in split}


def test_own_splits_are_kept(tmp_path: Path, write: Write) -> None:
    for split, n in (("train", 5), ("validation", 4), ("test", 3)):
        write(f"{split}.jsonl", tickets(n, split))
    splits = made(tmp_path)
    assert {split: len(examples) for split, examples in splits.items()} == {
        "train": 5,
        "validation": 4,
        "test": 3,
    }
    assert splits["test"][-1].id == "test/2"


def test_missing_splits_are_carved_from_train(write: Write) -> None:
    splits = made(write("a.jsonl", tickets(1000)))
    assert [len(splits[split]) for split in ("train", "validation", "test")] == pytest.approx(
        [800, 100, 100], abs=40
    )
    assert not texts(splits["train"]) & (texts(splits["validation"]) | texts(splits["test"]))
    assert len(set.union(*map(texts, splits.values()))) == 1000
    assert all(example.id.startswith("train/") for example in splits["test"])


def test_a_missing_test_alone_is_carved(tmp_path: Path, write: Write) -> None:
    write("train.jsonl", tickets(200))
    write("validation.jsonl", tickets(10, "other"))
    splits = made(tmp_path)
    assert texts(splits["validation"]) == {f"other {i}" for i in range(10)}
    assert 5 < len(splits["test"]) < 40
    assert len(splits["train"]) + len(splits["test"]) == 200


def test_a_rows_split_depends_on_its_text_alone(tmp_path: Path, write: Write) -> None:
    before = made(write("a.jsonl", tickets(300)))
    after = made(write("b.jsonl", [*tickets(50, "new"), *reversed(tickets(300))]), seed=1, task="other")
    for split in before:
        assert texts(before[split]) <= texts(after[split])


def test_texts_that_differ_in_case_and_spaces_alone_stay_together(write: Write) -> None:
    splits = made(write("a.jsonl", [*tickets(100), *tickets(100, " TICKET ")]))
    homes = {text: split for split, examples in splits.items() for text in texts(examples)}
    assert all(homes[f"ticket {i}"] == homes[f"TICKET  {i}"] for i in range(100))


def test_caps_are_drawn_by_seed_and_never_the_first_rows(tmp_path: Path, write: Write) -> None:
    for split in ("train", "validation", "test"):
        write(f"{split}.jsonl", tickets(200, split))
    first, again, other = (made(tmp_path, seed=seed, train=20, test=10) for seed in (0, 0, 1))
    assert (len(first["train"]), len(first["validation"]), len(first["test"])) == (20, 200, 10)
    assert [e.id for e in first["train"]] == [e.id for e in again["train"]]
    assert [e.id for e in first["train"]] != [e.id for e in other["train"]]
    assert {e.id for e in first["train"]} != {f"train/{i}" for i in range(20)}


def test_rows_at_the_end_leave_most_of_the_draw(write: Write) -> None:
    before = made(write("a.jsonl", tickets(300)), train=20)
    after = made(write("b.jsonl", [*tickets(300), *tickets(10, "new")]), train=20)
    assert len(texts(before["train"]) & texts(after["train"])) >= 16


def test_a_smaller_cap_is_part_of_a_larger_one(write: Write) -> None:
    path = write("a.jsonl", tickets(300))
    assert texts(made(path, train=10)["train"]) < texts(made(path, train=30)["train"])


def test_rows_without_answer_are_left_out_and_counted(tmp_path: Path, write: Write) -> None:
    rows = [{"question": f"q{i}", "answer": None if i % 4 == 0 else i} for i in range(40)]
    for split in ("train", "validation", "test"):
        write(f"{split}.jsonl", rows)
    source = open_source(str(tmp_path))
    splits, left_out = make_splits("t", source, bind(source, task="t"), caps={}, seed=0)
    assert ({len(examples) for examples in splits.values()}, left_out) == ({30}, 30)


def test_turns_are_examples_and_caps_count_conversations(tmp_path: Path, write: Write) -> None:
    rows = [{"questions": ["a?", "b?"], "answers": [i, 2]} for i in range(30)]
    for split in ("train", "validation", "test"):
        write(f"{split}.jsonl", rows)
    splits = made(tmp_path, train=5)
    assert len(splits["train"]) == 10
    assert [e.id.partition(".")[2] for e in splits["train"][:4]] == ["0", "1", "0", "1"]


def test_a_split_is_a_sequence_that_rewords(tmp_path: Path, write: Write) -> None:
    for split in ("train", "validation", "test"):
        write(f"{split}.jsonl", tickets(10))
    train = made(tmp_path)["train"]
    assert [e.id for e in train[2:4]] == ["train/2", "train/3"]
    assert train.reworded(1, "{labels}?").messages[0]["content"] == "a, b?\n\nticket 1"
    assert train.survey.parts.tolist() == [[i, 0] for i in range(10)]
    assert len(train.only(np.arange(3))) == 3


def test_too_few_rows_name_the_split(tmp_path: Path, write: Write) -> None:
    write("train.jsonl", tickets(10))
    write("validation.jsonl", tickets(2))
    write("test.jsonl", tickets(1))
    with pytest.raises(UserErrors) as error:
        made(tmp_path)
    assert [problem.what for problem in error.value.problems] == [
        "task 't': validation has 2 examples",
        "task 't': test has 1 examples",
    ]
    with pytest.raises(UserErrors, match="carved from train"):
        made(write("b.jsonl", tickets(4)))


def test_bad_rows_are_listed_together_but_not_all_of_them(write: Write) -> None:
    rows = [*tickets(100), *({"text": "", "label": "a"} for _ in range(2))]
    with pytest.raises(UserErrors) as two:
        made(write("a.jsonl", rows))
    assert [problem.what[:27] for problem in two.value.problems] == [
        "task 't', row 101 of train ",
        "task 't', row 102 of train ",
    ]
    with pytest.raises(UserErrors) as many:
        made(write("b.jsonl", [{"text": "", "label": x} for x in "ab" * 20]))
    assert len(many.value.problems) == 5


def test_one_bad_row_is_one_error(write: Write) -> None:
    with pytest.raises(UserError, match="row 51 of train") as error:
        made(write("a.jsonl", [*tickets(50), {"text": None, "label": "a"}]))
    assert not isinstance(error.value, UserErrors)


def test_clusters_stay_whole_and_keep_their_split(write: Write) -> None:
    rows = [{"text": f"ticket {i}", "label": "ab"[i % 2], "who": f"Person {i // 5}"} for i in range(2000)]

    def carved(path: Path) -> dict[str, Split]:
        source = open_source(str(path))
        return make_splits("t", source, bind(source, task="t", cluster="who"), caps={}, seed=0)[0]

    splits = carved(write("a.jsonl", rows))
    people = {split: {example.cluster for example in found} for split, found in splits.items()}
    assert sum(map(len, people.values())) == 400
    assert [len(people[split]) for split in ("train", "validation", "test")] == pytest.approx(
        [320, 40, 40], abs=20
    )
    more = carved(write("b.jsonl", [*rows, {"text": "new", "label": "a", "who": "person 3"}]))
    home = next(split for split in people if "person 3" in people[split])
    assert "new" in texts(more[home])  # case and spaces aside


def test_rows_without_a_cluster_are_by_themselves(write: Write) -> None:
    rows = [row | {"who": ["", None][i % 2]} for i, row in enumerate(tickets(1000))]
    source = open_source(str(write("a.jsonl", rows)))
    splits, _ = make_splits("t", source, bind(source, task="t", cluster="who"), caps={}, seed=0)
    assert {example.cluster for example in splits["train"]} == {""}
    assert len(splits["test"]) == pytest.approx(100, abs=40)


def test_numbers_name_clusters_as_they_are_read(write: Write) -> None:
    cells: list[Any] = [3, 3.0, "3", " 3 ", True, "true"]
    for number, cell in enumerate(cells):
        row = {"text": f"text {number}", "label": "ab"[number % 2], "who": cell}
        source = open_source(str(write(f"{number}.jsonl", [row, row | {"text": "other", "label": "c"}])))
        example = bind(source, task="t", cluster="who").of_row(row, 0, task="t", id="train/0")
        assert example.cluster == ("3" if number < 4 else "true")


def test_a_list_is_no_cluster(write: Write) -> None:
    rows = [row | {"who": [[], ["a", "b"]][i % 2]} for i, row in enumerate(tickets(20))]
    source = open_source(str(write("a.jsonl", rows)))
    with pytest.raises(UserErrors) as error:
        make_splits("t", source, bind(source, task="t", cluster="who"), caps={}, seed=0)
    assert "wrong 'who'" in str(error.value)


def test_one_cluster_for_all_is_told(write: Write) -> None:
    source = open_source(str(write("a.jsonl", [row | {"who": "all"} for row in tickets(50)])))
    with pytest.raises((UserError, UserErrors), match="carved from train by cluster \\('who'\\)"):
        make_splits("t", source, bind(source, task="t", cluster="who"), caps={}, seed=0)


def test_an_unknown_cluster_column_is_named(write: Write) -> None:
    source = open_source(str(write("a.jsonl", tickets(10))))
    with pytest.raises(UserError, match="whom"):
        bind(source, task="t", cluster="whom")
