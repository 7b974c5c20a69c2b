import re

from mixologist.demo.build import rows
from mixologist.demo.documents import MENTIONS


def test_entities_stand_in_the_text_in_their_order() -> None:
    for row in rows("entities", "train", 300, 0):
        places = [row["text"].index(text) for _, text in row["entities"]]
        assert places == sorted(places)


def test_every_kind_occurs_and_so_does_none_at_all() -> None:
    found = [row["entities"] for row in rows("entities", "train", 300, 0)]
    assert {kind for entities in found for kind, _ in entities} == set(MENTIONS)
    assert 0.02 < sum(not entities for entities in found) / len(found) < 0.2


def test_invoice_answers_follow_from_the_table() -> None:
    sums = 0
    for row in rows("invoices", "train", 300, 0):
        lines = [line.split(" | ") for line in row["context"].splitlines()[1:]]
        asked = [line for line in lines if re.search(rf"\b{line[0]}\b", row["question"])]
        column = 2 if re.search("price|cost|much", row["question"]) else 1
        assert row["answer"] == sum(int(line[column]) for line in asked)
        sums += len(asked) > 1
    assert sums > 20
