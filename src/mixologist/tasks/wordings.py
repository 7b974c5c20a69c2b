"""The prompts of a split in the wordings that people use: as trained, instruction reworded, and the raw text alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mixologist import seeds
from mixologist.recipe.schema import Recipe
from mixologist.tasks.encoding import Encoded, Encoder
from mixologist.tasks.task import Task

KINDS = ("formatted", "reworded", "raw")
VALIDATION_PROMPTS = 200
"""Validation rows of a task that calibrate the router, each in every wording."""


def learned_prompts(task: Task, split: str, encoder: Encoder, recipe: Recipe) -> list[list[Encoded]]:
    """What routers learn from: some rows of train or validation, drawn by seed, in every one of ``KINDS``.

    Validation prompts have rewordings that train prompts do not have, as those of users will.
    """
    known, new = task.rewordings[::2], task.rewordings[1::2] or task.rewordings
    most = recipe.router.rows_per_task if split == "train" else VALIDATION_PROMPTS
    picks = seeds.pick(len(task.splits[split]), most, recipe.seed, "router", task.name, split)
    rewordings = known if split == "train" else new
    return [
        prompts_worded(task, split, kind, encoder, seed=recipe.seed, rewordings=rewordings, rows=picks)
        for kind in KINDS
    ]


def prompts_worded(
    task: Task,
    split: str,
    kind: str,
    encoder: Encoder,
    *,
    seed: int,
    rewordings: Sequence[str],
    rows: Sequence[int] | None = None,
) -> list[Encoded]:
    """Prompts of ``rows`` (default: all) of a split in one wording; which rewording a row gets is drawn by seed."""
    examples = task.splits[split]
    encoder = encoder.with_length(task.max_length)
    random = seeds.generator(seed, "wording", task.name, split, kind)
    found = []
    for number in range(len(examples)) if rows is None else rows:
        example = examples[number]
        if kind == "reworded" and rewordings:
            example = examples.reworded(number, rewordings[int(random.integers(len(rewordings)))])
        if kind == "raw":
            said = {"role": "user", "content": example.text}
            example = replace(example, messages=(*example.messages[:-1], said))
        encoded = encoder.fit(example, encoder.max_length - 1)
        assert encoded is not None, "a longest length of at least 16 leaves room for a prompt"
        found.append(encoded)
    return found
