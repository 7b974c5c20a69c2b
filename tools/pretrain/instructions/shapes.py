"""From what a maker found to an `Example`, by the package's own formats: prompts as they are when tasks are trained.

Of the formats' wordings, the held-out ones are never used, so that they stay unseen by the base as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mixologist.demo.draw import Draw
from mixologist.records import Example
from mixologist.tasks.formats.classification import Classification
from mixologist.tasks.formats.conversation_qa import ConversationQA
from mixologist.tasks.formats.extraction import Extraction
from mixologist.tasks.formats.free_text import Alpaca, Messages, PromptCompletion
from mixologist.tasks.formats.numeric_qa import NumericQA

Conversation = list[dict[str, str]]
"""``[{"role": ..., "content": ...}, ...]``; the last message is the assistant's."""

TASK, ID = "pretrain", "train/0"
GENERIC = 0.25
"""Share of questions that are worded as the format words them for a task without words of its own."""
UNLISTED = 0.12
"""Share of questions on a well-known label set that do not list it."""
RAW = 0.05
"""Share of prompts that are the bare text, where the text alone says what is wanted."""
MOST_LABEL = 60
"""Characters of a label."""

CLASSES = (
    *Classification.rewordings,
    "Choose the best match: {labels}.",
    "Select one: {labels}.",
    "Options: {labels}. Which one is right?",
    "Reply with exactly one of {labels}.",
    "Your answer must be one of these: {labels}.",
    "{labels}?",
    "Possible answers are {labels}. Give the one that fits.",
    "Which of the following applies? {labels}",
    "You may say {labels}. Nothing else.",
)


def choose(
    draw: Draw,
    text: str,
    label: str,
    labels: Sequence[str],
    instruction: str,
    *,
    clear: bool = False,
    known: bool = False,
) -> Example | None:
    """One of ``labels`` for a text; None where the labels are no choice.

    Args:
        instruction: ``{labels}`` in it stands for the options; else they are listed after it.
        clear: the labels alone say what is asked, so that any wording will do.
        known: the set is common enough that it need not be listed.
    """
    if label not in labels or len({name.casefold() for name in labels}) < max(2, len(labels)):
        return None
    if any(not name.strip() or len(name) > MOST_LABEL for name in labels):
        return None
    shuffled = sorted(labels) if draw.chance(0.3) else draw.some(labels, len(labels))
    format = Classification({"text": "text", "label": "label"}, "macro_f1", tuple(shuffled), instruction)
    wording = draw.one(CLASSES) if clear and draw.chance(GENERIC) else None
    if known and wording is None and draw.chance(UNLISTED):
        wording = instruction
    example = format.example({"text": text, "label": label}, 0, task=TASK, id=ID, instruction=wording)
    return raw(draw, example) if known else example


def extract(
    draw: Draw, text: str, entities: list[list[str]], kinds: Sequence[str], instruction: str
) -> Example:
    """The ``[[kind, words], ...]`` of a text, of the kinds asked for."""
    columns = {"text": "text", "entities": "entities"}
    format = Extraction(columns, "entity_f1", tuple(kinds), instruction)
    generic = draw.one((Extraction.default_instruction, *Extraction.rewordings))
    wording = generic if draw.chance(GENERIC) else None
    return format.example({"text": text, "entities": entities}, 0, task=TASK, id=ID, instruction=wording)


def number(draw: Draw, question: str, answer: float | str, context: str = "", table: Any = None) -> Example:
    """A question whose answer is a number, yes or no."""
    fields = {"question": "question", "answer": "answer", "context": "context", "table": "table"}
    own = draw.one((NumericQA.default_instruction, *NumericQA.rewordings, *FIGURES))
    row = {"question": question, "answer": answer, "context": context, "table": table}
    example = NumericQA(fields, "numeric_match", (), own).example(row, 0, task=TASK, id=ID)
    return raw(draw, example)


FIGURES = (
    "Answer from the figures.",
    "Answer with a number, or with yes or no.",
    "Look at the numbers and reply in one word.",
    "Give the number that is asked for; percentages as ratios.",
    "",
)


def numbers(draw: Draw, questions: list[str], answers: list[float | str], table: Any) -> list[Example]:
    """A conversation on one table, an example a turn."""
    fields = {"questions": "questions", "answers": "answers", "table": "table"}
    own = draw.one((ConversationQA.default_instruction, *ConversationQA.rewordings))
    row = {"questions": questions, "answers": answers, "table": table}
    format = ConversationQA(fields, "numeric_match", (), own)
    return [format.example(row, part, task=TASK, id=ID) for part in range(len(questions))]


def write(draw: Draw, instruction: str, text: str, answer: str) -> Example:
    """A request with an answer in words, as an instruction with input or as one prompt."""
    if draw.chance(0.5):
        columns = {"instruction": "instruction", "input": "input", "output": "output"}
        row = {"instruction": instruction, "input": text, "output": answer}
        example = Alpaca(columns, "rouge_l").example(row, 0, task=TASK, id=ID)
    else:
        columns = {"prompt": "prompt", "completion": "completion"}
        row = {"prompt": text or instruction, "completion": answer}
        own = instruction if text else ""
        example = PromptCompletion(columns, "rouge_l", (), own).example(row, 0, task=TASK, id=ID)
    return Example(TASK, ID, example.messages, answer, text, answer)


def talk(draw: Draw, turns: list[dict[str, str]]) -> Example:
    """A conversation that ends in an assistant's turn; mostly without an instruction."""
    own = draw.one(("", "", "", *Messages.rewordings))
    return Messages({"messages": "messages"}, "rouge_l", (), own).example(
        {"messages": turns}, 0, task=TASK, id=ID
    )


def raw(draw: Draw, example: Example) -> Example:
    """Now and then the bare text: what people paste who were told of no format."""
    if len(example.messages) > 1 or not draw.chance(RAW):
        return example
    messages = ({"role": "user", "content": example.text},)
    return Example(TASK, ID, messages, example.completion, example.text, example.reference)


def conversation(example: Example) -> Conversation:
    """Prompt and answer."""
    return [*map(dict, example.messages), {"role": "assistant", "content": example.completion}]


def chained(examples: Sequence[Example], text: str) -> Conversation:
    """Several questions on one text, which stands in the first alone."""
    first, *later = examples
    turns = conversation(first)
    for example in later:
        content = example.messages[-1]["content"].replace(text, "", 1).strip()
        turns += [{"role": "user", "content": content}, {"role": "assistant", "content": example.completion}]
    return turns
