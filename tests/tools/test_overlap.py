"""Which passages of a text stand in a validation or test row, and what is left without them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.pretrain.ngrams import Index
from tools.pretrain.overlap import report, table

ROW = "the ferry to the northern islands leaves at nine from the second pier every day in June"
SHORT = "please tell me when the last tram leaves"
TOO_SHORT = "when does the last tram leave"
NESTED = "a nested answer of fourteen words stands here so that depth is looked at too"
DOCUMENT = "the lessee shall keep the premises in good repair and return them as they were found"
OTHER = "Bread rises slowly in a cold kitchen and the baker waits without any hurry until it has doubled"


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    data = tmp_path_factory.mktemp("data")
    write(data / "ferry" / "test.jsonl", [{"text": ROW, "label": "sea"}])
    write(data / "ferry" / "train.jsonl", [{"text": OTHER}])
    write(
        data / "tram" / "validation.jsonl",
        [{"text": SHORT, "more": [{"answer": NESTED}]}, {"text": TOO_SHORT}],
    )
    write(data / "tram" / "test.jsonl", [{"tokens": ROW.split()}])
    write(data / "lease" / "test.jsonl", [{"doc_id": 2, "label": "yes"}])
    write(data / "lease" / "documents.jsonl", [{"doc_id": 1, "text": OTHER}, {"doc_id": 2, "text": DOCUMENT}])
    return Index.of(data)


def splits(index: Index, text: str) -> set[tuple[str, str]]:
    return {(hit.data_set, hit.split) for hit in index.hits(text)}


def test_a_passage_is_found_in_every_split_that_has_it_whatever_its_case_and_signs(index: Index) -> None:
    text = "We read: " + ROW.upper().replace(" ", ", ") + "!"
    assert splits(index, text) == {("ferry", "test"), ("tram", "test")}
    assert len(index.hits(text)) == 2 * (len(ROW.split()) - 12)
    assert {hit.start for hit in index.hits(text)} == set(range(2, 2 + len(ROW.split()) - 12))


def test_twelve_words_in_a_row_are_no_overlap(index: Index) -> None:
    twelve = " ".join(ROW.split()[:12])
    assert not index.hits(twelve)
    assert len(index.hits(twelve + " " + ROW.split()[12])) == 2


def test_a_field_of_eight_to_twelve_words_is_looked_for_whole_and_a_shorter_one_not(index: Index) -> None:
    (hit,) = index.hits(f"Then: {SHORT}?")
    assert (hit.data_set, hit.split, hit.start, hit.length) == ("tram", "validation", 1, 8)
    assert not index.hits(" ".join(SHORT.split()[:7]))
    assert not index.hits(TOO_SHORT)


def test_nested_fields_and_documents_named_by_rows_count_and_training_rows_do_not(index: Index) -> None:
    assert splits(index, NESTED) == {("tram", "validation")}
    assert splits(index, DOCUMENT) == {("lease", "test")}
    assert not index.hits(OTHER)


def test_n_grams_never_cross_fields(index: Index) -> None:
    assert not index.hits(" ".join(SHORT.split()[1:]) + " " + " ".join(NESTED.split()[:8]))


@pytest.mark.parametrize("joint", ["\n\n", "\n", " "])
def test_only_the_passage_that_overlaps_is_dropped(index: Index, joint: str) -> None:
    kept, hits = index.clean(joint.join([f"{OTHER}.", f"It says {ROW}.", "The end."]))
    assert (kept, hits) == (joint.join([f"{OTHER}.", "The end."]), len(ROW.split()) - 12)


def test_a_clean_text_stays_as_it_is_and_what_is_nothing_but_a_row_goes(index: Index) -> None:
    assert index.clean(f" {OTHER} \n") == (f" {OTHER} \n", 0)
    assert index.clean(ROW)[0] == ""


def test_what_dropping_puts_together_is_looked_at_again(index: Index) -> None:
    first, second = " ".join(ROW.split()[:9]), " ".join(ROW.split()[9:])
    kept, _ = index.clean("\n\n".join([OTHER, first, SHORT, second]))
    assert kept == OTHER


def test_the_report_counts_before_and_after(index: Index) -> None:
    read = [("made", f"{OTHER}\n{ROW}", OTHER), ("made", SHORT, "")]
    found = report(read, index)
    rows = {(row["data_set"], row["split"], row["short_fields"]): row for row in found["splits"]}
    assert (
        rows["ferry", "test", False] | {"n_grams": 5, "before": 5, "after": 0} == rows["ferry", "test", False]
    )
    assert (rows["tram", "validation", True]["before"], rows["tram", "validation", True]["after"]) == (1, 0)
    assert found["characters"]["made"]["after"] == len(OTHER)
    assert table(found).row_count == 4
