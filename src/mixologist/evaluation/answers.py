"""Answers of any adapter on any rows, each computed once: labels scored, all else decoded.

Answers are kept by task, split and adapter in ``predictions/``, with the digest of what made them, so that a resumed
evaluation goes on where it stopped and a changed adapter is never mistaken for its former self.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixologist.files import write_json_lines
from mixologist.model.families import longest
from mixologist.model.generate import Generator
from mixologist.records import Outcome
from mixologist.tasks.encoding import Encoded, Encoder
from mixologist.tasks.task import Task

BASE = "base"


@dataclass(frozen=True)
class Prompt:
    """One row, ready to be answered."""

    id: str
    reference: Any
    encoded: Encoded


@dataclass
class Answerer:
    """Answers questions of tasks with the adapters of a run; ``digests`` name the adapters' contents."""

    generator: Generator
    encoder: Encoder
    digests: dict[str, str]
    store: Path | None = None
    advance: Callable[[int], None] = lambda count: None

    def prompts(self, task: Task, split: str) -> list[Prompt]:
        """All rows of a split, in prompts as long as in training; answers need room in the base's positions only."""
        encoder = self.encoder.with_length(task.max_length)
        positions = longest(self.generator.base.model.config)
        room = min(encoder.max_length, positions - self._answer_room(task, encoder))
        found = []
        for example in task.splits[split]:
            encoded = encoder.fit(example, room)
            assert encoded is not None, "the plan checks that answers leave room for a prompt"
            found.append(Prompt(example.id, example.reference, encoded))
        return found

    def answer(
        self, task: Task, split: str, prompts: Sequence[Prompt], adapters: Sequence[str]
    ) -> list[Outcome]:
        """One outcome for each prompt from the adapter named beside it (``base`` is none)."""
        known = {name: self._read(task, split, name) for name in set(adapters)}
        missing = [i for i, (p, a) in enumerate(zip(prompts, adapters, strict=True)) if p.id not in known[a]]
        self.advance(len(prompts) - len(missing))
        if missing:
            texts = self._compute(task, [prompts[i].encoded for i in missing], [adapters[i] for i in missing])
            for i, text in zip(missing, texts, strict=True):
                p = prompts[i]
                known[adapters[i]][p.id] = Outcome(p.id, task.format.parse(text), p.reference, text)
            for name in {adapters[i] for i in missing}:
                self._write(task, split, name, known[name])
        return [known[a][p.id] for p, a in zip(prompts, adapters, strict=True)]

    def _compute(self, task: Task, prompts: Sequence[Encoded], adapters: Sequence[str]) -> list[str]:
        ids = [prompt.prompt for prompt in prompts]
        names = [None if adapter == BASE else adapter for adapter in adapters]
        labels = task.format.choices
        if labels:
            scores = self.generator.score(
                ids, names, [self.encoder.completion(label) for label in labels], advance=self.advance
            )
            return [labels[best] for best in scores.argmax(1)]
        tokens = self.generator.generate(ids, names, task.max_new_tokens, advance=self.advance)
        return [self.encoder.tokenizer.decode(answer, skip_special_tokens=True).strip() for answer in tokens]

    def _answer_room(self, task: Task, encoder: Encoder) -> int:
        if task.format.choices:
            return max(len(encoder.completion(label)) for label in task.format.choices)
        return task.max_new_tokens

    def _path(self, task: Task, split: str, adapter: str) -> Path | None:
        return self.store / split / task.name / f"{adapter}.jsonl" if self.store else None

    def _made_by(self, task: Task, adapter: str) -> dict[str, Any]:
        return {
            "adapter": self.digests[adapter],
            "task": task.fingerprint,
            "max_length": self.encoder.max_length,
        }

    def _read(self, task: Task, split: str, adapter: str) -> dict[str, Outcome]:
        path = self._path(task, split, adapter)
        if path is None or not path.is_file():
            return {}
        first, *rows = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        if json.loads(first) != self._made_by(task, adapter):
            return {}
        return {row["id"]: Outcome(**row) for row in map(json.loads, rows)}

    def _write(self, task: Task, split: str, adapter: str, outcomes: dict[str, Outcome]) -> None:
        path = self._path(task, split, adapter)
        if path is not None:
            write_json_lines(path, [self._made_by(task, adapter), *(asdict(o) for o in outcomes.values())])
