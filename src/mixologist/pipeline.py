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
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mixologist import seeds
from mixologist.describing import describe
from mixologist.drawing import router_features, trunk_rows, validation_sample
from mixologist.errors import Interrupted, UserError
from mixologist.evaluating import evaluate_run, load_adapters, make_evaluator
from mixologist.evaluation.loss import validation_losses
from mixologist.files import write_json, write_text
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base, folder_digest, load_base, whole
from mixologist.model.blocks import check_compiler, compiled
from mixologist.model.checkpoint import adapter_digest, save_adapter
from mixologist.model.router import Router
from mixologist.model.whole import Trained, WholeModel
from mixologist.planning import Plan, full_models, plan_of_full, steps_between_validations
from mixologist.recipe.load import dump
from mixologist.report.html import write_report
from mixologist.runfolder import STAGES, VERSION, RunFolder
from mixologist.tasks.encoding import Advance, silent
from mixologist.tasks.task import Stage
from mixologist.training.loop import Job, Result, Watch, train
from mixologist.training.routing import fit_router
from mixologist.training.trackers import check_installed, losses, open_trackers, scores


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
    try:
        for name, stage in stages.items():
            if STAGES.index(run.record["status"]) <= STAGES.index(name):
                run.begin(name)
                stage()
    except BaseException as error:
        run.stopped(error)
        raise
    run.complete()
    write_report(run.folder.path)
    return run.record


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
            self._note("resumed")
            torch.set_num_threads(self.record["choices"]["threads"])
        else:
            self.folder.check_free()
        check_installed(self.recipe.training.report_to)
        self.base = load_base(
            self.recipe.base_model, dtype=self._choice("dtype"), device=self._choice("device")
        )
        if not self.record:
            if self.recipe.training.torch_compile:
                check_compiler(self.base.device)
            self.record = self._first_record(self.base)
            self._note("began")
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
            "base_bytes": sum(weight.numel() * weight.element_size() for weight in base.model.parameters()),
            "versions": {
                name: version(name) for name in ("mixologist", "torch", "transformers", "peft", "datasets")
            }
            | {"python": platform.python_version()},
            "choices": {
                "dtype": base.number,
                "device": str(base.device),
                "threads": torch.get_num_threads(),
                "torch_compile": self.recipe.training.torch_compile,
                "trunk": self.plan.trunk,
                "router_depth": self.plan.depth,
            },
            "adapters": {},
            "controls": {},
            "replicates": [],
            "served_by": {},
            "allow_leakage": self.plan.allow_leakage,
            "tasks": described["tasks"],
            "audit": described["audit"],
            "warnings": self.plan.warnings,
            "history": [],
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

    def stopped(self, error: BaseException) -> None:
        """Note why the run ends here, and show it in the report, so far as the disk has room for that."""
        wished = isinstance(error, Interrupted | KeyboardInterrupt)
        with suppress(OSError):
            self._note("interrupted" if wished else "failed", str(error) or type(error).__name__)
            self.begin(self.record["status"])
            write_report(self.folder.path)

    def _note(self, event: str, why: str = "") -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.record.setdefault("history", []).append(
            {"event": event, "stage": self.record["status"], "at": now, "why": why}
        )

    def train(self) -> None:
        """All adapters to their best state and then their PEFT folders, after them the fully fine-tuned baselines; once
        for each training seed.
        """
        for number in range(self.recipe.evaluation.seeds):
            if number >= self._trained():
                self._train(number)
                self.begin("training")
            facts = self.record["replicates"][number - 1] if number else self.record
            for place, name in enumerate(full_models(self.plan), start=1):
                if name not in facts.setdefault("full", {}):
                    facts["full"][name] = self._train_full(name, number, place)
                    self.begin("training")

    def _trained(self) -> int:
        """For how many seeds the adapters are there."""
        return bool(self.record["adapters"]) + len(self.record["replicates"])

    def _train(self, number: int) -> None:
        """Training with one seed. Rows and splits stay the same; first weights and the order of rows do not."""
        assert self.base is not None
        recipe, folder = self.recipe, self.folder.replicate(number)
        seed = seeds.replicate(recipe.seed, number)
        names = [*self.plan.feeds.adapters, *(["common"] if recipe.adapters.common else [])]
        shapes = [
            Shape(n, recipe.adapters.r, recipe.adapters.lora_alpha, recipe.adapters.use_rslora) for n in names
        ]
        bank = Bank(
            self.base, shapes, modules=self.plan.modules, common=recipe.adapters.common,
            dropout=recipe.adapters.lora_dropout, seed=seed,
        )  # fmt: skip
        with open_trackers(recipe.training.report_to, folder.path) as track:
            tracked = Watch(
                self._progress(number), self.hooks.should_stop, lambda row: track(losses(row), row["step"])
            )
            job = make_job(
                self.plan, self.base, bank, folder.path, seed=seed, resume_command=self._resume_command,
                stage=self.hooks.stage,
            )  # fmt: skip
            with compiled(self.base, self._compile):
                result = train(job, tracked)
        for name in names:
            save_adapter(bank, name, folder.any_adapter(name))
        bank.detach()
        self._note_training(result, number, seed)

    def _train_full(self, name: str, number: int, place: int) -> dict[str, Any]:
        """A copy of the base, all its weights trained as adapters are; kept as a Transformers folder."""
        assert self.base is not None
        plan, folder = plan_of_full(self.plan, name), self.folder.replicate(number)
        base = load_base(
            self.recipe.base_model, dtype=whole(self._choice("dtype")), device=self._choice("device")
        )
        model = WholeModel(base, name)
        seed = seeds.replicate(self.recipe.seed, number)
        job = make_job(plan, base, model, folder.full(name), seed=seed, resume_command=self._resume_command)
        with compiled(base, self._compile):
            result = train(job, Watch(self._progress(number, place), self.hooks.should_stop))
        model.detach()
        model.save(folder.full_model(name))
        shutil.rmtree(folder.full(name) / "checkpoints", ignore_errors=True)
        self.record["tokens"] += result.computed_tokens
        return _facts(result, name, plan.feeds.adapters[name]) | {
            "learning_rate": plan.recipe.training.learning_rate,
            "digest": folder_digest(folder.full_model(name)),
        }

    @property
    def _resume_command(self) -> str:
        return f"mixologist train {self.folder.path} --resume"

    @property
    def _compile(self) -> bool:
        return bool(self.record["choices"].get("torch_compile", False))

    def _progress(self, number: int, place: int = 0) -> Callable[[int, int, dict[str, Any]], None]:
        """Steps counted over all seeds and, within each, over the adapters together and every full fine-tuning."""
        trainings = 1 + len(full_models(self.plan))
        done, times = number * trainings + place, self.recipe.evaluation.seeds * trainings
        return lambda step, steps, news: self.hooks.progress(done * steps + step, times * steps, news)

    def _note_training(self, result: Result, number: int, seed: int) -> None:
        folder = self.folder.replicate(number)
        facts = {
            name: _facts(result, name, tasks) | {"digest": adapter_digest(folder.any_adapter(name))}
            for name, tasks in self.plan.feeds.adapters.items()
        }
        controls = {name: facts.pop(name) for name in self.plan.feeds.controls}
        self.record["tokens"] += result.computed_tokens
        if number:
            self.record["replicates"].append({"seed": seed, "adapters": facts, "controls": controls})
            shutil.rmtree(folder.checkpoints, ignore_errors=True)
        else:
            self.record |= {"adapters": facts, "controls": controls}

    def _load(self) -> tuple[Base, Bank]:
        """The base with the trained adapters, as anyone would load them."""
        assert self.base is not None
        if self.bank is None:
            self.bank = load_adapters(self.base, self.folder, self.record, self.recipe)
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
            self.plan.tasks.tasks, self.plan.general, "test", self.hooks.stage,
        )  # fmt: skip
        write_json(self.folder.evaluation, result)
        with open_trackers(self.recipe.training.report_to, self.folder.path) as track:
            track(scores(result), self.plan.feeds.steps)

    def complete(self) -> None:
        """The last record; checkpoints have done their work."""
        if self.record["status"] != "complete":
            self._note("complete")
            self.begin("complete")
            shutil.rmtree(self.folder.checkpoints, ignore_errors=True)


def _facts(result: Result, name: str, tasks: Sequence[str]) -> dict[str, Any]:
    """What run.json says of one adapter, or fully fine-tuned model, that was trained."""
    return {
        "tasks": list(tasks),
        "best_step": result.best_step[name],
        "stopped_early": result.stopped[name],
        "validation_loss": {t: loss for (a, t), loss in result.validation.items() if a == name},
    }


def _peak_memory() -> int:
    """Most memory this process has held, in bytes; on CUDA the device's."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
