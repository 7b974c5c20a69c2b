"""One pass over rows: the same examples and hashes however the rows are read."""

from typing import Any

import numpy as np
import pytest

from mixologist.errors import UserErrors
from mixologist.tasks import survey as module
from mixologist.tasks.formats import bind
from mixologist.tasks.keys import asked, folded, hash_text
from mixologist.tasks.sources import open_source
from mixologist.tasks.survey import Survey, survey
from tests.tasks.conftest import Write

ROWS = [{"text": f"Ticket  {n}", "label": "ab"[n % 2]} for n in range(25)]


def surveyed(path: Any, order: list[int], **options: Any) -> Survey:
    source = open_source(str(path))
    format = bind(source, task="t")
    return survey(
        source["train"], np.array(order, dtype=np.int64), format, task="t", origin="train", **options
    )


def test_every_example_is_found_with_its_hashes(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 7)
    path, told = write("a.jsonl", ROWS), list[int]()
    found = surveyed(path, list(range(25)), advance=told.append)
    assert found.parts.tolist() == [[n, 0] for n in range(25)]
    assert found.exact.tolist() == [hash_text(f"Ticket  {n}") for n in range(25)]
    assert found.near.tolist() == [hash_text(f"ticket {n}") for n in range(25)]
    assert np.allclose(found.position, found.near / 2**64)
    assert told == [7, 7, 7, 4]


def test_the_order_of_reading_does_not_matter(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 4)
    path = write("a.jsonl", ROWS)
    mixed = np.random.default_rng(0).permutation(25).tolist()
    for name in ("parts", "exact", "near", "position"):
        assert (getattr(surveyed(path, mixed), name) == getattr(surveyed(path, list(range(25))), name)).all()


def test_no_more_rows_are_read_than_wanted(write: Write) -> None:
    rows = [*ROWS[:3], {"text": "no label", "label": ""}, *ROWS[3:]]
    broken = [*rows, {"text": "", "label": "a"}]
    assert surveyed(write("a.jsonl", broken), [24, 5, 1, 25], most=3).parts[:, 0].tolist() == [1, 5, 24]


def test_bad_rows_are_reported_together_up_to_five(write: Write) -> None:
    path = write("a.jsonl", [*ROWS, *({"text": "", "label": "a"} for _ in range(9))])
    with pytest.raises(UserErrors) as caught:
        surveyed(path, list(range(34)))
    assert len(caught.value.problems) == 5


def test_turns_of_a_conversation_stay_with_their_row(write: Write) -> None:
    turns = [
        {"role": r, "content": c}
        for r, c in (("user", "Hi"), ("assistant", "Yes?"), ("user", "Bye"), ("assistant", "Bye."))
    ]
    path = write("a.jsonl", [{"messages": turns}] * 3)
    source = open_source(str(path))
    format = bind(source, task="t")
    found = survey(source["train"], np.arange(3), format, task="t", origin="train")
    example = format.example(source["train"][0], 0, task="t", id="train/0")
    assert found.near[0] == hash_text(folded(asked(example)))
    assert len(found.parts) == 3 * format.parts(source["train"][0])
    assert len(set(found.position.tolist())) == 1


def test_the_lowest_ranks_are_kept_whole() -> None:
    parts = np.array([[0, 0], [0, 1], [2, 0], [3, 0]], dtype=np.int32)
    zeros = np.zeros(4, dtype=np.uint64)
    found = Survey(parts, zeros, zeros, np.zeros(4), zeros, 0)
    kept = found.lowest(np.array([0.2, 0.0, 0.9, 0.1]), 2)
    assert kept.parts.tolist() == [[0, 0], [0, 1], [3, 0]]
    assert found.lowest(np.array([0.2, 0.0, 0.9, 0.1]), None) is found
