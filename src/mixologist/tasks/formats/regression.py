"""A text and a number on a scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mixologist.errors import UserError
from mixologist.tasks.formats import numbers
from mixologist.tasks.formats.about_text import AboutText
from mixologist.tasks.formats.base import FORMATS, Columns, Fields, Row


@FORMATS.register("regression")
@dataclass(frozen=True)
class Regression(AboutText):
    """``text`` -> ``score``. The answer is written as a number and read as one: the last in the text.

    A number beyond the scale counts as its nearest end. Text without a number is a format failure, and counts as
    the mean of the references (`metrics.Correlation`).
    """

    name = "regression"
    fields: ClassVar[Fields] = {**AboutText.asked, "score": ("score", "similarity", "similarity_score")}
    required = (frozenset({"text", "score"}),)
    metrics = ("pearson", "spearman")
    max_new_tokens = 12
    default_instruction = "Rate the text."
    rewordings = (
        "Give a number for the text below, {scale}.",
        "Where does this lie, {scale}? Write the number alone.",
        "Score what follows, {scale}.",
        "How much is it here? Answer with a number {scale}.",
        "Estimate the value of this text, {scale}.",
    )
    held_out_rewordings = (
        "Put a figure on it, {scale}.",
        "Your mark for this one ({scale})?",
        "Tell me the rating of it, {scale}.",
    )

    @classmethod
    def find_scale(cls, splits: Mapping[str, Any], columns: Columns) -> tuple[float, float]:
        """Lowest and highest number of all splits. Raises `UserError` where there are not two."""
        cells = [value for rows in splits.values() for value in rows[columns["score"]]]
        found = [score for score in map(_score, cells) if score is not None]
        if not found or min(found) == max(found):
            raise UserError(
                f"column '{columns['score']}' holds no scale",
                given=f"{len(set(found))} different numbers in {len(cells):,} rows",
                expected="at least two different numbers",
                do="name the numbers' column with `columns: {score: ...}`",
            )
        return min(found), max(found)

    def answer(self, row: Row, where: str) -> tuple[str, float]:
        """The number, with five significant digits, and as it is."""
        value = self.value(row, "score")
        score = _score(value)
        if score is None or score != self._within(score):
            given = "nothing" if value is None else repr(value)
            raise self.bad(where, "score", given, f"a number {self._range}")
        return numbers.render(score), score

    def parse(self, text: str) -> float | None:
        """The last number of the text, on the scale."""
        number = numbers.last_number(text)
        return None if number is None else self._within(number)

    def instruct(self, instruction: str | None) -> str:
        """The task's own instruction names the scale at its end unless it does so itself."""
        text = super().instruct(instruction).replace("{scale}", self._range)
        own = instruction is None and "{scale}" not in self.instruction
        return f"{text} Answer with a number {self._range}." if own else text

    @property
    def _range(self) -> str:
        low, high = self._ends
        return f"from {numbers.render(low)} to {numbers.render(high)}"

    @property
    def _ends(self) -> tuple[float, float]:
        assert self.scale, "bind finds the scale"
        return self.scale

    def _within(self, number: float) -> float:
        low, high = self._ends
        return min(max(number, low), high)


def _score(value: Any) -> float | None:
    """The finite number that a cell holds, as number or text."""
    if isinstance(value, str):
        return numbers.only_number(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
