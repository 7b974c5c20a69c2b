"""Fully fine-tuned models: what all weights of the base can do, trained as long as the adapters.

One is in memory at a time, beside the base, and only while a question is left that it has not answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixologist.model.base import load_base
from mixologist.model.generate import Generator


@dataclass(frozen=True)
class FullModel:
    """Where one lies, and the tasks that it was trained on."""

    folder: Path
    tasks: Sequence[str]


@dataclass
class FullModels:
    """A run's fully fine-tuned models by name; ``like`` answers for the base that they were trained from."""

    models: Mapping[str, FullModel]
    like: Generator
    _held: tuple[str, Generator] | None = None

    def generator(self, name: str) -> Generator:
        """The model, ready to answer, in the place of the one asked for before."""
        if self._held is None or self._held[0] != name:
            self.release()
            base = load_base(
                str(self.models[name].folder),
                dtype=str(self.like.base.dtype).removeprefix("torch."),
                device=str(self.like.base.device),
            )
            self._held = name, Generator(base, None, self.like.end_ids, max_tokens=self.like.max_tokens)
        return self._held[1]

    def release(self) -> None:
        """Let go of the one in memory."""
        self._held = None
