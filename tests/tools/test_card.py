"""The base's card holds figures as they were measured."""

import pytest

from tools.pretrain import card

PARTS = {"bits": "| 1 |", "worth": "two", "samples": "three\\1"}
TEXT = "a\n<!-- bits -->\nold\n<!-- end -->\nb\n<!-- worth -->\n\n<!-- end -->\n<!-- samples -->\n\n<!-- end -->\n"


def test_parts_stand_between_their_marks_and_all_else_stays() -> None:
    made = card.filled(TEXT, PARTS)
    first, second, third = (f"<!-- {name} -->\n{text}\n<!-- end -->\n" for name, text in PARTS.items())
    assert made == f"a\n{first}b\n{second}{third}"
    assert card.filled(made, PARTS) == made


def test_a_card_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for bits"):
        card.filled("nothing", PARTS)


def test_changes_are_those_of_the_ratio() -> None:
    def model(value: float, ratio: float) -> dict[str, dict[str, float]]:
        return {
            "bits_per_byte": {"value": value},
            "ratio": {"value": ratio, "low": ratio - 0.01, "high": ratio + 0.01},
        }

    models = {"r": model(2, 1), "o": model(1.5, 0.75)}
    windows = {length: {"books": models, "mean": models} for length in ("512", "2048")}
    text = card.bits({"windows": windows, "held_out": {"books": {"documents": 6}}})
    assert "| books | 6 | 2.000 | 1.500 | -25.0% [-26.0, -24.0] |" in text
    assert "| mean, windows of 2,048 |  | 2.000 | 1.500 | -25.0% [-26.0, -24.0] |" in text
