from pathlib import Path
from typing import Any

from mixologist.errors import UserError
from mixologist.tasks.discovery import Guess, discover, places
from tests.tasks.conftest import Write


def tickets(start: int = 0, count: int = 120) -> list[dict[str, Any]]:
    return [{"text": f"my parcel {i} is late", "label": "ab"[i % 2]} for i in range(start, start + count)]


def found(folder: Path) -> tuple[list[Guess], dict[Path, UserError]]:
    return discover(places(folder))


def test_a_folder_with_splits_is_one_place_and_loose_files_are_places(tmp_path: Path, write: Write) -> None:
    for name in ("a/train.jsonl", "a/test-00000-of-00001.jsonl", "a/notes.jsonl", "b/deep/x.jsonl", "y.csv"):
        write(name, [])
    for name in ("README.md", ".hidden.jsonl", "LICENSE", "notes.txt", ".git/z.jsonl"):
        write(name, [])
    names = [path.relative_to(tmp_path).as_posix() for path in places(tmp_path)]
    assert names == ["notes.txt", "y.csv", "a", "b/deep/x.jsonl"]


def test_a_folder_that_contains_itself_is_read_once(tmp_path: Path, write: Write) -> None:
    write("tickets.jsonl", [])
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert places(tmp_path) == [tmp_path / "tickets.jsonl"]


def test_names_are_valid_and_each_its_own(tmp_path: Path, write: Write) -> None:
    for number, name in enumerate(("base.jsonl", "a/faq (new).jsonl", "b/FAQ new.jsonl", "??.jsonl")):
        write(f"in/{name}", tickets(1000 * number))
    guesses, left_out = found(tmp_path / "in")
    assert [guess.name for guess in guesses] == ["data", "base-2", "faq-new", "FAQ-new-2"]
    assert not left_out


def test_splits_that_are_named_alike_are_one_task(tmp_path: Path, write: Write) -> None:
    for start, name in enumerate(("reviews_train", "reviews_test", "ab-test")):
        write(f"in/{name}.jsonl", tickets(1000 * start))
    guesses, left_out = found(tmp_path / "in")
    assert [(guess.name, guess.path.name) for guess in guesses] == [
        ("ab-test", "ab-test.jsonl"),
        ("reviews", "reviews"),
    ]
    assert {split: part.origin for split, part in guesses[1].task.splits.items()}["test"] == "test"
    assert not left_out


def test_splits_without_train_rows_are_no_task(tmp_path: Path, write: Write) -> None:
    for name in ("reviews_dev", "reviews_test"):
        write(f"in/{name}.jsonl", tickets())
    guesses, left_out = found(tmp_path / "in")
    assert not guesses
    assert {problem.expected for problem in left_out.values()} == {
        "the train rows beside it, as reviews_train.jsonl"
    }


def test_texts_called_labels_are_no_labels(tmp_path: Path, write: Write) -> None:
    rows = [{"text": f"parcel {i}", "label": f"note {i} of mine", "category": f"n{i}"} for i in range(300)]
    write("in/free.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    write("in/refused.jsonl", [{"sentence": row["text"], "category": row["category"]} for row in rows])
    guesses, left_out = found(tmp_path / "in")
    assert [(guess.name, guess.task.format.name) for guess in guesses] == [("free", "prompt_completion")]
    (problem,) = left_out.values()
    assert "'category' does not look like labels" in problem.what


def test_bad_rows_are_reported_not_read_some_other_way(tmp_path: Path, write: Write) -> None:
    rows = [row | {"country": "CD"[i % 2]} for i, row in enumerate(tickets())]
    write("in/tickets.jsonl", [*rows, {"text": "late", "label": "", "country": "C"}])
    guesses, left_out = found(tmp_path / "in")
    assert not guesses
    (problem,) = left_out.values()
    assert "row 121 of train" in problem.what


def test_labels_of_all_splits_are_found(tmp_path: Path, write: Write) -> None:
    write("in/tickets/train.jsonl", tickets())
    write("in/tickets/test.jsonl", [*tickets(500, 20), {"text": "odd one", "label": "c"}])
    (guess,), _ = found(tmp_path / "in")
    assert (guess.task.labels, guess.untrained) == (("a", "b", "c"), ("c",))
