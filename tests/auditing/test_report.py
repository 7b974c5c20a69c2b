"""Every kind of finding planted in small data, and found with its place."""

import json

import pytest

from mixologist.auditing.kinds import KINDS
from mixologist.auditing.report import audit
from mixologist.errors import UserError
from mixologist.recipe.load import load
from tests.auditing.conftest import Bench, labelled, lines, text

SENTENCE = "The delivery arrived two weeks after the promised date and nobody at the desk could say why."
CLOSE = SENTENCE.replace("nobody", "no one")


def row(text: str, label: str = "a") -> dict[str, str]:
    return {"text": text, "label": label}


PLANTED = {
    "mojibake": {"train": [row("le cafÃ© est fermÃ© ce soir")]},
    "control_characters": {"train": [row("a bell\x07 rings")]},
    "carriage_returns": {"train": [row("first\r\nsecond")]},
    "lost_characters": {"train": [row("caf\ufffd au lait")]},
    "unreadable": {"train": [row("  ")]},
    "leak": {"train": [row(text(200))]},
    "near_leak": {"train": [row(text(200).upper(), "b")]},
    "overlap": {"validation": [row(text(201))]},
    "duplicate": {"train": [row(text(3).title(), "b")]},
    "near_duplicate": {"train": [row(SENTENCE), row(CLOSE)]},
    "repeated": {"test": [row(text(201), "b")]},
    "conflict": {"train": [row(text(3), "a")]},
    "shortened": {"train": [row("long " * 300)]},
    "too_long": {"train": [row(f"sentence {n}", "c" * 900) for n in range(2)]},
    "rare_label": {"train": [row("only once", "seldom")]},
    "alike_labels": {"train": [{"text": text(50 + n), "label": "A"} for n in range(10)]},
}


def test_sound_data_has_no_findings(bench: Bench) -> None:
    bench.task("one")
    assert bench.counts() == {}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_is_found(bench: Bench, kind: str) -> None:
    bench.task("one", **PLANTED[kind])
    found = bench.counts()
    assert found[kind] == (2 if kind == "too_long" else 1)
    assert found.keys() <= {kind, "rare_label"} | (
        {"shortened"} if kind == "too_long" else set()
    )  # a long list of labels


def test_places_and_problems(bench: Bench) -> None:
    bench.task("one", train=[row(text(200)), row(" ")])
    with audit(load(bench.recipe("one"))) as report:
        findings = report.tasks["one"].findings
        assert findings["leak"].places == ["train row 31 = test row 1"]
        assert findings["unreadable"].places == ["train row 32: wrong 'text', given ' '"]
        assert report.problem is not None
        assert "1 train rows that also stand in its own validation or test" in report.problem.given
        found = json.loads(json.dumps(report.as_json()))["tasks"]["one"]
    assert found["rows"] == {"train": 31, "validation": 4, "test": 4}
    assert found["labels"] == {"a": 16, "b": 15}
    assert 0 < found["tokens"]["prompt"]["median"] <= found["tokens"]["prompt"]["max"] <= 128
    assert found["findings"]["leak"]["stops"] is True


def test_nearly_a_test_row_with_the_same_answer_is_a_leak_and_with_another_is_not(bench: Bench) -> None:
    bench.task("one", train=[row(SENTENCE)], test=[row(CLOSE), row(text(300))])
    assert bench.counts() == {"near_leak": 1}
    bench.task("two", train=[row(SENTENCE, "b")], test=[row(CLOSE)])
    assert bench.counts("two") == {}


def test_another_tasks_test_rows_are_found(bench: Bench) -> None:
    bench.task("one", train=[row(text(1200)), row(SENTENCE)])
    bench.task("two", 1000, validation=[row(CLOSE, "b")])
    findings = bench.findings("one", "two")
    assert {kind: found.places for kind, found in findings["one"].ordered()} == {
        "other_leak": ["train row 31 = test row 1 of two"],
        "near_other_leak": ["train row 32 = validation row 5 of two"],
    }
    assert findings["two"] == {}


def test_bytes_of_files(bench: Bench) -> None:
    bench.task("one")
    rows = lines(labelled(0, 30)).encode()
    bench.write("one/train.jsonl", b"\xef\xbb\xbf" + rows + b'{"text": "caf\xe9 noir", "label": "a"}\r\n')
    findings = bench.findings("one")["one"]
    assert {kind: found.places for kind, found in findings.ordered()} == {
        "not_utf8": ["train.jsonl, line 31"],
        "byte_order_mark": ["train.jsonl"],
        "mixed_newlines": ["train.jsonl"],
    }
    assert (bench.folder / "one" / "train.jsonl").read_bytes().startswith(b"\xef\xbb\xbf")


def test_utf_16_is_read(bench: Bench) -> None:
    bench.write("one.csv", "text,label\r\n".encode("utf-16"))
    table = "text,label\n" + "".join(f"{one['text']},{one['label']}\n" for one in labelled(0, 60))
    bench.write("one.csv", table.encode("utf-16"))
    assert bench.counts("one.csv")["not_utf8"] == 1


def test_a_row_without_an_answer(bench: Bench) -> None:
    rows = [{"question": f"What is {n} and {n}?", "answer": 2 * n} for n in range(60)]
    bench.write("sums.jsonl", lines([*rows, {"question": "And what is this?", "answer": None}]))
    path = bench.folder / "recipe.yaml"
    path.write_text(json.dumps({"tasks": [{"name": "sums", "path": "sums.jsonl", "format": "numeric_qa"}]}))
    with audit(load(path)) as report:
        assert report.tasks["sums"].findings["unanswered"].places == ["train row 61"]


def test_a_long_document_that_loses_the_evidence_of_an_answer(bench: Bench) -> None:
    long = " ".join(f"Paragraph {n} speaks of {text(n)}." for n in range(80))
    rows = [
        {"claim": text(n), "document": text(n), "label": "ab"[n % 2], "proof": [text(n)]} for n in range(60)
    ]
    lost = {
        "claim": "zebras sing",
        "document": f"{long} They do not.",
        "label": "a",
        "proof": ["They do not."],
    }
    bench.write("claims.jsonl", lines([*rows, lost, lost | {"claim": "whales sing", "proof": []}]))
    path = bench.folder / "recipe.yaml"
    columns = {"text": "claim", "context": "document", "evidence": "proof"}
    task = {"name": "claims", "path": "claims.jsonl", "format": "classification", "columns": columns}
    path.write_text(json.dumps({"tasks": [task], "training": {"max_length": 128}}))
    with audit(load(path)) as report:
        findings = report.tasks["claims"].findings
    assert [findings[kind].places for kind in ("shortened", "lost")] == [
        ["train row 61 (max_length 128)", "train row 62 (max_length 128)"], ["train row 61 (max_length 128)"],
    ]  # fmt: skip


def test_what_cannot_be_opened_is_reported_for_all_tasks(bench: Bench) -> None:
    bench.write("one/train.jsonl", '{"text": \n')
    bench.write("two/train.jsonl", "")
    with pytest.raises(UserError) as error, audit(load(bench.recipe("one", "two"))):
        pass
    assert len(error.value.problems) == 2  # type: ignore[attr-defined]


def test_every_kind_is_planted_somewhere() -> None:
    elsewhere = {
        "not_utf8",
        "byte_order_mark",
        "mixed_newlines",
        "unanswered",
        "other_leak",
        "near_other_leak",
        "lost",
        "shared",
        "straddling",
        "big_cluster",
    }
    assert set(PLANTED) | elsewhere == set(KINDS)


def clusters(bench: Bench) -> dict[str, list[str]]:
    """Kind -> places, where column ``who`` names the clusters."""
    with audit(load(bench.recipe("one"), ["tasks.one.cluster=who"])) as report:
        return {kind: found.places for kind, found in report.tasks["one"].findings.items()}


def test_clusters_on_both_sides_are_found(bench: Bench) -> None:
    for number, split in enumerate(("train", "validation", "test")):
        rows = [one | {"who": f"{split} {n}"} for n, one in enumerate(labelled(100 * number, 20))]
        rows[7] |= {"who": "Ann"} if split != "validation" else {}
        bench.write(f"one/{split}.jsonl", lines(rows))
    assert clusters(bench) == {"straddling": ["train row 8"]}


def test_a_cluster_that_may_stand_for_none_is_found(bench: Bench) -> None:
    for number, split in enumerate(("train", "validation", "test")):
        rows = [one | {"who": f"{split} {n}"} for n, one in enumerate(labelled(100 * number, 40))]
        nameless = {"train": 10, "validation": 9, "test": 0}[split]
        rows[:nameless] = [row | {"who": f"n/a in {split}"} for row in rows[:nameless]]
        bench.write(f"one/{split}.jsonl", lines(rows))
    assert clusters(bench) == {"big_cluster": [f"train row {n}" for n in range(1, 6)]}


def test_texts_of_several_clusters_stop_nothing_where_splits_are_carved(bench: Bench) -> None:
    rows = [one | {"who": f"p{n}"} for n, one in enumerate(labelled(0, 80))]
    rows += [{"text": "thanks a lot", "label": "a", "who": f"p{n}"} for n in range(80)]
    bench.write("one.jsonl", lines(rows))
    (bench.folder / "one.yaml").write_text(f"tasks: [{{name: one, path: {bench.folder / 'one.jsonl'}}}]\n")
    with audit(load(bench.folder / "one.yaml", ["tasks.one.cluster=who"])) as report:
        found = report.tasks["one"].findings
        assert report.problem is None
        assert "leak" not in found
        splits = report.tasks["one"].splits.values()
        assert sum("thanks a lot" in {e.text for e in split} for split in splits) == 1
        assert found["shared"].count == 160 - sum(map(len, splits)) > 10
