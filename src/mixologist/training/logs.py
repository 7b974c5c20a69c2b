"""metrics.jsonl and trace.jsonl of a training: what it writes, and how both are cut back to a checkpoint."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mixologist.training.job import Losses
from mixologist.training.state import Log
from mixologist.training.updates import Measured


class Logs:
    """Lines as they come; train losses as means over the updates since the last time they were written."""

    def __init__(
        self, folder: Path, clock: Callable[[], dict[str, Any]], track: Callable[[dict[str, Any]], None]
    ) -> None:
        """``clock`` gives ``step`` and ``epoch`` of a line; ``track`` is told what goes into metrics.jsonl."""
        self._metrics, self._trace = Log(folder / "metrics.jsonl"), Log(folder / "trace.jsonl")
        self._clock, self._track = clock, track
        self._sums: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)

    def update(self, one: Measured) -> None:
        """An update with its examples, target tokens and learning rate; its losses count in the next means."""
        self._trace.write(
            {"adapter": one.update.adapter, "update": one.update.number, "step": self._step,
             "examples": [list(draw) for draw in one.update.draws], "tokens": one.tokens, "rate": one.rate}
        )  # fmt: skip
        for task, loss in one.losses.items():
            self._sums[one.update.adapter, task] += loss
            self._counts[one.update.adapter, task] += 1

    def stop(self, adapters: str | Sequence[str], best_step: int, **why: bool) -> None:
        """Adapters end here, at the state of ``best_step``."""
        self._trace.write({"adapter": adapters, "step": self._step, "stop": best_step} | why)

    def schedule(self, shares: Mapping[str, float]) -> None:
        """The schedule, and the mean train losses of the updates since the last time (nats a target token)."""
        self._write({"split": "train", "schedule": dict(shares)})
        for (adapter, task), total in self._sums.items():
            loss = total / self._counts[adapter, task]
            self._write({"split": "train", "adapter": adapter, "task": task, "loss": loss})
        self._sums.clear()
        self._counts.clear()

    def agreement(self, adapter: str, found: Mapping[str, Any]) -> None:
        """Cosines of the gradients of the tasks that feed an adapter."""
        self._write({"split": "train", "adapter": adapter, "agreement": found})

    def validation(self, losses: Losses) -> None:
        """Validation losses; null where one is no number."""
        for (adapter, task), number in losses.items():
            loss = number if math.isfinite(number) else None
            self._write({"split": "validation", "adapter": adapter or "base", "task": task, "loss": loss})

    def state(self) -> dict[str, Any]:
        """Of a checkpoint: lengths of both files, all on disk, and the means under way."""
        window = [[*pair, self._sums[pair], self._counts[pair]] for pair in self._sums]
        return {"window": window, "logs": [self._metrics.mark(), self._trace.mark()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Forget what was written after `state`."""
        for adapter, task, total, count in state["window"]:
            self._sums[adapter, task] = total
            self._counts[adapter, task] = count
        self._metrics.cut(state["logs"][0])
        self._trace.cut(state["logs"][1])

    def clear(self) -> None:
        """Begin anew."""
        self._metrics.cut(0)
        self._trace.cut(0)

    def close(self) -> None:
        """Flush and close both."""
        self._metrics.close()
        self._trace.close()

    @property
    def _step(self) -> int:
        return int(self._clock()["step"])

    def _write(self, row: dict[str, Any]) -> None:
        row = self._clock() | row
        self._metrics.write(row)
        self._track(row)
