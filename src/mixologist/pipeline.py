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
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mixologist.describing import describe
from mixologist.drawing import router_features
from mixologist.errors import Interrupted, UserError
from mixologist.evaluating import evaluate_run, load_adapters, make_evaluator
from mixologist.files import write_json, write_text
from mixologist.hooks import Hooks
from mixologist.model.adapters import Bank
from mixologist.model.base import Base, load_base
from mixologist.model.blocks import check_compiler
from mixologist.model.router import Router
from mixologist.planning import Plan
from mixologist.recipe.fingerprint import differences
from mixologist.recipe.load import dump, load
from mixologist.report.html import write_report
from mixologist.runfolder import STAGES, VERSION, RunFolder
from mixologist.training.routing import fit_router
from mixologist.training.trackers import check_installed, open_trackers, scores
from mixologist.trainings import Trainings

MOST_CHANGES = 5
"""Keys of a changed recipe that a message names."""


def execute(
    plan: Plan, *, resume: bool = False, keep_features: bool = True, hooks: Hooks | None = None
) -> dict[str, Any]:
    """Train, route, choose, evaluate; returns run.json. ``resume`` continues what is in the output folder,
    ``keep_features`` stores what the router learned from, so that a later `add` need not compute it again.

    Raises `UserError` where the folder holds another run, `Interrupted` where the user stopped it.
    """
    run = _Execution(plan, keep_features, hooks or Hooks())
    if not (resume and run.folder.exists()):
        run.folder.check_free()
    with run.folder.alone():
        return _executed(run, resume)


def _executed(run: _Execution, resume: bool) -> dict[str, Any]:
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
            self.keep_features = self.record.get("keep_features", self.keep_features)
            self._note("resumed")
            torch.set_num_threads(self.record["choices"]["threads"])
        check_installed(self.recipe.training.report_to)
        self.base = load_base(
            self.recipe.base_model, dtype=self._choice("dtype"), device=self._choice("device")
        )
        if self._compiles():
            check_compiler(self.base.device)
        if self.record:
            self.base.check_digest(self.record["base_digest"])
            self.record["choices"]["torch_compile"] = self.recipe.training.torch_compile
        else:
            self.record = self._first_record(self.base)
            self._note("began")
            self.folder.write_record(self.record)
        if not self.folder.recipe.exists():
            write_text(self.folder.recipe, dump(self.recipe))

    def _choice(self, name: str) -> str:
        """What was chosen at the start is kept on resume, whatever ``auto`` would say now."""
        return str(self.record["choices"][name] if self.record else getattr(self.recipe.training, name))

    def _compiles(self) -> bool:
        trains = not self.record or STAGES.index(self.record["status"]) <= STAGES.index("training")
        return self.recipe.training.torch_compile and trains

    def _check_same(self) -> None:
        if self.record["fingerprint"] != self.plan.fingerprint:
            changes = ", ".join(self._changes()[:MOST_CHANGES]) or "the base, or a task's card"
            raise UserError(
                "the recipe or its data changed since this run began",
                given=f"{self.folder.path}: {changes}",
                expected=f"fingerprint {self.record['fingerprint'][:12]}, not {self.plan.fingerprint[:12]}",
                do="resume with the recipe it began with, or name another output_dir",
            )

    def _changes(self) -> list[str]:
        """Data and keys that are not as they were."""
        data = self.plan.tasks.changed(self.record.get("digests", {}))
        known = load(self.folder.recipe) if self.folder.recipe.exists() else self.recipe
        return [*data, *differences(known, self.recipe)]

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
            "keep_features": self.keep_features,
            "digests": self.plan.tasks.digests,
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
        assert self.base is not None
        Trainings(self.plan, self.base, self.folder, self.record, self.hooks).run(
            lambda: self.begin("training")
        )

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


def _peak_memory() -> int:
    """Most memory this process has held, in bytes; on CUDA the device's."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
