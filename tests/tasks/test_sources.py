import os
from pathlib import Path

import datasets
import pytest

from mixologist.errors import MixologistError, UserError, UserErrors
from mixologist.tasks.sources import digests, open_source
from tests.tasks.conftest import Write


def test_a_folder_has_a_file_for_each_split(tmp_path: Path, write: Write) -> None:
    for name in (
        "train.jsonl",
        "dev.jsonl",
        "test-00000-of-00002.jsonl",
        "test-00001-of-00002.jsonl",
        "notes.jsonl",
    ):
        write(f"data/{name}", [{"text": name}])
    source = open_source(str(tmp_path / "data"))
    assert {split: rows["text"][:] for split, rows in source.items()} == {
        "train": ["train.jsonl"],
        "validation": ["dev.jsonl"],
        "test": ["test-00000-of-00002.jsonl", "test-00001-of-00002.jsonl"],
    }


def test_one_file_alone_is_train(tmp_path: Path, write: Write) -> None:
    write("data/tickets.jsonl", [{"text": "a"}])
    (tmp_path / "data" / "SOURCE.md").write_text("notes")
    assert list(open_source(str(tmp_path / "data"))) == ["train"]
    assert list(open_source(str(tmp_path / "data" / "tickets.jsonl"))) == ["train"]


def test_rows_stay_on_disk(write: Write) -> None:
    rows = open_source(str(write("a.jsonl", [{"text": "a"}])))["train"]
    assert rows.cache_files


def test_splits_may_differ_in_columns_and_types(tmp_path: Path, write: Write) -> None:
    write("data/train.jsonl", [{"answer": 1.5, "note": "x"}, {"answer": "yes"}])
    write("data/test.jsonl", [{"answer": 2}])
    source = open_source(str(tmp_path / "data"))
    assert list(source["train"]) == [{"answer": 1.5, "note": "x"}, {"answer": "yes", "note": None}]
    assert list(source["test"]) == [{"answer": 2}]


def test_texts_that_look_like_dates_stay_as_written(write: Write) -> None:
    row = {"text": "2024-01-31", "turns": [{"value": "2024-01-31T00:00:00"}], "more": {"day": "2024-02-01"}}
    assert open_source(str(write("a.jsonl", [row])))["train"][0] == row


def test_csv_cells_are_text_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('\ufefftext,label\nNA,01\n"two\nlines, ""quoted""",1.0\n,2\n'.encode())
    assert list(open_source(str(path))["train"]) == [
        {"text": "NA", "label": "01"},
        {"text": 'two\nlines, "quoted"', "label": "1.0"},
        {"text": "", "label": "2"},
    ]


def test_tsv_json_array_and_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("text\tlabel\na, b\tx\n")
    (tmp_path / "b.json").write_text('[\n {"text": "a, b", "label": "x"}\n]')
    datasets.Dataset.from_dict({"text": ["a, b"], "label": ["x"]}).to_parquet(tmp_path / "c.parquet")
    for name in ("a.tsv", "b.json", "c.parquet"):
        assert list(open_source(str(tmp_path / name))["train"]) == [{"text": "a, b", "label": "x"}]


def test_class_numbers_get_their_names(tmp_path: Path) -> None:
    label = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features(text=datasets.Value("string"), label=label, tags=datasets.List(label))
    rows = {"text": ["a", "b", "c"], "label": [1, 0, None], "tags": [[0, 1], [], [1]]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "a.parquet")
    found = open_source(str(tmp_path / "a.parquet"))["train"]
    assert found["label"][:] == ["good", "bad", None]
    assert found["tags"][:] == [["bad", "good"], [], ["good"]]


@pytest.mark.parametrize(
    ("name", "content", "what", "given"),
    [
        ("a.jsonl", b'{"a": 1}\n\n{"a": 2\n', "a.jsonl, line 3, column 8: broken JSON", '{"a": 2'),
        ("a.jsonl", b'{"a": 1}\n[1, 2]\n', "a.jsonl, line 2: not a JSON object", "[1, 2]"),
        ("a.jsonl", b'null\n{"a": 1}\n', "a.jsonl, line 1: not a JSON object", "null"),
        (
            "a.jsonl",
            b'{"a": 1}\n{"a": "\xe9"}\n',
            "a.jsonl, line 2: not UTF-8",
            "byte 0xe9 at byte 8 of the line",
        ),
        ("a.jsonl", b"", "a.jsonl is empty", "no rows"),
        ("a.jsonl", b"\n \n", "a.jsonl is empty", "no rows"),
        ("a.jsonl", b'{"a": "\\ud83d"}\n', "a.jsonl could not be read", "surrogate"),
        ("a.json", b'[{"a": 1},\n {"a": }]', "a.json, line 2, column 8: broken JSON", '{"a": }]'),
        ("a.json", b'[{"a": 1}, 2]', "a.json, item 2 of the array: not a JSON object", "2"),
        ("a.json", b"[]", "a.json is empty", "no rows"),
        ("a.csv", b"text,label\nx,a\nx,a,b\n", "a.csv, line 3: 3 cells under 2 columns", "3 cells"),
        ("a.csv", b"text,label\nx,a,b\ny,a,b\n", "a.csv, line 2: 3 cells under 2 columns", "3 cells"),
        ("a.csv", b'text,label\n"a\nb",x\nc\n', "a.csv, line 4: 1 cells under 2 columns", "1 cells"),
        ("a.csv", b'text,label\n"a,x\nb,y\n', "a.csv, line 2: 1 cells under 2 columns", "1 cells"),
        ("a.csv", b"text,text\na,b\n", "a.csv, line 1: not a header", "text,text"),
        ("a.csv", b"text,label\n", "a.csv is empty", "no rows"),
        ("a.csv", "text,label\né,x\n".encode("latin1"), "a.csv, line 2: not UTF-8", "byte 0xe9"),
        ("a.csv", b'text,label\n"' + b"a" * 140_000 + b'",x\n', "a.csv, line 2: broken CSV", "field larger"),
        ("a.parquet", b"nonsense", "a.parquet could not be read", "Parquet"),
        ("a.xlsx", b"nonsense", "a.xlsx: unknown kind of file", ".xlsx"),
        ("a", b"nonsense", "a: unknown kind of file", "no ending"),
    ],
)
def test_a_bad_file_is_named_with_its_place(
    tmp_path: Path, name: str, content: bytes, what: str, given: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        open_source(str(tmp_path / name))
    assert what in error.value.what
    assert given in error.value.given
    assert error.value.expected
    assert error.value.do
    assert capfd.readouterr() == ("", "")


def test_all_bad_files_of_a_folder_are_named_together(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text("[")
    with pytest.raises(UserErrors) as error:
        open_source(str(tmp_path))
    assert len(error.value.problems) == 2


def test_a_missing_path_names_the_nearest(tmp_path: Path, write: Write) -> None:
    write("tickets.jsonl", [{"text": "a"}])
    for path in (tmp_path / "ticket.jsonl", tmp_path / "ticket.jsonl" / "train"):
        with pytest.raises(UserError, match="no file or folder") as error:
            open_source(str(path))
        assert "did you mean 'tickets.jsonl'?" in error.value.do


@pytest.mark.parametrize(
    ("files", "what"), [(["test.csv"], None), (["a.csv", "b.csv"], "no train file"), ([], "no data")]
)
def test_a_folder_without_train_is_an_error(tmp_path: Path, files: list[str], what: str | None) -> None:
    for name in files:
        (tmp_path / name).write_text("a\nb\n")
    with pytest.raises(UserError, match=what or "no train file"):
        open_source(str(tmp_path))


def test_one_split_in_two_kinds_of_files_is_an_error(tmp_path: Path, write: Write) -> None:
    write("train.jsonl", [{"text": "a"}])
    (tmp_path / "train.csv").write_text("text\na\n")
    with pytest.raises(UserError, match="files of several kinds"):
        open_source(str(tmp_path))


def test_the_hub_offline_is_one_clear_error() -> None:
    with pytest.raises(UserError, match="no data at 'nobody/nothing'") as error:
        open_source("nobody/nothing")
    assert "neither a file or folder here" in error.value.given
    assert "be online" in error.value.do


def test_settings_of_datasets_are_left_alone(write: Write) -> None:
    datasets.logging.set_verbosity(datasets.logging.INFO)
    datasets.enable_progress_bars()
    try:
        open_source(str(write("a.jsonl", [{"text": "a"}])))
        assert datasets.logging.get_verbosity() == datasets.logging.INFO
        assert not datasets.are_progress_bars_disabled()
    finally:
        datasets.logging.set_verbosity(datasets.logging.WARNING)


def test_trouble_with_the_machine_is_not_the_users(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", write("full", []))
    with pytest.raises(MixologistError, match="could not be read") as error:
        open_source(str(write("a.jsonl", [{"text": "a"}])))
    assert not isinstance(error.value, UserError)


def test_digests_follow_the_contents(tmp_path: Path, write: Write) -> None:
    write("train.jsonl", [{"text": "a"}])
    write("test.jsonl", [{"text": "b"}])
    first = digests(str(tmp_path), open_source(str(tmp_path)))
    write("test.jsonl", [{"text": "c"}])
    second = digests(str(tmp_path), open_source(str(tmp_path)))
    assert first["train"] == second["train"]
    assert first["test"] != second["test"]


def test_files_of_a_split_each_may_be_named_alike(tmp_path: Path, write: Write) -> None:
    for name in ("faq_train", "faq-dev", "faqs_test", "train"):
        write(f"{name}.jsonl", [{"text": name}] * 2)
    found = open_source(str(tmp_path / "faq"))
    assert {split: rows[0]["text"] for split, rows in found.items()} == {
        "train": "faq_train", "validation": "faq-dev",
    }  # fmt: skip


def test_a_file_is_read_anew_when_only_its_content_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for text in ("old", "new"):
        path.write_text(f'{{"text": "{text}"}}\n')
        os.utime(path, (1_600_000_000, 1_600_000_000))  # as copies and archives keep it
        assert open_source(str(path))["train"]["text"][:] == [text]


@pytest.mark.parametrize(
    ("lines", "columns", "rows"),
    [
        (["late parcel,a", "lost card,b", "no reply,a"], ["column_1", "column_2"], 3),
        (["text,label", "label me,a", "text me,a"], ["text", "label"], 2),
        (["text,label", "late parcel,a", "text,label"], ["text", "label"], 2),
        (["message,spam", "win a prize,spam", "see you,ham"], ["message", "spam"], 2),
        (["see you,ham", "win a prize,spam", "at noon,ham"], ["column_1", "column_2"], 3),
        (["a,a", "late parcel,a"], ["column_1", "column_2"], 2),
    ],
)
def test_a_first_line_whose_cells_stand_again_is_no_header(
    tmp_path: Path, lines: list[str], columns: list[str], rows: int
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    train = open_source(str(path))["train"]
    assert (train.column_names, len(train)) == (columns, rows)
