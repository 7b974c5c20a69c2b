"""From a plan to a finished run: the only place where training and evaluation meet.

    preparing -> training -> routing -> choosing -> evaluating -> complete

Each stage ends in files that appear whole, and writes its name into run.json before it begins: a run that was stopped
or killed continues at its stage, training at its latest checkpoint.
"""

from __future__ import annotations

import platform
import resource
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mixologist.drawing import router_features, validation_sample
from mixologist.errors import Interrupted, UserError
from mixologist.evaluation.answers import BASE, Answerer
from mixologist.evaluation.loss import validation_losses
from mixologist.evaluation.routing import RouterReport
from mixologist.evaluation.run import Evaluator
from mixologist.files import write_json, write_text
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base, load_base
from mixologist.model.checkpoint import adapter_digest, load_bank, read_adapter, save_adapter
from mixologist.model.generate import Generator
from mixologist.model.router import Router
from mixologist.planning import Plan, describe, steps_between_validations
from mixologist.recipe.load import dump
from mixologist.recipe.schema import Recipe
from mixologist.runfolder import STAGES, VERSION, RunFolder
from mixologist.tasks.encoding import Advance
from mixologist.tasks.task import Task
from mixologist.training.loop import Job, Result, Watch, train
from mixologist.training.routing import fit_router
from mixologist.training.trackers import open_trackers


@dataclass
class Hooks:
    """How the outside world follows along: all optional."""

    stage: Callable[[str, int], Advance] = lambda name, total: lambda count: None
    """Told the stage and how many things it will do; gives back what is told how many are done."""
    progress: Callable[[int, int, dict[str, Any]], None] = lambda step, steps, news: None
    should_stop: Callable[[], bool] = lambda: False


def execute(
    plan: Plan, *, resume: bool = False, keep_features: bool = True, hooks: Hooks | None = None
) -> dict[str, Any]:
    """Train, route, choose, evaluate; returns run.json. ``resume`` continues what is in the output folder,
    ``keep_features`` stores what the router learned from, so that a later `add` need not compute it again.

    Raises `UserError` where the folder holds another run, `Interrupted` where the user stopped it.
    """
    run = _Execution(plan, keep_features, hooks or Hooks())
    run.open(resume)
    stages: dict[str, Callable[[], None]] = {
        "training": run.train,
        "routing": run.route,
        "choosing": run.choose,
        "evaluating": run.evaluate,
    }
    for name, stage in stages.items():
        if STAGES.index(run.record["status"]) <= STAGES.index(name):
            run.begin(name)
            stage()
    return run.complete()


class _Execution:
    """One run under way."""

    def __init__(self, plan: Plan, keep_features: bool, hooks: Hooks) -> None:
        self.keep_features = keep_features
        self.plan, self.recipe, self.hooks = plan, plan.recipe, hooks
        self.folder = RunFolder(Path(plan.recipe.output_dir))
        self.record: dict[str, Any] = {}
        self.started = time.monotonic()
        self.base: Base | None = None
        self.bank: Bank | None = None

    def open(self, resume: bool) -> None:
        """Begin a folder, or find the run in it."""
        if resume and self.folder.exists():
            self.record = self.folder.record()
            self._check_same()
            torch.set_num_threads(self.record["choices"]["threads"])
        else:
            self.folder.check_free()
        self.base = load_base(
            self.recipe.base_model, dtype=self._choice("dtype"), device=self._choice("device")
        )
        if not self.record:
            self.record = self._first_record(self.base)
            self.folder.write_record(self.record)
        if not self.folder.recipe.exists():
            write_text(self.folder.recipe, dump(self.recipe))

    def _choice(self, name: str) -> str:
        """What was chosen at the start is kept on resume, whatever ``auto`` would say now."""
        return str(self.record["choices"][name] if self.record else getattr(self.recipe.training, name))

    def _check_same(self) -> None:
        if self.record["fingerprint"] != self.plan.fingerprint:
            raise UserError(
                "the recipe or its data changed since this run began",
                given=self.folder.path,
                expected=f"fingerprint {self.record['fingerprint'][:12]}, not {self.plan.fingerprint[:12]}",
                do="resume with the recipe it began with, or name another output_dir",
            )

    def _first_record(self, base: Base) -> dict[str, Any]:
        described = describe(self.plan)
        return {
            "version": VERSION,
            "status": "preparing",
            "fingerprint": self.plan.fingerprint,
            "base_model": self.recipe.base_model,
            "base_digest": base.digest,
            "versions": {
                name: version(name) for name in ("mixologist", "torch", "transformers", "peft", "datasets")
            }
            | {"python": platform.python_version()},
            "choices": {
                "dtype": str(base.dtype).removeprefix("torch."),
                "device": str(base.device),
                "threads": torch.get_num_threads(),
                "trunk": self.plan.trunk,
                "router_depth": self.plan.depth,
            },
            "adapters": {name: {"tasks": list(tasks)} for name, tasks in self.plan.feeds.adapters.items()},
            "served_by": {},
            "allow_leakage": self.plan.allow_leakage,
            "tasks": described["tasks"],
            "audit": described["audit"],
            "warnings": self.plan.warnings,
            "seconds": 0.0,
            "tokens": 0,
            "peak_memory_bytes": 0,
        }

    def begin(self, stage: str) -> None:
        """Note the stage and what the run has cost so far."""
        now = time.monotonic()
        self.record["status"] = stage
        self.record["seconds"] = round(self.record["seconds"] + now - self.started, 1)
        self.record["peak_memory_bytes"] = max(self.record["peak_memory_bytes"], _peak_memory())
        self.started = now
        self.folder.write_record(self.record)

    def train(self) -> None:
        """All adapters to their best state, then their PEFT folders."""
        assert self.base is not None
        recipe = self.recipe
        names = [*self.plan.feeds.adapters, *(["common"] if recipe.adapters.common else [])]
        shapes = [
            Shape(n, recipe.adapters.r, recipe.adapters.lora_alpha, recipe.adapters.use_rslora) for n in names
        ]
        bank = Bank(
            self.base, shapes, modules=self.plan.modules, common=recipe.adapters.common,
            dropout=recipe.adapters.lora_dropout, seed=recipe.seed,
        )  # fmt: skip
        with open_trackers(recipe.training.report_to, self.folder.path) as track:
            try:
                result = train(self._job(bank), Watch(self.hooks.progress, self.hooks.should_stop, track))
            except Interrupted:
                self.begin("training")
                raise
        for name in names:
            save_adapter(bank, name, self.folder.adapter(name))
        bank.detach()
        self._note_training(result)

    def _job(self, bank: Bank) -> Job:
        assert self.base is not None
        base, options = self.base, self.recipe.training
        rows = {name: validation_sample(self.plan, task) for name, task in self.plan.tasks.tasks.items()}
        return Job(
            base=base, bank=bank, rows=self.plan.train, feeds=self.plan.feeds, forecast=self.plan.forecast,
            weights=[task.weight for task in self.plan.tasks.tasks.values()], mixture=self.recipe.mixture,
            options=options, seed=self.recipe.seed, validate_every=steps_between_validations(self.plan),
            validate=lambda pairs: validation_losses(base, bank, rows, pairs, options.max_tokens_per_batch),
            folder=self.folder.path, fingerprint=self.plan.fingerprint,
            resume_command=f"mixologist train {self.folder.path} --resume",
        )  # fmt: skip

    def _note_training(self, result: Result) -> None:
        for name, facts in self.record["adapters"].items():
            facts["best_step"] = result.best_step[name]
            facts["stopped_early"] = result.stopped[name]
            facts["validation_loss"] = {t: loss for (a, t), loss in result.validation.items() if a == name}
            facts["digest"] = adapter_digest(self.folder.adapter(name))
        self.record["tokens"] = result.computed_tokens

    def _load(self) -> tuple[Base, Bank]:
        """The base with the trained adapters, as anyone would load them."""
        assert self.base is not None
        if self.bank is None:
            files = [read_adapter(self.folder.adapter(name)) for name in self.record["adapters"]]
            self.bank = load_bank(self.base, files)
        return self.base, self.bank

    def route(self) -> None:
        """Router features of train and validation prompts in three wordings, then the router."""
        base, bank = self._load()
        names = tuple(self.plan.tasks.tasks)
        features = router_features(self.plan, base, bank, self.hooks.stage("routing", len(self.plan.train)))
        if self.keep_features:
            features.save(self.folder.router)
        served_by = {task: self._first_adapter(task) for task in names}
        fit_router(
            features, names, served_by, self.recipe.router,
            depth=self.plan.depth, base_digest=base.digest, seed=self.recipe.seed,
        ).save(self.folder.router)  # fmt: skip

    def _first_adapter(self, task: str) -> str:
        return next(adapter for adapter, tasks in self.plan.feeds.adapters.items() if task in tasks)

    def choose(self) -> None:
        """Which adapter serves each task, on validation data; the router then leads there."""
        evaluator = make_evaluator(self.recipe, self.record, self._load(), self.plan.encoder, self.folder)
        tasks = self.plan.tasks.tasks
        rows = {name: len(task.splits["validation"]) for name, task in tasks.items()}
        total = sum(n * (len(evaluator.systems(name)) - 1) for name, n in rows.items())
        evaluator.answerer.advance = self.hooks.stage("choosing", total)
        self.record["served_by"] = evaluator.choose(tasks)
        router = Router.load(self.folder.router)
        router.serve(self.record["served_by"]).save(self.folder.router)

    def evaluate(self) -> None:
        """evaluation.json on the test split."""
        result = evaluate_run(
            self.recipe, self.record, self._load(), self.plan.encoder, self.folder, Router.load(self.folder.router),
            self.plan.tasks.tasks, self.plan.general, "test", self.hooks,
        )  # fmt: skip
        write_json(self.folder.evaluation, result)

    def complete(self) -> dict[str, Any]:
        """The last record; checkpoints have done their work."""
        if self.record["status"] != "complete":
            self.begin("complete")
            shutil.rmtree(self.folder.checkpoints, ignore_errors=True)
        return self.record


def make_evaluator(
    recipe: Recipe,
    record: Mapping[str, Any],
    loaded: tuple[Base, Bank],
    encoder: Any,
    folder: RunFolder,
) -> Evaluator:
    """The evaluator of a run's adapters."""
    base, bank = loaded
    # From the files, not from the record: an adapter that was changed by hand is another one.
    digests = {name: adapter_digest(folder.adapter(name)) for name in record["adapters"]} | {
        BASE: record["base_digest"]
    }
    answerer = Answerer(Generator(base, bank, encoder.end_ids), encoder, digests, folder.predictions)
    feeds = {name: facts["tasks"] for name, facts in record["adapters"].items()}
    return Evaluator(answerer, feeds, recipe.evaluation, recipe.seed)


def evaluate_run(
    recipe: Recipe,
    record: Mapping[str, Any],
    loaded: tuple[Base, Bank],
    encoder: Any,
    folder: RunFolder,
    router: Router,
    tasks: Mapping[str, Task],
    general: Mapping[str, Task],
    split: str,
    hooks: Hooks,
) -> dict[str, Any]:
    """Evaluate every system of a run on a split."""
    report = RouterReport(*loaded, router, encoder, recipe)
    evaluator = make_evaluator(recipe, record, loaded, encoder, folder)
    evaluator.answerer.advance = hooks.stage("evaluating", evaluator.work(tasks, general, split))
    return evaluator.evaluate(tasks, general, record["served_by"], report, split)


def _peak_memory() -> int:
    """Most memory this process has held, in bytes; on CUDA the device's."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
