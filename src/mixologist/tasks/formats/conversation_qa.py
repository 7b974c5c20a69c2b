"""A conversation of questions with numbers as answers over one report: one example a turn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Any, ClassVar

from mixologist.records import Example, Message
from mixologist.tasks.formats import numbers
from mixologist.tasks.formats.base import FORMATS, Fields, Row, joined, place
from mixologist.tasks.formats.numeric_qa import NumericAnswers


@FORMATS.register("conversation_qa")
@dataclass(frozen=True)
class ConversationQA(NumericAnswers):
    """``questions`` -> ``answers``, over ``pre_text``, ``table`` and ``post_text`` in the first user message.

    Earlier questions stand with their right answers. A conversation ends before its first empty answer.
    """

    name = "conversation_qa"
    fields: ClassVar[Fields] = {
        "questions": ("questions",),
        "answers": ("executed_answers", "answers"),
        "pre_text": ("pre_text", "context"),
        "post_text": ("post_text",),
        "table": ("table",),
    }
    required = (frozenset({"questions", "answers"}),)
    texts = frozenset({"pre_text", "post_text"})
    numbered_parts = True
    default_instruction = "Answer each question about the report with a number alone."
    rewordings = (
        "Here is a page of a report; reply to every question with just the value.",
        "We shall talk about the figures below. Give only numbers.",
        "Work out, turn by turn, what is asked about this page.",
        "Use the table and the text to answer; digits only.",
        "Calculate what each question wants to know.",
    )
    held_out_rewordings = (
        "I have several things to ask about this filing. Keep to bare amounts.",
        "Solve these one after the other.",
        "Tell me the quantities I want from what follows.",
    )

    def parts(self, row: Row) -> int:
        """The turns before the first empty answer."""
        answers = self.value(row, "answers")
        return (
            len(list(takewhile(lambda a: not numbers.missing(a), answers)))
            if isinstance(answers, list)
            else 1
        )

    def example(
        self, row: Row, part: int, /, *, task: str, id: str, instruction: str | None = None
    ) -> Example:
        """See `Format`. ``text`` is what the user says in this turn; the report stands in the first."""
        where = place(task, id)
        questions, answers = self._turns(row, part, where)
        context = joined(
            self.optional_text(row, "pre_text", where),
            self.table(row, where),
            self.optional_text(row, "post_text", where),
        )
        asked = [joined(self.instruct(instruction), context, f"Question: {questions[0]}"), *questions[1:]]
        text, value = answers[part]
        messages = _alternate(asked, [written for written, _ in answers[:part]])
        said = joined(context, questions[0]) if part == 0 else questions[part]
        return Example(task, id, messages, text, said, value, context)

    def _turns(self, row: Row, part: int, where: str) -> tuple[list[str], list[tuple[str, float]]]:
        """Questions and answers up to this turn."""
        questions, values = self.value(row, "questions"), self.value(row, "answers")
        for field, value in (("questions", questions), ("answers", values)):
            if not isinstance(value, list):
                raise self.bad(where, field, value, "a list, one item a turn")
        if len(questions) != len(values):
            given = f"{len(questions)} questions, {len(values)} answers"
            raise self.bad(where, "questions", given, "as many questions as answers")
        asked = [str(question or "").strip() for question in questions[: part + 1]]
        if not all(asked):
            raise self.bad(where, "questions", questions[: part + 1], "questions that are not empty")
        return asked, [self._answer(value, where) for value in values[: part + 1]]

    def _answer(self, value: Any, where: str) -> tuple[str, float]:
        answer = numbers.answer(value)
        if answer is None:
            raise self.bad(where, "answers", repr(value), "numbers, yes or no")
        return answer


def _alternate(questions: list[str], answers: list[str]) -> tuple[Message, ...]:
    """Question, answer, ..., question."""
    turns: list[Message] = []
    for question, answer in zip(questions, [*answers, ""], strict=True):
        turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return tuple(turns[:-1])
