"""What an adapter does to abilities that no task asked for: general ability kept or lost against the plain base.

    plain_text       bits a byte of paragraphs that nobody trains on; lower is better
    general          loss in nats a token on the test rows of the recipe's general data, where it has some
    multiple_choice  share of right answers to generated questions, one of six kinds of thing

Every adapter reads the same texts as the base, so that differences are paired. Cost: about 15,000 tokens an adapter,
and the general test rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.evaluation.readings import against_base
from mixologist.memory import give_back
from mixologist.mixing.batching import Encoded, Segment, micro_batches
from mixologist.model.forward import target_losses
from mixologist.model.generate import Generator
from mixologist.recipe import schema
from mixologist.tasks.encoding import Encoded as Tokens
from mixologist.tasks.encoding import Encoder
from mixologist.tasks.task import Task

PLAIN = resources.files("mixologist") / "data" / "plain"
QUESTION = "What kind of thing is this: {word}? Answer with one of: {kinds}."
MOST_GENERAL = 200
"""Test rows of the general data that are read."""

Floats = NDArray[np.float64]


def forgetting(
    generator: Generator,
    encoder: Encoder,
    general: Mapping[str, Task],
    options: schema.Evaluation,
    max_tokens: int,
    seed: int,
) -> dict[str, Any]:
    """Measure -> ``base`` or adapter -> value, and against the base with limits and n."""
    assert generator.bank is not None
    names = [None, *generator.bank.names]
    readings = {"plain_text": [_bits_a_byte(generator, encoder, name, max_tokens) for name in names]}
    if "general" in general:
        rows = _general_rows(general["general"], encoder, seed)
        readings["general"] = [_nats_a_token(generator, name, rows, max_tokens) for name in names]
    readings["multiple_choice"] = [_right(generator, encoder, name) for name in names]
    return {
        measure: against_base(
            {str(name): reading for name, reading in zip(names[1:], found[1:], strict=True)},
            found[0],
            options,
            seed,
        )
        for measure, found in readings.items()
    }


def paragraphs() -> list[str]:
    """The plain text, written for this."""
    return (PLAIN / "paragraphs.txt").read_text(encoding="utf-8").strip().split("\n\n")


def questions() -> list[tuple[str, str]]:
    """(question, right answer) of every generated question."""
    kinds = yaml.safe_load((PLAIN / "kinds.yaml").read_text(encoding="utf-8"))
    listed = ", ".join(kinds)
    return [
        (QUESTION.format(word=word, kinds=listed), kind) for kind, words in kinds.items() for word in words
    ]


def _bits_a_byte(generator: Generator, encoder: Encoder, name: str | None, max_tokens: int) -> Floats:
    texts = paragraphs()
    ids = [encoder.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    rows = [
        Tokens(tuple(tokens[:1]), tuple(tokens[1:]), (0, 1)) for tokens in ids
    ]  # the first token cannot be predicted
    bits: Floats = _losses(generator, name, rows, max_tokens) / math.log(2)
    sizes: Floats = np.array([len(text.encode()) for text in texts], dtype=np.float64)
    return bits / sizes


def _nats_a_token(generator: Generator, name: str | None, rows: Sequence[Encoded], max_tokens: int) -> Floats:
    targets: Floats = np.array([len(row.completion) for row in rows], dtype=np.float64)
    return _losses(generator, name, rows, max_tokens) / targets


@torch.no_grad()
def _losses(generator: Generator, name: str | None, rows: Sequence[Encoded], max_tokens: int) -> Floats:
    """Summed loss of each row's targets, (n,)."""
    bank = generator.bank
    assert bank is not None
    place = len(bank.names) if name is None else bank.names.index(name)
    segments = [Segment(place, row, 1.0, key=str(number)) for number, row in enumerate(rows)]
    found = np.zeros(len(rows))
    for batch in micro_batches(segments, max_tokens, len(bank.names)):
        losses = target_losses(generator.base, bank, batch).double().cpu().numpy()
        np.add.at(found, np.array([int(key) for key in batch.keys])[batch.segment_of_target], losses)
    give_back()
    return found


def _general_rows(task: Task, encoder: Encoder, seed: int) -> list[Tokens]:
    test = task.splits["test"]
    picks = seeds.generator(seed, "forgetting").permutation(len(test))[:MOST_GENERAL]
    rows = [encoder.with_length(task.max_length).encode(test[int(number)]) for number in picks]
    return [row for row in rows if row is not None]


def _right(generator: Generator, encoder: Encoder, name: str | None) -> Floats:
    asked = questions()
    kinds = list(dict.fromkeys(kind for _, kind in asked))
    prompts = [encoder.prompt([{"role": "user", "content": question}]).prompt for question, _ in asked]
    scores = generator.score(prompts, [name] * len(prompts), [encoder.completion(kind) for kind in kinds])
    give_back()
    chosen = [kinds[best] for best in scores.argmax(1)]
    return np.array([float(kind == right) for kind, (_, right) in zip(chosen, asked, strict=True)])
