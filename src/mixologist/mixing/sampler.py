"""The stream of draws, and the adapters' queues that it fills.

    schedule -> so many draws of each task a step -> the queue of every adapter that the task feeds
    queue + general rows -> one update of batch_size examples of that adapter

Draws follow the probabilities to within one example at any time (each task carries its remainder to the next step), so
that an epoch of ``proportional`` shows every row exactly once. Which row comes next is a permutation keyed by (seed,
task, pass): a task that is added, stopped or reweighted reseeds nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist import seeds
from mixologist.runfolder import CONTROL

Draw = tuple[str, int]
"""(task or general data, index in its train split)"""


@dataclass(frozen=True)
class Control:
    """What feeds an adapter that is trained only to be compared with: rows of one task, whatever the mixture draws."""

    task: str
    rows: int
    """Train rows that it may see: a part of them drawn by seed, larger parts containing smaller ones."""
    examples: int
    """Task rows that it is given over the whole run, at an even pace."""
    part: int = 0
    """Which of endlessly many ways to draw the part."""


@dataclass(frozen=True)
class Feeds:
    """Who is fed by what: the plan, as the sampler needs it."""

    rows: dict[str, int]
    """Task -> train rows, in recipe order."""
    adapters: dict[str, tuple[str, ...]]
    """Adapter -> the tasks that feed it."""
    general: dict[str, tuple[int, float]] = field(default_factory=dict)
    """General data -> (rows, share of every adapter's stream)."""
    batch_size: int = 16
    epochs: float = 1.0
    max_steps: int | None = None
    controls: dict[str, Control] = field(default_factory=dict)
    """Those of the adapters that are fed beside the mixture."""

    @property
    def steps(self) -> int:
        """Steps of the mixture: an epoch is as many draws as the tasks have rows together, general rows included."""
        steps = max(1, math.ceil(sum(self.rows.values()) * self.epochs / self.batch_size - 1e-9))
        return min(steps, self.max_steps or steps)

    @property
    def passes(self) -> int:
        """Epochs that are begun: fewer than asked for where ``max_steps`` comes first."""
        reached = self.steps * self.batch_size / max(1, sum(self.rows.values()))
        return max(1, math.ceil(min(self.epochs, reached) - 1e-9))

    def general_counts(self, update: int) -> dict[str, int]:
        """How many general rows the update of that number (from 0) carries; over time exactly the share."""
        return {
            name: math.floor((update + 1) * self.batch_size * share)
            - math.floor(update * self.batch_size * share)
            for name, (_, share) in self.general.items()
        }

    def draws(self, step: int) -> int:
        """Task draws of a step: what a shared adapter's batch has room for beside its general rows.

        The last step draws what is left of the last epoch.
        """
        left = round(sum(self.rows.values()) * self.epochs) - step * self.batch_size
        return max(0, min(self.batch_size, left) - sum(self.general_counts(step).values()))


def with_controls(feeds: Feeds, controls: Mapping[str, Control]) -> Feeds:
    """The feeds with adapters beside the mixture."""
    adapters = feeds.adapters | {name: (control.task,) for name, control in controls.items()}
    return replace(feeds, adapters=adapters, controls=dict(controls))


def control_name(system: str, task: str) -> str:
    """What an adapter is called that is there to be compared with; no task can be called so.

    >>> control_name("single_task_total_steps", "fpb")
    'fpb~single_task_total_steps'
    """
    return f"{task}{CONTROL}{system}"


@dataclass
class Stream:
    """Endless passes over the rows of one data set, each in an order of its own."""

    key: tuple[str, ...]
    rows: int
    taken: int = 0

    def next(self, seed: int) -> int:
        """The next row's index."""
        done, place = divmod(self.taken, self.rows)
        if place == 0 or not hasattr(self, "_order"):
            self._order = seeds.generator(seed, "stream", *self.key, done).permutation(self.rows)
        self.taken += 1
        return int(self._order[place])


@dataclass(frozen=True)
class Update:
    """One optimizer step of one adapter: its examples, in order."""

    adapter: str
    number: int
    """How many updates this adapter had before."""
    draws: tuple[Draw, ...]


class Sampler:
    """Resumable: `state` is all there is to it, and goes through JSON unchanged."""

    def __init__(self, feeds: Feeds, seed: int) -> None:
        self.feeds = feeds
        self.seed = seed
        self.credit: NDArray[np.float64] = np.zeros(len(feeds.rows))
        self.streams = {task: Stream((task,), rows) for task, rows in feeds.rows.items()}
        self.controls = {
            name: Stream((control.task, name), control.rows) for name, control in feeds.controls.items()
        }
        self.general = {
            adapter: {name: Stream((name, adapter), rows) for name, (rows, _) in feeds.general.items()}
            for adapter in feeds.adapters
        }
        self._orders: dict[tuple[str, int], NDArray[np.int64]] = {}
        self.queues: dict[str, list[Draw]] = {adapter: [] for adapter in feeds.adapters}
        self.updates = dict.fromkeys(feeds.adapters, 0)

    def draw(self, step: int, probabilities: NDArray[np.float64], stopped: Sequence[str] = ()) -> None:
        """Draw one step's examples and queue them for every adapter that they feed (a stopped one takes none)."""
        for task, count in zip(
            self.feeds.rows, self._counts(self.feeds.draws(step), probabilities), strict=True
        ):
            draws = [(task, self.streams[task].next(self.seed)) for _ in range(count)]
            for adapter, tasks in self.feeds.adapters.items():
                if task in tasks and adapter not in stopped and adapter not in self.feeds.controls:
                    self.queues[adapter].extend(draws)
        for name, control in self.feeds.controls.items():
            if name not in stopped:
                done, due = (control.examples * at // self.feeds.steps for at in (step, step + 1))
                self.queues[name].extend(self._controlled(name, control) for _ in range(due - done))

    def _controlled(self, name: str, control: Control) -> Draw:
        index = self.controls[name].next(self.seed)
        return control.task, int(self._order(control.task, control.part)[index])

    def _order(self, task: str, part: int) -> NDArray[np.int64]:
        """The task's rows in an order of which controls take the first."""
        if (task, part) not in self._orders:
            random = seeds.generator(self.seed, "part", task, *([part] if part else []))
            self._orders[task, part] = random.permutation(self.feeds.rows[task])
        return self._orders[task, part]

    def ready(self, last: bool = False) -> list[Update]:
        """One update of each adapter whose batch is full; at the last step also of those whose batch is not.

        At the last step, call it until nothing is left.
        """
        return [self._take(adapter) for adapter in self.feeds.adapters if self._is_ready(adapter, last)]

    def _is_ready(self, adapter: str, last: bool) -> bool:
        queued = len(self.queues[adapter])
        return queued > 0 if last else queued >= self._room(adapter)

    def _room(self, adapter: str) -> int:
        return self.feeds.batch_size - sum(self.feeds.general_counts(self.updates[adapter]).values())

    def _take(self, adapter: str) -> Update:
        number, room = self.updates[adapter], self._room(adapter)
        draws = self.queues[adapter][:room]
        self.queues[adapter] = self.queues[adapter][room:]
        for name, count in self.feeds.general_counts(number).items():
            draws += [(name, self.general[adapter][name].next(self.seed)) for _ in range(count)]
        self.updates[adapter] += 1
        return Update(adapter, number, tuple(draws))

    def _counts(self, draws: int, probabilities: NDArray[np.float64]) -> list[int]:
        """Whole draws per task: what each is owed, largest remainder first (never below zero)."""
        self.credit += draws * probabilities
        counts = np.maximum(np.floor(self.credit + 1e-9), 0).astype(int)
        while counts.sum() < draws:
            counts[np.argmax(self.credit - counts)] += 1
        while counts.sum() > draws:
            counts[np.argmin(np.where(counts > 0, self.credit - counts, np.inf))] -= 1
        self.credit -= counts
        return [int(count) for count in counts]

    def state(self) -> dict[str, Any]:
        """Everything that the next draw depends on."""
        return {
            "credit": self.credit.tolist(),
            "streams": {name: stream.taken for name, stream in self.streams.items()},
            "controls": {name: stream.taken for name, stream in self.controls.items()},
            "general": {a: {n: s.taken for n, s in streams.items()} for a, streams in self.general.items()},
            "queues": {adapter: [list(draw) for draw in queue] for adapter, queue in self.queues.items()},
            "updates": dict(self.updates),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.credit = np.array(state["credit"])
        for name, taken in state["streams"].items():
            self.streams[name] = replace(self.streams[name], taken=int(taken))
        for name, taken in state["controls"].items():
            self.controls[name] = replace(self.controls[name], taken=int(taken))
        for adapter, streams in state["general"].items():
            for name, taken in streams.items():
                self.general[adapter][name] = replace(self.general[adapter][name], taken=int(taken))
        self.queues = {a: [(str(t), int(i)) for t, i in queue] for a, queue in state["queues"].items()}
        self.updates = {adapter: int(count) for adapter, count in state["updates"].items()}
