"""A question whose answer is a number, over a table and a text, or over nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixologist.records import Example
from mixologist.tasks.formats import numbers
from mixologist.tasks.formats.base import FORMATS, Fields, Format, Row, joined, place
from mixologist.tasks.formats.tables import render_table


@dataclass(frozen=True)
class NumericAnswers(Format):
    """What every format with numbers as answers shares. Predictions are floats; yes is 1 and no is 0."""

    metrics = ("numeric_match",)
    max_new_tokens = 16

    def parse(self, text: str) -> float | None:
        """The last number of the text, or yes or no."""
        decided = numbers.truth(text)
        return numbers.last_number(text) if decided is None else decided

    def table(self, row: Row, where: str) -> str:
        """The rendered table, ``""`` without one."""
        value = self.value(row, "table")
        try:
            return render_table(value)
        except ValueError as error:
            expected = "a list of rows, an object column -> row -> value, or text"
            raise self.bad(where, "table", value, expected) from error


@FORMATS.register("numeric_qa")
@dataclass(frozen=True)
class NumericQA(NumericAnswers):
    """``question`` -> ``answer`` over ``context`` and ``table``, if any. Rows without answer are left out."""

    name = "numeric_qa"
    fields: ClassVar[Fields] = {
        "question": ("question",),
        "answer": ("answer",),
        "context": ("context",),
        "table": ("table",),
    }
    required = (frozenset({"question", "answer"}),)
    texts = frozenset({"question", "context"})
    default_instruction = "Answer the question with a number alone."
    rewordings = (
        "Work out the figure that is asked for.",
        "Read the data below and reply with just the value.",
        "Calculate the result; give only digits.",
        "What is the answer? One number, no words.",
        "Use the table and the text to compute the answer.",
    )
    held_out_rewordings = (
        "Solve this from the information given.",
        "How much is it? Keep it to the bare amount.",
        "Find the quantity in question.",
    )

    def parts(self, row: Row) -> int:
        """0 for a row without an answer."""
        return 0 if numbers.missing(self.value(row, "answer")) else 1

    def example(
        self, row: Row, _part: int, /, *, task: str, id: str, instruction: str | None = None
    ) -> Example:
        """See `Format`. The context (table, then text) may be shortened; the question stands after it."""
        where = place(task, id)
        question, value = self.text(row, "question", where), self.value(row, "answer")
        answer = numbers.answer(value)
        if answer is None:
            raise self.bad(where, "answer", repr(value), "a number, yes or no")
        context = joined(self.table(row, where), self.optional_text(row, "context", where))
        asked = joined(self.instruct(instruction), context, f"Question: {question}")
        messages = ({"role": "user", "content": asked},)
        return Example(task, id, messages, answer[0], joined(context, question), answer[1], context)
