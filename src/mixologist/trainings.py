"""The trainings of a run: all adapters together, after them the fully fine-tuned baselines, once for each seed.

Every one ends in whole files and in its facts in the record; one that was stopped goes on at its latest checkpoint.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixologist import seeds
from mixologist.drawing import trunk_rows, validation_sample
from mixologist.evaluation.loss import validation_losses
from mixologist.hooks import Hooks
from mixologist.memory import give_back
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base, folder_digest, load_base, whole
from mixologist.model.blocks import compiled
from mixologist.model.checkpoint import adapter_digest, save_adapter
from mixologist.model.whole import Trained, WholeModel
from mixologist.planning import Plan, full_models, plan_of_full, steps_between_validations
from mixologist.runfolder import RunFolder
from mixologist.tasks.encoding import silent
from mixologist.tasks.task import Stage
from mixologist.training.job import Job, Result, Watch
from mixologist.training.loop import train
from mixologist.training.trackers import losses, open_trackers


def make_job(
    plan: Plan,
    base: Base,
    bank: Trained,
    folder: Path,
    *,
    seed: int,
    resume_command: str,
    frozen: tuple[str, ...] = (),
    stage: Stage = lambda name, total: silent,
) -> Job:
    """What the training loop needs, for the tasks and adapters that the plan's feeds name."""
    options, tasks = plan.recipe.training, [plan.tasks.tasks[name] for name in plan.feeds.rows]
    samples = {task.name: validation_sample(plan, task) for task in tasks}
    train, rows = trunk_rows(plan, base, samples, stage)
    return Job(
        base=base, bank=bank, rows=train, feeds=plan.feeds, forecast=plan.forecast,
        weights=[task.weight for task in tasks], mixture=plan.recipe.mixture, options=options, seed=seed,
        validate_every=steps_between_validations(plan),
        validate=lambda pairs: validation_losses(base, bank, rows, pairs, options.max_tokens_per_batch),
        folder=folder, fingerprint=plan.fingerprint, frozen=frozen, resume_command=resume_command,
        gradient_agreement=plan.recipe.evaluation.gradient_agreement,
    )  # fmt: skip


@dataclass
class Trainings:
    """What they share."""

    plan: Plan
    base: Base
    folder: RunFolder
    record: dict[str, Any]
    """run.json, which grows with every training."""
    hooks: Hooks

    def run(self, note: Callable[[], None]) -> None:
        """All that are not done; ``note`` writes the record down."""
        for number in range(self.plan.recipe.evaluation.seeds):
            if number >= bool(self.record["adapters"]) + len(self.record["replicates"]):
                self._adapters(number)
                give_back()
                note()
            facts = self.record["replicates"][number - 1] if number else self.record
            for place, name in enumerate(full_models(self.plan), start=1):
                if name not in facts.setdefault("full", {}):
                    facts["full"][name] = self._full(name, number, place)
                    give_back()
                    note()
                self._forget(self.folder.replicate(number).full(name) / "checkpoints")
            if number:  # the run's own go when it is complete
                self._forget(self.folder.replicate(number).checkpoints)

    def _forget(self, checkpoints: Path) -> None:
        """Only what the record knows to be done, also where a kill came in between."""
        shutil.rmtree(checkpoints, ignore_errors=True)

    def _adapters(self, number: int) -> None:
        """Training with one seed. Rows and splits stay the same; first weights and the order of rows do not."""
        options, folder = self.plan.recipe.training, self.folder.replicate(number)
        seed = seeds.replicate(self.plan.recipe.seed, number)
        bank = self._bank(seed)
        with open_trackers(options.report_to, folder.path) as track:
            tracked = Watch(
                self._progress(number), self.hooks.should_stop, lambda row: track(losses(row), row["step"])
            )
            job = make_job(
                self.plan, self.base, bank, folder.path, seed=seed, resume_command=self._resume_command,
                stage=self.hooks.stage,
            )  # fmt: skip
            with compiled(self.base, self._compile):
                result = train(job, tracked)
        for name in bank.parts:
            save_adapter(bank, name, folder.any_adapter(name))
        bank.detach()
        self._note(result, number, seed)

    def _bank(self, seed: int) -> Bank:
        options = self.plan.recipe.adapters
        names = [*self.plan.feeds.adapters, *(["common"] if options.common else [])]
        shapes = [Shape(name, options.r, options.lora_alpha, options.use_rslora) for name in names]
        return Bank(
            self.base, shapes, modules=self.plan.modules, common=options.common, dropout=options.lora_dropout,
            seed=seed,
        )  # fmt: skip

    def _note(self, result: Result, number: int, seed: int) -> None:
        folder = self.folder.replicate(number)
        facts = {
            name: _facts(result, name, tasks) | {"digest": adapter_digest(folder.any_adapter(name))}
            for name, tasks in self.plan.feeds.adapters.items()
        }
        controls = {name: facts.pop(name) for name in self.plan.feeds.controls}
        self.record["tokens"] += result.computed_tokens
        if number:
            self.record["replicates"].append({"seed": seed, "adapters": facts, "controls": controls})
        else:
            self.record |= {"adapters": facts, "controls": controls}

    def _full(self, name: str, number: int, place: int) -> dict[str, Any]:
        """A copy of the base, all its weights trained as adapters are; kept as a Transformers folder."""
        plan, folder, choices = (
            plan_of_full(self.plan, name),
            self.folder.replicate(number),
            self.record["choices"],
        )
        base = load_base(plan.recipe.base_model, dtype=whole(choices["dtype"]), device=choices["device"])
        model = WholeModel(base, name)
        seed = seeds.replicate(self.plan.recipe.seed, number)
        job = make_job(plan, base, model, folder.full(name), seed=seed, resume_command=self._resume_command)
        with compiled(base, self._compile):
            result = train(job, Watch(self._progress(number, place), self.hooks.should_stop))
        model.detach()
        model.save(folder.full_model(name))
        self.record["tokens"] += result.computed_tokens
        return _facts(result, name, plan.feeds.adapters[name]) | {
            "learning_rate": plan.recipe.training.learning_rate,
            "digest": folder_digest(folder.full_model(name)),
        }

    @property
    def _resume_command(self) -> str:
        return shlex.join(["mixologist", "train", str(self.folder.path), "--resume"])

    @property
    def _compile(self) -> bool:
        return bool(self.record["choices"].get("torch_compile", False))

    def _progress(self, number: int, place: int = 0) -> Callable[[int, int, dict[str, Any]], None]:
        """Steps and tokens over all seeds and, within each, over the adapters together and every full fine-tuning."""
        trainings, tokens = 1 + len(full_models(self.plan)), self.record["tokens"]
        done, times = number * trainings + place, self.plan.recipe.evaluation.seeds * trainings
        return lambda step, steps, news: self.hooks.progress(
            done * steps + step, times * steps, news | {"tokens": tokens + news["tokens"]}
        )


def _facts(result: Result, name: str, tasks: Sequence[str]) -> dict[str, Any]:
    """What run.json says of one adapter, or fully fine-tuned model, that was trained."""
    return {
        "tasks": list(tasks),
        "best_step": result.best_step[name],
        "stopped_early": result.stopped[name],
        "validation_loss": {t: loss for (a, t), loss in result.validation.items() if a == name},
    } | ({"diverged": True} if name in result.diverged else {})
