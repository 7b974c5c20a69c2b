"""What a person sees: tables and words on stdout, progress on stderr; with ``--json`` one object on stdout."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import TaskID

from mixologist.cli.progress import Bars, Curves
from mixologist.errors import Interrupted
from mixologist.hooks import Hooks

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
QUIET_SECONDS = 20.0
"""Where stderr is not a terminal: seconds between plain progress lines."""

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, all else on stderr.")]
Set = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, as training.num_train_epochs=1."),
]


def emit(value: Any) -> None:
    """The one JSON object."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(value, ensure_ascii=not unicode, allow_nan=False) + "\n")


class Follower:
    """Bars and curves on a terminal, now and then a line of ``key=value`` elsewhere; Ctrl-C asks for a clean stop."""

    def __init__(self, resume: str) -> None:
        self.resume = resume
        self.stop_asked = False
        self.progress = Bars(console=err, disable=not err.is_terminal)
        self.bar: TaskID | None = None
        self.last_line = 0.0
        self.told, self.before, self.first = 0, 0, 0
        self.started = time.monotonic()

    def hooks(self) -> Hooks:
        """What the pipeline calls."""
        return Hooks(self.stage, self.training, lambda: self.stop_asked)

    def stage(self, name: str, total: int) -> Callable[[int], None]:
        """Begin a bar; gives back what moves it."""
        self._begin(name, total)
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done = min(total, done + count)
            self._move(name, done, total)
            if self.stop_asked:
                raise Interrupted(self.resume)

        return advance

    def training(self, step: int, steps: int, news: dict[str, Any]) -> None:
        """One step of training."""
        if self.bar is None or self.progress.tasks[-1].description != "training":
            self._begin("training", steps, step)
            self.before = news["tokens"]
        self.progress.curves.take(news)
        rate = (news["tokens"] - self.before) / max(1e-9, time.monotonic() - self.started)
        self._move("training", step, steps, rate)

    def _begin(self, name: str, total: int, first: int = 0) -> None:
        """``first``: what a run that was resumed had done before; its time is not this one's."""
        self.started, self.first = time.monotonic(), first
        self.last_line, self.told = self.started, 0
        self.progress.curves = Curves()
        self.bar = self.progress.add_task(name, total=total, news="")

    def _move(self, name: str, done: int, total: int, rate: float = 0) -> None:
        assert self.bar is not None
        self.progress.update(self.bar, completed=done, news=f"{rate:,.0f} tokens/s" if rate else "")
        if done >= total:
            self.progress.refresh()  # a stage shorter than the time between two drawings shows its end
        now = time.monotonic()
        due = done >= total or now - self.last_line > QUIET_SECONDS
        if not err.is_terminal and due and done != self.told:
            self.last_line, self.told = now, done
            left = (now - self.started) / max(1, done - self.first) * (total - done)
            speed = f" tokens_per_s={rate:.0f}" if rate else ""
            err.print(f"stage={name} done={done} of={total} left_s={left:.0f}{speed}", soft_wrap=True)


@contextmanager
def following(resume: str) -> Iterator[Follower]:
    """Bars and a Ctrl-C that loses nothing; a second Ctrl-C stops at once."""
    follower = Follower(resume)

    def ask(number: int, frame: Any) -> None:  # noqa: ARG001
        if follower.stop_asked:
            raise KeyboardInterrupt
        follower.stop_asked = True
        err.print("stopping after this step (again to stop at once) ...")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with follower.progress:
            yield follower
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
