"""How much data does a task need? Adapters on parts of its train rows, trained side by side, and a curve through them.

    parts (all rows, half, a quarter, ...) x seeds -> one bank -> answers to the test rows -> power law
        -> learning_curve/<task>/curve.json

Smaller parts lie within larger ones; each seed draws parts, first weights and order anew. All adapters have as many
updates as a training of the task alone has under the recipe, and keep their best state on the same validation rows:
what is asked is what fewer rows cost, not what a shorter training costs. So the part with all rows need not be the
run's own adapter: a mixture may draw the task more or less often, and ``common`` is left out. Cost: parts x seeds times
the task trained alone, all at once.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixologist import seeds
from mixologist.adding import base_of, check_data, run_recipe
from mixologist.errors import UserError, nearest
from mixologist.evaluation.answers import Answerer
from mixologist.evaluation.learning_curve import measured
from mixologist.files import read_json, write_json
from mixologist.hooks import Hooks
from mixologist.mixing.forecast import forecast
from mixologist.mixing.sampler import Control, Feeds, control_name, with_controls
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import Base
from mixologist.model.generate import Generator
from mixologist.planning import Plan, resolve
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import Recipe
from mixologist.report.html import write_report
from mixologist.runfolder import RunFolder
from mixologist.tasks.task import Task
from mixologist.training.job import Watch
from mixologist.training.loop import train
from mixologist.trainings import make_job

MOST_PARTS, FEWEST_PARTS = 5, 3
TRAININGS = 3
"""Of each part, unless somebody asks for another number."""
SMALLEST = 16
"""Rows of the smallest part."""


def part_sizes(rows: int) -> list[int]:
    """Train rows of each part, the smallest first.

    >>> part_sizes(1200), part_sizes(100), part_sizes(40)
    ([75, 150, 300, 600, 1200], [25, 50, 100], [20, 40])
    """
    return [size for n in reversed(range(MOST_PARTS)) if (size := rows >> n) >= SMALLEST]


def learning_curve(
    folder: RunFolder, name: str, count: int = TRAININGS, hooks: Hooks | None = None
) -> dict[str, Any]:
    """Train, measure and fit for one task of a finished run, with ``count`` seeds; returns curve.json.

    What is stopped goes on when it is called again, what is there already is returned. Raises `UserError` where the
    task is unknown or has too few rows.
    """
    hooks = hooks or Hooks()
    check_task(folder, name)
    record, place = folder.record(), folder.learning_curve(name)
    recipe = _alone(run_recipe(folder), name)
    plan = resolve(recipe, allow_leakage=record["allow_leakage"], stage=hooks.stage)
    check_data(record, plan.tasks)
    task = plan.tasks.tasks[name]
    sizes = _sizes(name, len(plan.train[name]))
    curve = _plan(plan, task, sizes, count)
    if kept := _kept(place / "curve.json", curve.fingerprint):
        return kept
    base = base_of(record, recipe)
    bank = _bank(curve, base)
    seeds_too = f" --curve-seeds {count}" if count != TRAININGS else ""
    again = f"mixologist evaluate {folder.path} --learning-curve {name}{seeds_too}"
    job = make_job(curve, base, bank, place, seed=recipe.seed, resume_command=again, stage=hooks.stage)
    train(job, Watch(hooks.progress, hooks.should_stop))
    answers = _answers(curve, base, bank, task, hooks)
    bank.detach()
    runs = {size: [answers[_name(task, size, number)] for number in range(count)] for size in sizes}
    found = {"fingerprint": curve.fingerprint} | measured(task, runs, recipe.evaluation, recipe.seed)
    write_json(place / "curve.json", found)
    write_report(folder.path)
    shutil.rmtree(place / "checkpoints", ignore_errors=True)
    return found


def check_task(folder: RunFolder, name: str) -> None:
    """Raise `UserError` where the folder holds no finished run, or one without this task or with too few rows of it."""
    record = folder.complete_record()
    known = list(record["served_by"])
    if name not in known:
        raise UserError(
            "the run has no such task",
            given=name,
            expected=f"one of {', '.join(known)}",
            do=nearest(name, known),
        )
    if name in record["tasks"]:  # others were added later, and are read first
        _sizes(name, record["tasks"][name]["train_rows"])


def _alone(recipe: Recipe, name: str) -> Recipe:
    """The recipe with one task and its own adapter: neither draws nor fingerprint know of the others."""
    tasks = tuple(spec for spec in recipe.tasks if resolved_name(spec) == name)
    adapters = recipe.adapters.model_copy(update={"plan": "per_task", "groups": {}, "common": False})
    evaluation = recipe.evaluation.model_copy(update={"baselines": ("base",), "total_steps_tasks": ()})
    return recipe.model_copy(update={"tasks": tasks, "adapters": adapters, "evaluation": evaluation})


def _kept(file: Path, fingerprint: str) -> dict[str, Any] | None:
    found: dict[str, Any] = read_json(file) if file.exists() else {}
    return found if found.get("fingerprint") == fingerprint else None


def _sizes(task: str, rows: int) -> list[int]:
    sizes = part_sizes(rows)
    if len(sizes) < FEWEST_PARTS:
        raise UserError(
            f"task '{task}' has too few train rows for a learning curve",
            given=f"{rows} rows",
            expected=f"at least {SMALLEST * 2 ** (FEWEST_PARTS - 1)}: {FEWEST_PARTS} parts of {SMALLEST} or more",
            do="collect more rows, or ask for the curve of another task",
        )
    return sizes


def _name(task: Task, size: int, number: int) -> str:
    return control_name(f"{size}-rows-{number}", task.name)


def _plan(plan: Plan, task: Task, sizes: list[int], count: int) -> Plan:
    """The parts' adapters in place of the task's own."""
    alone = replace(plan.feeds, adapters={})
    feeds = with_controls(alone, _controls(alone, task, sizes, count))
    return replace(
        plan, feeds=feeds, forecast=forecast(feeds, plan.recipe.mixture, [1.0], plan.recipe.seed),
        fingerprint=f"{plan.fingerprint}/{count} seeds of {sizes}",
    )  # fmt: skip


def _controls(alone: Feeds, task: Task, sizes: list[int], count: int) -> dict[str, Control]:
    examples = sum(alone.draws(step) for step in range(alone.steps))
    return {
        _name(task, size, number): Control(task.name, size, examples, number)
        for number in range(count)
        for size in sizes
    }


def _bank(plan: Plan, base: Base) -> Bank:
    options = plan.recipe.adapters
    shapes = [Shape(name, options.r, options.lora_alpha, options.use_rslora) for name in plan.feeds.adapters]
    return Bank(
        base,
        shapes,
        modules=plan.modules,
        dropout=options.lora_dropout,
        seed=seeds.derive(plan.recipe.seed, "learning curve") % 2**31,
    )


def _answers(plan: Plan, base: Base, bank: Bank, task: Task, hooks: Hooks) -> dict[str, Any]:
    names = list(plan.feeds.adapters)
    generator = Generator(base, bank, plan.encoder.end_ids, max_tokens=plan.recipe.training.read_at_once)
    answerer = Answerer(generator, plan.encoder, dict.fromkeys(names, plan.fingerprint))
    prompts = answerer.prompts(task, "test")
    answerer.advance = hooks.stage("evaluating", len(names) * len(prompts))
    return answerer.of_each(task, "test", prompts, names)
