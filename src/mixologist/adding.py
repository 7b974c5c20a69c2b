"""One more skill for a finished run: a new adapter beside the old ones, whose files are not touched.

The new task's adapter is trained alone on the frozen base (and the frozen ``common``), or taken from a PEFT folder. The
router learns again from its stored features and the new ones; then everything is evaluated with the answers that are
kept, so that only what changed is computed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from mixologist.drawing import prompt_rows, router_features
from mixologist.errors import UserError
from mixologist.evaluating import evaluate_run, load_adapters
from mixologist.files import write_folder, write_json
from mixologist.hooks import Hooks
from mixologist.mixing.forecast import forecast
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base, load_base
from mixologist.model.checkpoint import (
    WEIGHTS,
    AdapterFile,
    adapter_digest,
    fill,
    load_bank,
    read_adapter,
    save_adapter,
)
from mixologist.model.router import Router
from mixologist.planning import Plan, resolve
from mixologist.recipe import load as recipes
from mixologist.recipe import reading
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import RESERVED_NAMES, Recipe, TaskSpec
from mixologist.recipe.shape import NAME, is_name
from mixologist.report.html import write_report
from mixologist.runfolder import RunFolder
from mixologist.tasks.task import TaskSet
from mixologist.training.job import Watch
from mixologist.training.loop import train
from mixologist.training.router_features import Features
from mixologist.training.routing import fit_router
from mixologist.trainings import make_job

SPEC = TypeAdapter(TaskSpec)


def run_recipe(folder: RunFolder, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a run with the tasks that were added to it."""
    recipe = recipes.load(folder.recipe, overrides)
    added = tuple(SPEC.validate_python(spec) for spec in folder.record().get("added", []))
    return recipe.model_copy(update={"tasks": (*recipe.tasks, *added), "output_dir": str(folder.path)})


def check_data(record: Mapping[str, Any], tasks: TaskSet) -> None:
    """Raise `UserError` where a task's data is no longer what the run was trained and audited on.

    Runs made before digests were kept are believed.
    """
    if changed := tasks.changed(record.get("digests", {})):
        raise UserError(
            "the run's data has changed since it was trained",
            given=", ".join(changed),
            expected="the same files: what they teach may now stand in the rows that they are tested on",
            do="restore them, or train again into another output_dir",
        )


def read_task(path: Path) -> TaskSpec:
    """One task from a YAML file: its keys as under ``tasks:``, or a list or ``tasks:`` with one task in it.

    Checked as part of a recipe, so that mistakes read the same; raises `UserError`.
    """
    document = reading.parse(reading.text(path), str(path))
    if not document or not isinstance(document, dict | list):
        raise UserError(
            f"{path} holds no task",
            given="nothing" if document is None else f"a {type(document).__name__}",
            expected="a task's keys: name, path, format and so on",
            do="write `key: value` lines, as under `tasks:` in a recipe",
        )
    tasks = document.get("tasks", [document]) if isinstance(document, dict) else document
    recipe = recipes.load({"tasks": tasks}, beside=path.parent)
    if len(recipe.tasks) != 1:
        raise UserError(
            "add takes one task at a time",
            given=f"{path} with {len(recipe.tasks)} tasks",
            expected="one task",
            do="call add once for each",
        )
    return recipe.tasks[0]


def add_task(
    folder: RunFolder, spec: TaskSpec, adapter: Path | None = None, hooks: Hooks | None = None
) -> dict[str, Any]:
    """Add a task to a complete run; its adapter is trained, or read from ``adapter``. Returns run.json.

    Raises `UserError` before anything is written where the name is taken, the data is wrong, or the adapter does not
    fit. A stopped `add` continues when it is called again.
    """
    hooks = hooks or Hooks()
    record = folder.complete_record()
    name = resolved_name(spec)
    _check_free(record, name)
    for each in record["adapters"]:
        read_adapter(folder.adapter(each))  # a damaged one is found before hours of training
    recipe = run_recipe(folder)
    wanted = recipe.model_copy(update={"tasks": (*recipe.tasks, spec)})
    plan = resolve(wanted, allow_leakage=record["allow_leakage"], stage=hooks.stage)
    check_data(record, plan.tasks)
    base = base_of(record, recipe)
    facts: dict[str, Any] = {"tasks": [name]}
    if adapter is None:
        facts |= _train(folder, plan, base, name, hooks)
    else:
        _copy(base, adapter, folder.adapter(name), name)
    facts["digest"] = adapter_digest(folder.adapter(name))
    record["adapters"][name] = facts
    record["served_by"][name] = name
    record.setdefault("digests", {})[name] = plan.tasks.digests[name]
    record["added"] = [*record.get("added", []), spec.model_dump(mode="json", exclude_defaults=True)]
    return _settle(folder, plan, base, record, hooks)


def add_adapter(folder: RunFolder, adapter: Path) -> dict[str, Any]:
    """Add a PEFT folder without a task: it can be asked for by name, and is never chosen by the router."""
    record = folder.complete_record()
    if not is_name(adapter.name):
        raise UserError(
            "the adapter's folder gives it no usable name",
            given=adapter,
            expected=NAME,
            do="rename the folder",
        )
    _check_free(record, adapter.name)
    base = load_base(run_recipe(folder).base_model, dtype=record["choices"]["dtype"])
    base.check_digest(record["base_digest"])
    _copy(base, adapter, folder.adapter(adapter.name), adapter.name)
    record["adapters"][adapter.name] = {"tasks": [], "digest": adapter_digest(folder.adapter(adapter.name))}
    folder.write_record(record)
    return record


def _check_free(record: Mapping[str, Any], name: str) -> None:
    taken = {*record["adapters"], *record["served_by"], *RESERVED_NAMES}
    if name.casefold() in map(str.casefold, taken):
        raise UserError(
            "the run already has a task or adapter of this name",
            given=name,
            expected=f"a name other than {', '.join(sorted(taken))}",
            do="give it another name",
        )


def base_of(record: Mapping[str, Any], recipe: Recipe) -> Base:
    """A run's base, in the precision and on the device of its training. Raises `UserError` where it has changed."""
    choices = record["choices"]
    base = load_base(recipe.base_model, dtype=choices["dtype"], device=choices["device"])
    base.check_digest(record["base_digest"])
    return base


def _train(folder: RunFolder, plan: Plan, base: Base, name: str, hooks: Hooks) -> dict[str, Any]:
    """Train the new adapter alone; logs and checkpoints lie in ``added/<name>``."""
    seed = plan.recipe.seed
    feeds = replace(plan.feeds, rows={name: plan.feeds.rows[name]}, adapters={name: (name,)}, controls={})
    alone = replace(plan, feeds=feeds, forecast=forecast(feeds, plan.recipe.mixture, [1.0], seed))
    bank = _bank(folder, plan, base, name)
    job = make_job(
        alone, base, bank, folder.path / "added" / name, seed=seed, frozen=("common",), stage=hooks.stage,
        resume_command=f"mixologist add {folder.path} (the same command again)",
    )  # fmt: skip
    result = train(job, Watch(hooks.progress, hooks.should_stop))
    save_adapter(bank, name, folder.adapter(name))
    bank.detach()
    return {
        "best_step": result.best_step[name],
        "stopped_early": result.stopped[name],
        "validation_loss": {t: loss for (_, t), loss in result.validation.items()},
    }


def _bank(folder: RunFolder, plan: Plan, base: Base, name: str) -> Bank:
    """The new adapter, beside the run's ``common`` where it has one."""
    wish = plan.recipe.adapters
    shapes = [Shape(name, wish.r, wish.lora_alpha, wish.use_rslora)]
    common: AdapterFile | None = read_adapter(folder.adapter("common")) if wish.common else None
    if common:
        shapes.append(common.shape)
    bank = Bank(
        base,
        shapes,
        modules=plan.modules,
        common=common is not None,
        dropout=wish.lora_dropout,
        seed=plan.recipe.seed,
    )
    if common:
        fill(bank, 1, common)
    return bank


def _copy(base: Base, source: Path, target: Path, name: str) -> None:
    """Take over a PEFT folder as it is, once it is known to fit the base."""
    load_bank(base, [read_adapter(source, name)]).detach()

    def fill_folder(beside: Path) -> None:
        for file in ("adapter_config.json", WEIGHTS):
            shutil.copyfile(source / file, beside / file)

    write_folder(target, fill_folder)


def _settle(
    folder: RunFolder,
    plan: Plan,
    base: Base,
    record: dict[str, Any],
    hooks: Hooks,
) -> dict[str, Any]:
    """Router, record and evaluation with the new task in them."""
    bank = load_adapters(base, folder, record, plan.recipe)
    names = tuple(plan.tasks.tasks)
    features = _features(folder, plan, base, bank, names, hooks)
    router = fit_router(
        features, names, record["served_by"], plan.recipe.router,
        depth=plan.depth, base_digest=base.digest, seed=plan.recipe.seed,
    )  # fmt: skip

    def fill_router(beside: Path) -> None:
        features.save(beside)
        router.save(beside)

    result = evaluate_run(
        plan.recipe, record, (base, bank), plan.encoder, folder, router,
        plan.tasks.tasks, plan.general, "test", hooks.stage,
    )  # fmt: skip
    # Only now, all at once: until here the run is what it was, and the same command goes on.
    write_folder(folder.router, fill_router)
    write_json(folder.evaluation, result)
    folder.write_record(record)
    write_report(folder.path)
    shutil.rmtree(folder.path / "added" / names[-1] / "checkpoints", ignore_errors=True)
    return record


def _features(
    folder: RunFolder, plan: Plan, base: Base, bank: Bank, names: tuple[str, ...], hooks: Hooks
) -> Features:
    """Stored features and the new task's; all anew where none are stored, or where they hold other tasks."""
    stored = Router.load(folder.router).settings
    if stored.tasks != names[:-1] or stored.depth != plan.depth or not Features.stored(folder.router):
        return router_features(plan, base, bank, hooks.stage("routing", len(plan.train)))
    new = prompt_rows(plan, base, bank, plan.tasks.tasks[names[-1]], len(names) - 1)
    return Features.joined([Features.load(folder.router), *new])
