from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats.extraction import Extraction

TAGGED = Extraction({"tokens": "tokens", "tags": "tags"}, "entity_f1", ("LOC", "ORG"), "Find {labels}.")
LISTED = Extraction({"text": "text", "entities": "entities"}, "entity_f1", (), "Find.")


def pairs(tokens: str, tags: str) -> Any:
    return TAGGED.example({"tokens": tokens.split(), "tags": tags.split()}, 0, task="t", id="train/0")


def test_io_tags_become_typed_spans_in_order() -> None:
    example = pairs("Acme Bank of Springfield paid Acme Bank", "I-ORG I-ORG O I-LOC O I-ORG I-ORG")
    assert example.completion == "ORG: Acme Bank; LOC: Springfield"
    assert example.reference == [["ORG", "Acme Bank"], ["LOC", "Springfield"]]
    assert example.messages[0]["content"] == "Find LOC, ORG.\n\nAcme Bank of Springfield paid Acme Bank"


def test_bio_keeps_neighbours_apart_and_bare_tags_are_types() -> None:
    assert pairs("Ann Bob", "B-PER B-PER").reference == [["PER", "Ann"], ["PER", "Bob"]]
    assert pairs("Ann Lee Acme", "PER PER ORG").reference == [["PER", "Ann Lee"], ["ORG", "Acme"]]


def test_listed_entities_come_in_order_of_occurrence() -> None:
    row = {"text": "Bob met Ann", "entities": [["PER", "Ann"], ["AGE", "elsewhere"], ["PER", "Bob"]]}
    example = LISTED.example(row, 0, task="t", id="train/0")
    assert example.completion == "PER: Bob; PER: Ann; AGE: elsewhere"


def test_no_entities_is_none_and_back() -> None:
    assert LISTED.example({"text": "Hi", "entities": []}, 0, task="t", id="train/0").completion == "none"
    assert [LISTED.parse(text) for text in ("none", "None.", " none ")] == [[], [], []]


def test_what_cannot_be_read_back_is_not_written() -> None:
    row = {"text": "Smith; Sons", "entities": [["ORG", "Smith;\n Sons"]]}
    example = LISTED.example(row, 0, task="t", id="train/0")
    assert LISTED.parse(example.completion) == example.reference == [["ORG", "Smith, Sons"]]


@pytest.mark.parametrize(
    "text", ["", "Acme Bank", "ORG:", ": Acme", "ORG: Acme; Springfield", "ORG: a;; LOC: b"]
)
def test_an_unreadable_answer_is_a_format_failure(text: str) -> None:
    assert TAGGED.parse(text) is None


def test_parse_reads_times_and_a_last_semicolon() -> None:
    assert TAGGED.parse(" TIME: 10:30; ORG: Acme Inc.; ") == [["TIME", "10:30"], ["ORG", "Acme Inc."]]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "tags"),
        ({"tokens": [], "tags": []}, "tokens"),
        ({"tokens": "a b", "tags": ["O", "O"]}, "tokens"),
        ({"tokens": ["a"], "tags": None}, "tags"),
    ],
)
def test_bad_tags_name_the_row(row: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=rf"row 3 of test .*wrong '{what}'"):
        TAGGED.example(row, 0, task="t", id="test/2")


@pytest.mark.parametrize("entities", [["PER"], [["PER", "Ann", 3]], "PER: Ann", [["", "Ann"]]])
def test_bad_entities_name_the_row(entities: Any) -> None:
    with pytest.raises(UserError, match="wrong 'entities'"):
        LISTED.example({"text": "Ann", "entities": entities}, 0, task="t", id="test/2")


def test_types_are_the_labels() -> None:
    tags = {"tags": [["O", "B-PER"], None, ["I-PER", "ORG"]]}
    assert Extraction.find_labels(tags, {"tags": "tags"}) == ("ORG", "PER")
    listed = {"entities": [[["B", "x"], ["A", "y"]], None]}
    assert Extraction.find_labels(listed, {"entities": "entities"}) == ("A", "B")
