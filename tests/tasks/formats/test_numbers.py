from typing import Any

import pytest

from mixologist.tasks.formats import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (407.0, "407"),
        (0.347189, "0.34719"),
        (8953.33333, "8953.3"),
        (345059.0, "345059"),
        (28597891.58, "28597892"),
        (1e-05, "0.00001"),
        (-0.5, "-0.5"),
        (-0.0, "0"),
        (99999.96, "100000"),
        (1.5000, "1.5"),
        (60.94, "60.94"),
    ],
)
def test_render_is_short_and_round(value: float, text: str) -> None:
    assert numbers.render(value) == text


@pytest.mark.parametrize("value", [1e-7, 123.456, 1e12 + 0.5, -0.0527, 9.99999, 2.0**70])
def test_render_is_read_back_within_rounding(value: float) -> None:
    assert numbers.last_number(numbers.render(value)) == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("so 3 and then $1,234.50.", 1234.5),
        ("14.2%", 14.2),
        ("-$5", -5),
        ("−7", -7),
        ("5 - 2", 2),
        ("2010-2011", 2011),
        (".5", 0.5),
        ("#### 1,000", 1000),
        ("1e-3", 0.001),
        ("x = -2.50 dollars", -2.5),
        ("none", None),
        ("", None),
        ("9" * 400, None),
    ],
)
def test_last_number(text: str, number: float | None) -> None:
    assert numbers.last_number(text) == number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, ("2", 2.0)),
        ("$ 1,200", ("1200", 1200.0)),
        ("14.2%", ("14.2", 14.2)),
        ("Yes", ("yes", 1.0)),
        ("no.", ("no", 0.0)),
        (True, ("yes", 1.0)),
        ("about 5", None),
        (float("inf"), None),
        ([1], None),
    ],
)
def test_answer(value: Any, expected: tuple[str, float] | None) -> None:
    assert numbers.answer(value) == expected


def test_missing() -> None:
    assert [numbers.missing(v) for v in (None, float("nan"), " ", 0, "0", False)] == [True] * 3 + [False] * 3
