from pathlib import Path

import pytest

from mixologist.errors import UserError
from mixologist.recipe.reading import parse, read, write


def _file(folder: Path, text: str | bytes, name: str = "my.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _problem(path: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        read(path)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[yes, no, on, off]", ["yes", "no", "on", "off"]),
        ("[true, False]", [True, False]),
        ("[1e-3, 2.0e-4, -1.5, .5, 3e4]", [0.001, 0.0002, -1.5, 0.5, 30000.0]),
        ("[0, -7, 010, 1:30, 1_000]", [0, -7, "010", "1:30", "1_000"]),
        ("[~, null, '']", [None, None, ""]),
        ("2024-01-31", "2024-01-31"),
        ("", None),
        ("{<<: {a: 1, b: 2}, a: 3}", {"a": 3, "b": 2}),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    assert parse(text, "text") == value


def test_what_is_written_reads_back_equal_and_quotes_what_yaml_1_1_misreads() -> None:
    value = {"b": ["yes", "1e-3", "010", "true", "", "~", "ä: #"], "a": [1e-5, 3, None, True]}
    assert parse(write(value), "text") == value
    assert "'yes'" in write(value)
    assert list(parse(write(value), "text")) == ["b", "a"]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert read(_file(tmp_path, b"\xef\xbb\xbfseed: 1\n")) == {"seed": 1}


def test_a_key_given_twice_names_both_lines(tmp_path: Path) -> None:
    problem = _problem(_file(tmp_path, "seed: 1\ntraining:\n  batch_size: 8\n  batch_size: 9\n"))
    assert "my.yaml, line 4, column 3: the key 'batch_size' stands twice, first in line 3" in problem.what
    assert problem.given == "'batch_size: 9'"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("seed: 1\ntasks: [a, b\n", "line 3, column 1"),
        ("seed: 1\n\tx: 2\n", "line 2, column 1"),
        ("a: b: c\n", "line 1, column 5"),
        ("1: x\n", "line 1, column 1: a key must be text"),
        ("a: &x [*x]\n", "line 1, column 4: found unconstructable recursive node"),
        ("a: !!python/object:os.system {}\n", "line 1, column 4: could not determine a constructor"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1"),
        ("seed: 1\nx: \x07\n", "line 2, character 12"),
    ],
)
def test_broken_yaml_names_line_and_column(tmp_path: Path, text: str, place: str) -> None:
    assert place in _problem(_file(tmp_path, text)).what


def test_wrong_encoding_names_byte_and_line(tmp_path: Path) -> None:
    problem = _problem(_file(tmp_path, "seed: 1\nname: café\n".encode("latin-1")))
    assert "not UTF-8 text: byte 17, in line 2" in problem.what
    assert problem.given == "0xe9"


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_is_named_so(tmp_path: Path, text: str) -> None:
    problem = _problem(_file(tmp_path, text))
    assert "is empty" in problem.what
    assert "mixologist init" in problem.do


@pytest.mark.parametrize("text", ["- a\n- b\n", "hello\n", "3\n"])
def test_anything_but_a_mapping_is_no_recipe(tmp_path: Path, text: str) -> None:
    assert "is not a recipe" in _problem(_file(tmp_path, text)).what


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    _file(tmp_path, "seed: 1\n", "finance.yaml")
    _file(tmp_path, "seed: 1\n", "unlike.yml")
    problem = _problem(tmp_path / "finanse.yaml")
    assert "there is no file" in problem.what
    assert problem.do == "did you mean 'finance.yaml'?"


def test_a_missing_file_or_folder_without_neighbours(tmp_path: Path) -> None:
    assert "holds no .yaml file" in _problem(tmp_path / "finance.yaml").do
    assert "there is no folder" in _problem(tmp_path / "none" / "finance.yaml").what


def test_a_folder_is_no_recipe_but_may_hold_one(tmp_path: Path) -> None:
    _file(tmp_path, "seed: 1\n", "recipe.yaml")
    problem = _problem(tmp_path)
    assert "is a folder" in problem.what
    assert "recipe.yaml" in problem.do


def test_a_path_through_a_file_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read" in _problem(_file(tmp_path, "seed: 1\n") / "x.yaml").what
    assert "cannot be read" in _problem(tmp_path / ("x" * 300 + ".yaml")).what


def test_brackets_that_are_never_closed_are_told_so() -> None:
    with pytest.raises(UserError, match=r"deep\.yaml is nested too deeply"):
        parse("[" * 5000, "deep.yaml")
