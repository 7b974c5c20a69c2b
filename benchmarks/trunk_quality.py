"""What does a trunk cost in quality? Adapters in all blocks against adapters above split points, on a recipe's labels.

    python -m benchmarks.trunk_quality recipes/finance.yaml [--minutes 60] [--page docs/results/trunk-finance.md]

The recipe's classification tasks alone, each with an adapter of its own, trained side by side on at most ``--rows``
rows. Every split point stands at equal rank and at equal parameters, each with the best of three learning rates by
validation score (seed 0), then with five seeds; differences to no trunk are paired by seed. ``--splits``, ``--equal``,
``--rates`` and ``--seeds`` ask for less. Trainings go side by side on one thread each. After each its record is added
to a JSON file beside this script, and the same command goes on from there: what is long goes in parts. There are 35,
of some minutes of a core. Prints one JSON object when all are there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import stdtrit

from mixologist import seeds
from mixologist.evaluation.answers import Answerer
from mixologist.evaluation.metrics import metric_of, score
from mixologist.files import read_json, write_json
from mixologist.model.adapters import Bank, Shape
from mixologist.model.base import load_base
from mixologist.model.generate import Generator
from mixologist.planning import Plan, resolve
from mixologist.recipe.load import load
from mixologist.recipe.schema import Recipe
from mixologist.report.tables import markdown
from mixologist.tasks.task import load_tasks
from mixologist.training.loop import train
from mixologist.trainings import make_job

RANK = 16
EQUAL = ("rank", "parameters")
PAGE = """# What a trunk costs in quality: {name}

`{command}` wrote this page. {tasks}, each with an adapter of its own, on the built-in base of {blocks} blocks; at most
{rows} train rows, {epochs} epochs, {n} test rows a task. Macro-F1 x 100 on test, mean over tasks and {seeds} seeds.
*minus none*: against adapters in all blocks, paired by seed, with the 95% interval of Student's t over {seeds} seeds on
these test rows; *worst task*: the same for the task that loses most. Each line at the best by validation of the rates
{rates}. *passes*: block passes a token of later epochs, of those without a trunk.

{table}
"""


@dataclass(frozen=True)
class Shaped:
    """Adapters above ``trunk`` blocks, of rank ``r``; the scale alpha / r is 2 everywhere."""

    trunk: int
    r: int


def shapes(splits: Sequence[int], blocks: int, equal: Sequence[str] = EQUAL) -> list[Shaped]:
    """No trunk first; then each split at equal rank and at equal parameters.

    >>> shapes([4], 8)
    [Shaped(trunk=0, r=16), Shaped(trunk=4, r=16), Shaped(trunk=4, r=32)]
    """
    ranks = {split: {"rank": RANK, "parameters": round(RANK * blocks / (blocks - split))} for split in splits}
    return [Shaped(0, RANK), *(Shaped(split, ranks[split][one]) for split in splits for one in equal)]


def trimmed(path: Path, rows: int, tests: int, epochs: float) -> Recipe:
    """The recipe with its classification tasks alone, at most so many train and test rows each."""
    recipe = load(path)
    labelled = [
        name for name, task in load_tasks(recipe, allow_leakage=True).tasks.items() if task.format.choices
    ]
    tasks = tuple(
        task.model_copy(
            update={
                "train_rows": min(rows, task.train_rows or rows),
                "test_rows": min(tests, task.test_rows or tests),
            }
        )
        for task in recipe.tasks
        if (task.name or str(task.card).rpartition("/")[2]) in labelled
    )
    # A machine that is busy when it is asked could answer otherwise from part to part.
    training = recipe.training.model_copy(update={"num_train_epochs": epochs, "dtype": "bfloat16"})
    update = {"tasks": tasks, "training": training, "general": None, "math": None}
    return recipe.model_copy(update=update)


def plan_of(recipe: Recipe, shaped: Shaped, rate: float) -> Plan:
    """An adapter for each task, of this shape, at this rate."""
    adapters = recipe.adapters.model_copy(
        update={"plan": "per_task", "trunk": shaped.trunk, "r": shaped.r, "lora_alpha": 2 * shaped.r}
    )
    training = recipe.training.model_copy(update={"learning_rate": rate})
    return resolve(recipe.model_copy(update={"adapters": adapters, "training": training}), allow_leakage=True)


def trained(
    recipe: Recipe, shaped: Shaped, rate: float, number: int, until: float
) -> dict[str, dict[str, float]] | None:
    """Split -> task -> its metric, after a training with seed ``number``; validation for the first alone, which
    chooses the rate. None where it is later than ``until``."""
    if time.time() > until:
        return None
    torch.set_num_threads(1)
    plan = plan_of(recipe, shaped, rate)
    base, options = load_base(plan.recipe.base_model, dtype=plan.recipe.training.dtype), plan.recipe.adapters
    seed = seeds.replicate(plan.recipe.seed, number)
    bank = Bank(
        base, [Shape(name, options.r, options.lora_alpha) for name in plan.feeds.adapters],
        modules=plan.modules, seed=seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        train(make_job(plan, base, bank, Path(folder), seed=seed, resume_command=""))
    answerer = Answerer(
        Generator(base, bank, plan.encoder.end_ids), plan.encoder, dict.fromkeys(bank.names, "")
    )
    found: dict[str, dict[str, float]] = {}
    for split in ("validation", "test") if number == 0 else ("test",):
        for name, task in plan.tasks.tasks.items():
            prompts = answerer.prompts(task, split)
            outcomes = answerer.answer(task, split, prompts, [name] * len(prompts))
            found.setdefault(split, {})[name] = score(metric_of(task), outcomes)
    return found


class Records:
    """What has been trained, in a file."""

    def __init__(self, file: Path, settings: dict[str, Any], rates: Sequence[float], seeds: int) -> None:
        self.file, self.settings, self.rates, self.seeds = file, settings, rates, seeds
        kept: dict[str, Any] = read_json(file) if file.exists() else {"settings": settings, "trainings": []}
        if kept["settings"] != settings:
            raise SystemExit(f"{file} is of other settings: {kept['settings']}, not {settings}")
        self.trainings: list[dict[str, Any]] = kept["trainings"]

    def of(self, shaped: Shaped, rate: float, seed: int) -> dict[str, Any] | None:
        wanted = {"trunk": shaped.trunk, "r": shaped.r, "rate": rate, "seed": seed}
        return next((t for t in self.trainings if wanted.items() <= t.items()), None)

    def add(self, shaped: Shaped, rate: float, seed: int, found: dict[str, Any]) -> None:
        self.trainings.append({"trunk": shaped.trunk, "r": shaped.r, "rate": rate, "seed": seed} | found)
        write_json(self.file, {"settings": self.settings, "trainings": self.trainings})

    def best_rate(self, shaped: Shaped) -> float:
        """By the mean over tasks on validation, seed 0."""
        reached = {rate: self.of(shaped, rate, 0) for rate in self.rates}
        return max(self.rates, key=lambda rate: _mean((reached[rate] or {})["validation"]))

    def missing(self, every: Sequence[Shaped]) -> Iterator[tuple[Shaped, float, int]]:
        """Rates first; when they are there, seeds at the best of them."""
        rates = [(shaped, rate, 0) for shaped in every for rate in self.rates if not self.of(shaped, rate, 0)]
        yield from rates
        for shaped in [] if rates else every:
            best = self.best_rate(shaped)
            yield from ((shaped, best, n) for n in range(1, self.seeds) if not self.of(shaped, best, n))

    def at_best(self, shaped: Shaped) -> list[dict[str, float]]:
        """Test scores by task, of each seed."""
        rate = self.best_rate(shaped)
        return [(self.of(shaped, rate, n) or {})["test"] for n in range(self.seeds)]


def compared(records: Records, every: Sequence[Shaped], blocks: int) -> list[dict[str, Any]]:
    """Each shape against no trunk."""
    none = records.at_best(every[0])
    rows = []
    for shaped in every:
        own = records.at_best(shaped)
        by_task = {
            task: _paired([a[task] - b[task] for a, b in zip(own, none, strict=True)]) for task in none[0]
        }
        rows.append({
            "trunk": shaped.trunk, "r": shaped.r, "rate": records.best_rate(shaped),
            "passes": (blocks - shaped.trunk) / blocks, "value": float(np.mean([_mean(one) for one in own])),
            "minus_none": _paired([_mean(a) - _mean(b) for a, b in zip(own, none, strict=True)]),
            "worst": min(by_task.items(), key=lambda item: item[1]["value"]),
        })  # fmt: skip
    return rows


def _paired(differences: Sequence[float]) -> dict[str, float]:
    value, count = float(np.mean(differences)), len(differences)
    half = float(stdtrit(count - 1, 0.975) * np.std(differences, ddof=1) / count**0.5)
    return {"value": value, "low": value - half, "high": value + half}


def _mean(scores: dict[str, float]) -> float:
    return sum(scores.values()) / len(scores)


def page(rows: Sequence[dict[str, Any]]) -> str:
    """The table."""

    def told(found: dict[str, float]) -> str:
        return f"{100 * found['value']:+.1f} [{100 * found['low']:+.1f}, {100 * found['high']:+.1f}]"

    cells = [["blocks of trunk", "rank", "rate", "passes", "macro-F1", "minus none", "worst task"]]
    for row in rows:
        task, worst = row["worst"]
        against = [told(row["minus_none"]), f"{task} {told(worst)}"] if row["trunk"] else ["", ""]
        cells.append([str(row["trunk"]), str(row["r"]), f"{row['rate']:g}", f"{100 * row['passes']:.0f}%",
                      f"{100 * row['value']:.1f}", *against])  # fmt: skip
    return markdown(cells)


def fill(
    records: Records, recipe: Recipe, missing: Sequence[tuple[Shaped, float, int]], until: float, workers: int
) -> None:
    """Train these, ``workers`` at a time, and write each down."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        wanted = {pool.submit(trained, recipe, *one, until): one for one in missing}
        for future in as_completed(wanted):
            if found := future.result():
                records.add(*wanted[future], found)


def main() -> None:
    """Train what is missing, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--tests", type=int, default=400)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--splits", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--equal", choices=EQUAL, nargs="+", default=EQUAL)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 2e-3, 4e-3])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no training after so many")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    recipe = trimmed(given.recipe, given.rows, given.tests, given.epochs)
    plan = plan_of(recipe, Shaped(0, RANK), 1e-3)
    blocks = plan.skeleton.blocks
    settings = {
        "rows": given.rows,
        "tests": given.tests,
        "epochs": given.epochs,
        "fingerprint": plan.fingerprint,
    }
    file = Path(__file__).parent / f"trunk_quality_{given.recipe.stem}_{given.rows}.json"
    records = Records(file, settings, given.rates, given.seeds)
    every, until = shapes(given.splits, blocks, given.equal), time.time() + 60 * given.minutes
    while (missing := list(records.missing(every))) and time.time() < until:
        fill(records, recipe, missing, until, given.workers)
    if missing:
        return
    rows = compared(records, every, blocks)
    if given.page:
        tests = {len(task.splits["test"]) for task in plan.tasks.tasks.values()}
        text = PAGE.format(
            name=given.recipe.stem, command=f"python -m benchmarks.trunk_quality {shlex.join(sys.argv[1:])}",
            tasks=", ".join(plan.tasks.tasks), blocks=blocks, rows=given.rows, epochs=f"{given.epochs:g}",
            n=" or ".join(f"{n:,}" for n in sorted(tests)), seeds=given.seeds,
            rates=", ".join(f"{rate:g}" for rate in given.rates), table=page(rows),
        )  # fmt: skip
        given.page.write_text(text, encoding="utf-8")
    print(json.dumps({"settings": settings, "rows": rows}))


if __name__ == "__main__":
    main()
