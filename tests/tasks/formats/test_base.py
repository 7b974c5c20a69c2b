import pytest

from mixologist.errors import UserError
from mixologist.tasks.formats import FORMATS
from mixologist.tasks.formats.base import joined, place
from mixologist.tasks.formats.classification import Classification


def classification(labels: tuple[str, ...], instruction: str = "Sort.") -> Classification:
    return Classification({"text": "body", "label": "queue"}, "accuracy", labels, instruction)


def test_labels_stand_where_the_instruction_wants_them() -> None:
    assert classification(("a", "b")).label_list == "a, b"
    assert classification(("a, or so", "b")).label_list == "a, or so; b"
    assert classification(tuple(map(str, range(21)))).label_list == "the known labels"
    assert classification(("a", "b")).instruct("One of {labels}, {please}.") == "One of a, b, {please}."


def test_a_bad_field_names_task_row_column_and_format() -> None:
    with pytest.raises(UserError) as error:
        classification(("a",)).example({"body": "  ", "queue": "a"}, 0, task="mail", id="train/4")
    assert error.value.what == "task 'mail', row 5 of train (id train/4): wrong 'body'"
    assert "format classification reads 'text' from column 'body'" in error.value.do


@pytest.mark.parametrize("value", [None, float("nan"), "", ["a"], {"a": 1}])
def test_a_text_is_a_text(value: object) -> None:
    with pytest.raises(UserError):
        classification(("a",)).example({"body": value, "queue": "a"}, 0, task="mail", id="train/0")


def test_place_counts_rows_from_one_and_joined_skips_what_is_empty() -> None:
    assert place("faq", "test/0.3") == "task 'faq', row 1 of test (id test/0.3)"
    assert joined("a", "", "b") == "a\n\nb"


def test_every_format_brings_enough_different_wordings() -> None:
    for name in FORMATS:
        kind = FORMATS[name]
        assert kind.name == name
        assert len(set(kind.rewordings)) >= 5
        assert len(set(kind.held_out_rewordings)) >= 3
        assert not {*kind.rewordings} & {*kind.held_out_rewordings, kind.default_instruction}
        assert all(need <= kind.fields.keys() for need in kind.required)
