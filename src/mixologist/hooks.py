"""How the outside world follows a run along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mixologist.tasks.encoding import Advance


@dataclass
class Hooks:
    """All optional."""

    stage: Callable[[str, int], Advance] = lambda name, total: lambda count: None
    """Told the stage and how many things it will do; gives back what is told how many are done."""
    progress: Callable[[int, int, dict[str, Any]], None] = lambda step, steps, news: None
    should_stop: Callable[[], bool] = lambda: False
