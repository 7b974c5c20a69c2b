import re

from mixologist.demo.build import rows
from mixologist.demo.draw import Draw
from mixologist.demo.general import KINDS


def test_every_kind_of_instruction_answers_itself() -> None:
    for kind in KINDS:
        instruction, text, output = kind(Draw(0, kind.__name__))
        assert instruction
        assert text
        assert output


def test_sorting_and_counting_are_right() -> None:
    checked = set()
    for row in rows("general", "train", 400, 0):
        words = row["input"].split()
        if "A to Z" in row["instruction"]:
            assert row["output"].split() == sorted(words)
            checked.add("sort")
        if "Count the words" in row["instruction"]:
            assert int(row["output"]) == len(words)
            checked.add("count")
    assert checked == {"sort", "count"}


def test_arithmetic_is_right_and_never_below_zero() -> None:
    minus = ("-", "Take", "more", "sold", "cheaper")
    for row in rows("arithmetic", "train", 300, 0):
        a, b = (int(number) for number in re.findall(r"\d+", row["prompt"]))
        expected = abs(a - b) if any(sign in row["prompt"] for sign in minus) else a + b
        assert int(row["completion"]) == expected
