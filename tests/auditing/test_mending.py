import datasets
import pytest

from mixologist.auditing.mending import Rows, mend, mend_value


@pytest.mark.parametrize(
    ("written", "meant", "kinds"),
    [
        ("plain text", "plain text", set()),
        ("naïve café, Größe, 日本語", "naïve café, Größe, 日本語", set()),
        ("a\tb\nc", "a\tb\nc", set()),
        ("le cafÃ© est fermÃ©", "le café est fermé", {"mojibake"}),
        ("it\x92s \x93late\x94", "it’s “late”", {"mojibake"}),
        ("zero\x00 and bell\x07", "zero and bell", {"control_characters"}),
        ("\ufeffmarked", "marked", {"control_characters"}),
        ("one\r\ntwo\rthree", "one\ntwo\nthree", {"carriage_returns"}),
        ("lost \ufffd here", "lost \ufffd here", {"lost_characters"}),
    ],
)
def test_a_text_is_mended_once(written: str, meant: str, kinds: set[str]) -> None:
    assert mend(written) == (meant, frozenset(kinds))
    assert mend(meant)[0] == meant


def test_texts_inside_lists_and_objects_are_mended() -> None:
    value = {"turns": [{"content": "cafÃ©"}, {"content": "a\r\nb"}], "n": 3}
    mended, kinds = mend_value(value)
    assert mended == {"turns": [{"content": "café"}, {"content": "a\nb"}], "n": 3}
    assert kinds == {"mojibake", "carriage_returns"}


def test_some_rows_of_a_table_are_seen_mended() -> None:
    table = datasets.Dataset.from_dict({"text": ["a", "b\x00", "c\x00"]})
    rows = Rows(table, numbers=Rows(table).numbers[1:])
    assert len(rows) == 2
    assert rows[0] == {"text": "b"}
    assert rows[0:2] == {"text": ["b", "c"]}
    assert list(rows["text"]) == ["b", "c"]
