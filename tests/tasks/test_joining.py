from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixologist.errors import UserError
from mixologist.recipe.schema import Join
from mixologist.tasks.joining import Joined
from mixologist.tasks.sources import digests, open_source
from tests.tasks.conftest import Write

JOIN = Join(file="documents.jsonl", on="doc")
DOCUMENTS = [{"doc": 7, "text": "seven", "label": "x"}, {"doc": 3, "text": "three", "label": "y"}]
ROWS = [{"doc": 3, "label": "a"}, {"doc": 7, "label": "b"}, {"doc": 3, "label": "c"}]


def opened(write: Write, rows: list[dict[str, Any]] = ROWS, documents: Any = DOCUMENTS) -> Any:
    write("data/documents.jsonl", documents)
    return open_source(str(write("data/train.jsonl", rows).parent), JOIN)["train"]


def test_rows_have_the_columns_of_their_document(write: Write) -> None:
    rows = opened(write)
    assert rows.column_names == ["doc", "label", "documents.text", "documents.label"]
    assert rows[0] == {"doc": 3, "label": "a", "documents.text": "three", "documents.label": "y"}
    assert list(rows)[1] == {"doc": 7, "label": "b", "documents.text": "seven", "documents.label": "x"}


@pytest.mark.parametrize("key", [slice(0, 3), [2, 1], np.array([2, 1])])
def test_several_rows_are_columns_as_datasets_gives_them(write: Write, key: Any) -> None:
    rows = opened(write)
    numbers = np.arange(3)[key]
    found = rows[key]
    assert found["label"] == [ROWS[number]["label"] for number in numbers]
    assert found["documents.text"] == [{3: "three", 7: "seven"}[ROWS[n]["doc"]] for n in numbers]


def test_a_column_is_its_values(write: Write) -> None:
    rows = opened(write)
    assert list(rows["documents.text"]) == ["three", "seven", "three"]
    assert list(rows["label"]) == ["a", "b", "c"]


def test_documents_stay_on_disk_and_are_stored_once(write: Write) -> None:
    rows = opened(write)
    assert isinstance(rows, Joined)
    assert rows.side.cache_files
    assert len(rows.side) == 2


def test_numbers_and_their_text_are_the_same_key(write: Write) -> None:
    assert opened(write, rows=[{"doc": "3", "label": "a"}])[0]["documents.text"] == "three"


@pytest.mark.parametrize(
    ("rows", "documents", "what"),
    [
        ([*ROWS, {"doc": 9, "label": "d"}], DOCUMENTS, "1 rows of train have no row in"),
        ([{"dok": 3, "label": "a"}], DOCUMENTS, "train has no column 'doc' to join on"),
        (ROWS, [{"dok": 3, "text": "x"}], "documents.jsonl has no column 'doc' to join on"),
        (ROWS, [*DOCUMENTS, DOCUMENTS[0]], "'doc' is not unique"),
    ],
)
def test_what_does_not_fit_is_named(write: Write, rows: Any, documents: Any, what: str) -> None:
    with pytest.raises(UserError, match=what):
        opened(write, rows, documents)


def test_a_missing_side_file_names_the_nearest(write: Write) -> None:
    write("data/docs.jsonl", DOCUMENTS)
    folder = write("data/train.jsonl", ROWS).parent
    with pytest.raises(UserError, match="no file") as error:
        open_source(str(folder), Join(file="doc.jsonl", on="doc"))
    assert error.value.do == "did you mean 'docs.jsonl'?"


def test_the_side_file_counts_in_the_digests(write: Write, tmp_path: Path) -> None:
    rows = opened(write)
    before = digests(str(tmp_path / "data"), {"train": rows}, JOIN)
    write("data/documents.jsonl", [{**DOCUMENTS[0], "text": "other"}, DOCUMENTS[1]])
    after = digests(str(tmp_path / "data"), {"train": rows}, JOIN)
    assert before["train"] == after["train"]
    assert before["documents.jsonl"] != after["documents.jsonl"]
