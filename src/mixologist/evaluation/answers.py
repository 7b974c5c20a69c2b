"""Answers of any adapter on any rows, each computed once (`predictions`): labels scored, all else decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mixologist.evaluation.baselines.few_shot import as_turns, draw_shots
from mixologist.evaluation.baselines.full import FullModels
from mixologist.evaluation.predictions import Predictions
from mixologist.memory import give_back
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
    cluster: str = ""


@dataclass
class Answerer:
    """Answers questions of tasks with the adapters of a run; ``digests`` name the adapters' contents."""

    generator: Generator
    encoder: Encoder
    digests: dict[str, str]
    kept: Predictions = field(default_factory=Predictions)
    shots: int = 0
    """Train rows shown with their answers before each question (Brown et al. 2020, arXiv 2005.14165)."""
    seed: int = 0
    """Draws the shots."""
    advance: Callable[[int], None] = lambda count: None
    full: FullModels | None = None
    """Models asked by name like adapters, though never in one call with them."""

    def prompts(self, task: Task, split: str) -> list[Prompt]:
        """All rows of a split, in prompts as long as in training; answers need room in the base's positions only.

        With shots, prompts may take all positions. Where that is not enough the first shots are left out.
        """
        encoder = self.encoder.with_length(task.max_length)
        room = longest(self.generator.base.model.config) - self._answer_room(task, encoder)
        if not self.shots:
            room = min(encoder.max_length, room)
        before = as_turns(draw_shots(task, self.shots, self.seed))
        found = []
        for example in task.splits[split]:
            encoded = encoder.fit(replace(example, messages=(*before, *example.messages)), room)
            assert encoded is not None, "the plan checks that answers leave room for a prompt"
            found.append(Prompt(example.id, example.reference, encoded, example.cluster))
        return found

    def answer(
        self, task: Task, split: str, prompts: Sequence[Prompt], adapters: Sequence[str]
    ) -> list[Outcome]:
        """One outcome for each prompt from the adapter named beside it (``base`` is none)."""
        made_by = {adapter: self._made_by(task, adapter) for adapter in set(adapters)}
        known = {
            adapter: self.kept.read(split, task.name, self._kept_as(adapter), made)
            for adapter, made in made_by.items()
        }
        missing = [i for i, (p, a) in enumerate(zip(prompts, adapters, strict=True)) if p.id not in known[a]]
        self.advance(len(prompts) - len(missing))
        if missing:
            texts = self._compute(task, [prompts[i].encoded for i in missing], [adapters[i] for i in missing])
            give_back()
            for i, text in zip(missing, texts, strict=True):
                p = prompts[i]
                known[adapters[i]][p.id] = Outcome(
                    p.id, task.format.parse(text), p.reference, text, p.cluster
                )
            for adapter in {adapters[i] for i in missing}:
                self.kept.write(split, task.name, self._kept_as(adapter), made_by[adapter], known[adapter])
        return [known[a][p.id] for p, a in zip(prompts, adapters, strict=True)]

    def of_each(
        self, task: Task, split: str, prompts: Sequence[Prompt], adapters: Sequence[str]
    ) -> dict[str, list[Outcome]]:
        """Adapter -> its outcome for every prompt. With a trunk all are asked at once, so that it is computed once."""
        groups = [[adapter] for adapter in adapters]
        if self.generator.trunk:
            alone = [a for a in adapters if self.full and a in self.full.models]
            groups = [[a for a in adapters if a not in alone], *([adapter] for adapter in alone)]
        found: dict[str, list[Outcome]] = {}
        for group in filter(None, groups):
            outcomes = self.answer(task, split, [*prompts] * len(group), [a for a in group for _ in prompts])
            found |= {a: outcomes[n * len(prompts) : (n + 1) * len(prompts)] for n, a in enumerate(group)}
        return found

    def _compute(self, task: Task, prompts: Sequence[Encoded], adapters: Sequence[str]) -> list[str]:
        ids = [prompt.prompt for prompt in prompts]
        names = [None if adapter == BASE else adapter for adapter in adapters]
        generator = self.generator
        if self.full and adapters[0] in self.full.models:
            generator, names = self.full.generator(adapters[0]), [None] * len(adapters)
        labels = task.format.choices
        if labels:
            scores = generator.score(
                ids, names, [self.encoder.completion(label) for label in labels], advance=self.advance
            )
            return [labels[best] for best in scores.argmax(1)]
        tokens = generator.generate(ids, names, task.max_new_tokens, advance=self.advance)
        return [self.encoder.tokenizer.decode(answer, skip_special_tokens=True).strip() for answer in tokens]

    def _answer_room(self, task: Task, encoder: Encoder) -> int:
        if task.format.choices:
            return max(len(encoder.completion(label)) for label in task.format.choices)
        return task.max_new_tokens

    def _kept_as(self, adapter: str) -> str:
        return f"{adapter}-{self.shots}-shot" if self.shots else adapter

    def _made_by(self, task: Task, adapter: str) -> dict[str, Any]:
        made_by = {
            "adapter": self.digests[adapter],
            "task": task.fingerprint,
            "max_length": self.encoder.max_length,
        }
        if self.shots:
            made_by["shots"] = [shot.id for shot in draw_shots(task, self.shots, self.seed)]
        return made_by
