"""Train rows shown before the question instead of training on them (Brown et al. 2020, arXiv 2005.14165)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mixologist import seeds
from mixologist.records import Example, Message
from mixologist.tasks.task import Task

MOST_LOOKED_AT = 1000
"""Train rows among which shots are found; enough to meet every label that is not rare."""


def draw_shots(task: Task, count: int, seed: int) -> list[Example]:
    """So many train rows, drawn by ``seed``; no answer comes again before the others came as often."""
    if not count:
        return []
    train = task.splits["train"]
    order = seeds.generator(seed, "shots", task.name).permutation(len(train))[:MOST_LOOKED_AT]
    drawn = [train[int(number)] for number in order]
    met: Counter[str] = Counter()
    turn = []
    for example in drawn:
        turn.append(met[example.completion])
        met[example.completion] += 1
    first = sorted(range(len(drawn)), key=turn.__getitem__)
    return [drawn[place] for place in first[:count]]


def as_turns(shots: Sequence[Example]) -> list[Message]:
    """The shots as a conversation that a question can follow."""
    return [
        message
        for shot in shots
        for message in (*shot.messages, {"role": "assistant", "content": shot.completion})
    ]
