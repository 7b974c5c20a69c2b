"""The training loop, from top to bottom: draw, update, log, validate, keep the best, checkpoint.

Time per step is one forward and backward pass over the tokens of the updates that are ready; memory is the base, four
times the bank (weights, gradients, two moments), its best states, and the activations of one micro-batch. A bank of
one "adapter" that is all of a base's weights (`model.whole`) is trained in the same way.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mixologist.errors import Interrupted, UserError
from mixologist.memory import give_back
from mixologist.mixing.forecast import state_at
from mixologist.mixing.sampler import Sampler, Update
from mixologist.mixing.schedules import probabilities
from mixologist.training.agreement import EVERY
from mixologist.training.best import Unit
from mixologist.training.job import Job, Losses, Result, Watch
from mixologist.training.logs import Logs
from mixologist.training.optim import learning_rate
from mixologist.training.state import as_list, as_losses, load_checkpoint, save_checkpoint
from mixologist.training.updates import Measured, Updater

GIVE_BACK_EVERY = 8
"""Steps between two times that freed memory goes back to the system."""


def train(job: Job, watch: Watch | None = None) -> Result:
    """Train every adapter of the bank to its best state; continue from the latest checkpoint if there is one.

    Raises `Interrupted` after a checkpoint when ``watch.should_stop`` says so.
    """
    with _Run(job, watch or Watch()) as run:
        run.start()
        for step in range(run.step, job.feeds.steps):
            last = step == job.feeds.steps - 1
            shares = probabilities(state_at(step, job.feeds, job.weights, run.loss_ratio), job.mixture)
            run.sampler.draw(step, shares, run.stopped)
            while updates := run.sampler.ready(last):
                running = [update for update in updates if update.adapter not in run.stopped]
                run.compare_gradients(running)
                run.note(run.updater.apply(running, run.rates()))
            run.step = step + 1
            if run.step % GIVE_BACK_EVERY == 0:
                give_back()
            run.log(shares.tolist(), force=last)
            if last or run.step % job.validate_every == 0:
                run.validate()
            stopping = run.all_stopped or run.watch.should_stop()
            if last or stopping or run.step % job.options.checkpoint_every == 0:
                run.checkpoint()
            if run.all_stopped:
                break
            if stopping and not last:
                raise Interrupted(job.resume_command)
        return run.finish()


class _Run:
    """The moving parts of one training run."""

    def __init__(self, job: Job, watch: Watch) -> None:
        self.job, self.watch = job, watch
        self.step, self.computed = 0, 0
        self.sampler = Sampler(job.feeds, job.seed)
        self.updater = Updater(job.base, job.bank, job.rows, job.options, job.frozen)
        self.units = self._make_units()
        self.base_losses: dict[str, float] = {}
        self.validated: dict[str, int] = {}
        self.last: Losses = {}
        self.at_best: Losses = {}
        self.logs = Logs(job.folder, self._clock, watch.track)

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.logs.close()

    def _make_units(self) -> list[Unit]:
        names = list(self.updater.optimizers)
        together = [names] if "common" in names else [[name] for name in names]
        return [
            Unit(each, self.updater.optimizers, self.job.options.early_stopping_patience) for each in together
        ]

    @property
    def stopped(self) -> list[str]:
        return [name for unit in self.units if unit.stopped for name in unit.adapters]

    @property
    def all_stopped(self) -> bool:
        return all(unit.stopped for unit in self.units)

    def _clock(self) -> dict[str, Any]:
        epoch = self.step * self.job.feeds.batch_size / sum(self.job.feeds.rows.values())
        return {"step": self.step, "epoch": round(epoch, 4)}

    @property
    def loss_ratio(self) -> dict[str, float]:
        """Task -> mean over its adapters of the last validation loss over the base's."""
        ratios: defaultdict[str, list[float]] = defaultdict(list)
        for (adapter, task), loss in self.last.items():
            if adapter is not None and math.isfinite(loss):
                ratios[task].append(loss / self.base_losses[task])
        return {task: sum(values) / len(values) for task, values in ratios.items()}

    def start(self) -> None:
        """From the latest checkpoint, or from the beginning with the base's own losses."""
        found = load_checkpoint(self.job.folder / "checkpoints")
        if found and found[0]["fingerprint"] == self.job.fingerprint:
            self.restore(*found)
            return
        self.logs.clear()
        self.last = self.job.validate([(None, task) for task in self.job.feeds.rows])
        self.base_losses = {task: loss for (_, task), loss in self.last.items()}
        _check_finite(self.base_losses)
        self.logs.validation(self.last)
        self.last = {}

    def rates(self) -> dict[str, float]:
        """Learning rate of each adapter's next update (``common`` moves once a step)."""
        numbers = {name: count - 1 for name, count in self.sampler.updates.items()} | {"common": self.step}
        horizons = self.job.forecast.updates | {"common": self.job.feeds.steps}
        return {
            name: learning_rate(max(0, number), max(1, horizons[name]), self.job.options)
            for name, number in numbers.items()
        }

    def compare_gradients(self, updates: Sequence[Update]) -> None:
        """Every so many updates of an adapter: do the gradients of the tasks that feed it agree?"""
        for update in updates:
            tasks = self.job.feeds.adapters[update.adapter]
            if self.job.gradient_agreement and len(tasks) > 1 and update.number % EVERY == 0:
                found = self.updater.agreement(update, tasks)
                self.logs.agreement(update.adapter, found)

    def note(self, measured: Sequence[Measured]) -> None:
        """Every update goes into the logs; one whose gradient is not finite ends its adapter."""
        for one in measured:
            self.computed += one.computed
            if not math.isfinite(one.norm):
                self.diverge(one.update.adapter)
                continue
            self.logs.update(one)

    def diverge(self, adapter: str) -> None:
        """A gradient that is not finite ends an adapter; its neighbours go on."""
        for unit in self.units:
            if adapter in unit.adapters and not unit.stopped:
                unit.diverge()
                self.logs.stop(adapter, unit.best_step, diverged=True)

    def log(self, shares: list[float], *, force: bool) -> None:
        """The mean train losses and the schedule, about a hundred times a run; progress every time."""
        if force or self.step % max(1, self.job.feeds.steps // 100) == 0:
            self.logs.schedule(dict(zip(self.job.feeds.rows, shares, strict=True)))
        best = {name: unit.best_step for unit in self.units for name in unit.adapters}
        news = {"tokens": self.computed, "losses": self.last, "best": best, "stopped": self.stopped}
        self.watch.progress(self.step, self.job.feeds.steps, news)

    def validate(self) -> None:
        """Validation loss of every running adapter on each of its tasks; keep what is best, stop what has stopped.

        One without an update since the last time has the loss that it had, and loses no patience over it.
        """
        moved = [
            name for name in self.job.feeds.adapters if name not in self.stopped and self.has_moved(name)
        ]
        self.validated |= {name: self.sampler.updates[name] for name in moved}
        pairs = [(name, task) for name in moved for task in self.job.feeds.adapters[name]]
        self.last |= self.job.validate(pairs)
        self.logs.validation(self.last)
        for unit in self.units:
            mine = [pair for pair in pairs if pair[0] in unit.adapters]
            if not mine:
                continue
            criterion = sum(self.last[pair] / self.base_losses[pair[1]] for pair in mine) / len(mine)
            stops = unit.update(criterion, self.step)
            if unit.best_step == self.step:
                self.at_best |= {pair: self.last[pair] for pair in mine}
            if stops:
                self.logs.stop(unit.adapters, unit.best_step)

    def has_moved(self, name: str) -> bool:
        """Whether an adapter is not what it was when last validated; ``common`` moves all."""
        return "common" in self.updater.optimizers or self.sampler.updates[name] != self.validated.get(name)

    def checkpoint(self) -> None:
        """All of the above, to disk."""
        tensors: dict[str, torch.Tensor] = {}
        for name, optimizer in self.updater.optimizers.items():
            tensors |= {f"now/{name}/{part}": tensor for part, tensor in optimizer.tensors().items()}
        for unit in self.units:
            tensors |= {f"best/{name}": weights for name, weights in unit.weights.items()}
        state = {
            "fingerprint": self.job.fingerprint,
            "sampler": self.sampler.state(),
            "units": [unit.state() for unit in self.units],
            "base_losses": self.base_losses,
            "validated": self.validated,
            "last": as_list(self.last),
            "at_best": as_list(self.at_best),
            "computed": self.computed,
        } | self.logs.state()
        save_checkpoint(self.job.folder / "checkpoints", self.step, state, tensors)

    def restore(self, state: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        """Continue where `checkpoint` was called."""
        self.step, self.computed = state["step"], state["computed"]
        self.sampler.restore(state["sampler"])
        for name, optimizer in self.updater.optimizers.items():
            prefix = f"now/{name}/"
            optimizer.restore({key[len(prefix) :]: t for key, t in tensors.items() if key.startswith(prefix)})
        for unit, saved in zip(self.units, state["units"], strict=True):
            unit.restore(saved, {n: tensors[f"best/{n}"] for n in unit.adapters if f"best/{n}" in tensors})
        self.base_losses, self.validated = state["base_losses"], state.get("validated", {})
        self.last, self.at_best = as_losses(state["last"]), as_losses(state["at_best"])
        self.logs.restore(state)

    def finish(self) -> Result:
        """Put every adapter's best state into the bank; one that never had a validation loss has diverged."""
        for unit in self.units:
            if not unit.weights:
                unit.diverge()
            unit.put_back()
        return Result(
            best_step={name: unit.best_step for unit in self.units for name in unit.adapters},
            stopped={name: unit.stopped for unit in self.units for name in unit.adapters},
            diverged={name for unit in self.units if unit.diverged for name in unit.adapters},
            validation=self.at_best,
            computed_tokens=self.computed,
        )


def _check_finite(base_losses: Mapping[str, float]) -> None:
    wrong = [task for task, loss in base_losses.items() if not math.isfinite(loss)]
    if wrong:
        raise UserError(
            "the base has no loss on the validation rows",
            given=f"nan or inf on {', '.join(wrong)}",
            expected="a base whose predictions are numbers",
            do="write training.dtype: float32, or check the base's weights",
        )
