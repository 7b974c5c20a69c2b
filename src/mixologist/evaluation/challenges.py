"""A task's challenge sets: how its base, the adapter that serves it and the routed system answer altered test rows.

These three alone, because each altered row is answered anew. Answers are kept under ``predictions/SPLIT-CHALLENGE/``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mixologist.evaluation.answers import Answerer, Prompt
from mixologist.evaluation.intervals import Difference
from mixologist.evaluation.metrics import Metric, make
from mixologist.evaluation.slices import Score, size, values
from mixologist.records import Outcome
from mixologist.tasks.challenges import UNKNOWN_ANSWER, Altered
from mixologist.tasks.task import Task

SYSTEMS = ("base", "oracle", "routed")
Compare = Callable[[Sequence[Outcome], Sequence[Outcome]], Difference]
Route = Callable[[Sequence[Prompt]], list[str]]
"""Prompts -> the adapter for each."""
SAME = "same_answer"
"""Share of answers that are as they were to the row as it stands: what is measured where nobody knows what is right."""


@dataclass(frozen=True)
class Challenge:
    """One way to alter a task's rows, done."""

    name: str
    task: Task
    """The task with the altered rows as one more split, and with other digests, so that answers to other texts are

    never taken for answers to these.
    """
    split: str
    """The split's name: ``test-typos``."""
    rows: Altered


def challenges(task: Task, split: str, seed: int) -> list[Challenge]:
    """All challenge sets of a task."""
    found = []
    for name in task.challenges:
        rows = Altered(task.splits[split], name, task.held_out_rewordings, seed)
        texts = json.dumps([example.messages for example in rows.examples])
        digests = task.digests | {name: hashlib.sha256(texts.encode()).hexdigest()}
        place = f"{split}-{name}"
        asked = replace(task, splits=task.splits | {place: rows}, digests=digests)
        found.append(Challenge(name, asked, place, rows))
    return found


def challenged(
    challenge: Challenge,
    outcomes: Mapping[str, Sequence[Outcome]],
    answering: Mapping[str, Route],
    answerer: Answerer,
    metric: Metric,
    score: Score,
    compare: Compare,
) -> dict[str, Any]:
    """n, and for each system its metric on the altered rows, and how far that is from the same rows as they stand.

    Args:
        outcomes: system -> answers to all rows of the split as they stand, in its order.
        answering: system -> who answers in it.
    """
    name, task = challenge.name, challenge.task
    prompts = answerer.prompts(task, challenge.split)
    measure = SAME if name in UNKNOWN_ANSWER else metric.name
    row = {"challenge": name, "metric": measure} | size([prompt.id for prompt in prompts])
    systems: dict[str, Any] = {}
    for system in SYSTEMS if prompts else ():
        if system not in answering:
            continue
        plain = [outcomes[system][number] for number in challenge.rows.numbers]
        answers = answerer.answer(task, challenge.split, prompts, answering[system](prompts))
        if name in UNKNOWN_ANSWER:
            systems[system] = values(score(make("accuracy"), _same(answers, plain)))
        else:
            change = compare(answers, plain)
            systems[system] = values(score(metric, answers)) | {"change": asdict(change)}
    return row | {"systems": systems}


def _same(answers: Sequence[Outcome], plain: Sequence[Outcome]) -> list[Outcome]:
    """Outcomes that are right where the answer is what it was; one that cannot be read stays unread, and wrong."""
    return [
        replace(
            new,
            prediction=None if new.prediction is None else new.prediction == old.prediction,
            reference=True,
        )
        for new, old in zip(answers, plain, strict=True)
    ]
