"""What a training is given, how the world follows it, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixologist.mixing.batching import Encoded
from mixologist.mixing.forecast import Forecast
from mixologist.mixing.sampler import Feeds
from mixologist.model.base import Base
from mixologist.model.whole import Trained
from mixologist.recipe.schema import Mixture, Training

Losses = dict[tuple[str | None, str], float]
"""(adapter, task) -> validation loss in nats a target token; adapter None is the plain base."""


@dataclass(frozen=True)
class Job:
    """All that training needs, made by the pipeline."""

    base: Base
    bank: Trained
    rows: Mapping[str, Sequence[Encoded]]
    """Task or general data -> its train rows as token ids."""
    feeds: Feeds
    forecast: Forecast
    weights: list[float]
    mixture: Mixture
    options: Training
    seed: int
    validate_every: int
    """Steps."""
    validate: Callable[[Sequence[tuple[str | None, str]]], Losses]
    folder: Path
    fingerprint: str = ""
    """Names recipe and data: a checkpoint of another one is not continued."""
    frozen: tuple[str, ...] = ()
    """Adapters of the bank that stay as they are."""
    resume_command: str = "mixologist train RECIPE --resume"
    gradient_agreement: bool = False
    """Whether some updates of adapters that several tasks feed tell how these tasks' gradients agree."""


@dataclass
class Watch:
    """How the outside world follows along and may ask to stop."""

    progress: Callable[[int, int, dict[str, Any]], None] = lambda step, steps, news: None
    should_stop: Callable[[], bool] = lambda: False
    track: Callable[[dict[str, Any]], None] = lambda row: None


@dataclass
class Result:
    """What training came to."""

    best_step: dict[str, int]
    stopped: dict[str, bool]
    diverged: set[str]
    validation: Losses
    """At each adapter's best step."""
    computed_tokens: int
