"""What bases are worth after training: the trimmed recipe on each of them, beside TF-IDF on the same rows.

    python -m tools.pretrain.compare reference=../shared/base-reference new=runs/pretrain/part1/model

One run for each base and seed (the seed draws rows, order and initial weights; a seed's rows are the same for all
bases); a finished run is kept, a stopped one goes on. Written: compare.json, compare.md. The first base is what the
others are compared with. `resampling` says what the intervals are.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import mixologist
from mixologist.cli.console import following
from mixologist.errors import MixologistError
from mixologist.evaluation.baselines.tfidf import tfidf
from mixologist.evaluation.metrics import Metric, metric_of, score
from mixologist.files import read_json, write_json, write_text
from mixologist.recipe.load import load, resolved_name
from mixologist.records import Outcome
from mixologist.runfolder import RunFolder
from mixologist.tasks.task import Task, load_tasks
from tools.pretrain.resampling import TFIDF, Answers, compare
from tools.pretrain.sources import DATA

RECIPE = Path(__file__).with_suffix(".yaml")


def named(bases: Sequence[str]) -> dict[str, str]:
    """Name -> base of each ``NAME=BASE``; a BASE alone is called by its folder.

    >>> named(["old=builtin", "runs/part1/model", "../shared/base-reference"])
    {'old': 'builtin', 'part1': 'runs/part1/model', 'base-reference': '../shared/base-reference'}
    """
    pairs = [text.partition("=")[::2] if "=" in text else (_called(text), text) for text in bases]
    names = [name for name, _ in pairs]
    if len({*names, TFIDF}) <= len(names) or not all(name and "/" not in name for name in names):
        raise SystemExit(
            f"each base needs a name of its own, without slash: {', '.join(names)}; write NAME=BASE"
        )
    return dict(pairs)


def _called(base: str) -> str:
    folder = Path(base)
    return folder.parent.name if folder.name == "model" else folder.name


def run(recipe: Path, base: str, seed: int, overrides: Sequence[str], folder: Path) -> RunFolder:
    """The finished run of a base and a seed: trained, continued or found. `UserError` where its recipe was another."""
    where = str(Path(base).resolve()) if Path(base).exists() else base
    own = {"base_model": where, "seed": seed, "output_dir": str(folder)}
    values = [*overrides, *(f"{key}={json.dumps(value)}" for key, value in own.items())]
    print(folder, flush=True)
    with following("give the same command again") as follower:
        mixologist.train(recipe, overrides=values, resume=True, hooks=follower.hooks())
    return RunFolder(folder)


def answers_of(run: RunFolder, task: Task) -> list[Outcome]:
    """The served adapter's answers to the task's test rows, in the rows' order."""
    found = read_json(run.evaluation)["tasks"][task.name]
    kept = run.predictions / "test" / task.name / f"{found['served_by']}.jsonl"
    _made_by, *lines = kept.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    by_id = {row["id"]: Outcome(**row) for row in map(json.loads, lines)}
    outcomes = [by_id[example.id] for example in task.splits["test"]]
    assert math.isclose(score(metric_of(task), outcomes), found["systems"]["oracle"]["value"], abs_tol=1e-9)
    return outcomes


def collect(
    recipe: Path, overrides: Sequence[str], runs: Mapping[int, Mapping[str, RunFolder]]
) -> tuple[Answers, dict[str, Metric], dict[str, dict[int, float]]]:
    """All answers, TF-IDF's first; each task's metric; and the C of TF-IDF by task and seed."""
    answers: Answers = {}
    metrics: dict[str, Metric] = {}
    strengths: dict[str, dict[int, float]] = {}
    for seed, by_base in runs.items():
        for name, task in load_tasks(load(recipe, [*overrides, f"seed={seed}"])).tasks.items():
            metric = metrics[name] = metric_of(task)
            found, strengths.setdefault(name, {})[seed] = tfidf(task, "test", partial(score, metric))
            systems = {TFIDF: found} | {base: answers_of(run, task) for base, run in by_base.items()}
            for system, outcomes in systems.items():
                answers.setdefault(name, {}).setdefault(system, {})[seed] = outcomes
    return answers, metrics, strengths


def table(found: Mapping[str, Any]) -> str:
    """Markdown: tasks and their mean; points, with 95% limits."""
    kinds = ("systems", "differences")
    columns = [name for kind in kinds for name in found["mean"][kind]]
    lines = [["task", "test rows", *columns], ["---"] * (len(columns) + 2)]
    for task, row in [*found["tasks"].items(), ("**mean**", found["mean"])]:
        rows = "/".join(str(n) for n in sorted({*row.get("test_rows", ())}))
        lines.append([task, rows, *(cell(one) for kind in kinds for one in row[kind].values())])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(one: Mapping[str, float]) -> str:
    """``62.3 [60.0, 64.1]``."""
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * one[key] for key in ("value", "low", "high")))


def described(run: RunFolder) -> dict[str, Any]:
    """What made a run, and what it cost."""
    record = run.record()
    return {key: record[key] for key in ("base_digest", "choices", "versions", "seconds", "tokens")}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bases", nargs="+", metavar="[NAME=]BASE", help="model folders, or builtin")
    parser.add_argument("--out", type=Path, default=Path("runs/pretrain/compare"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--rows", type=int, help="train rows of every task, instead of the recipe's")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    if given.rows:
        names = [resolved_name(spec) for spec in load(given.recipe).tasks]
        given.overrides += [f"tasks.{name}.train_rows={given.rows}" for name in names]
    return given


def main() -> None:
    """Run what is not yet run, compare, print, write."""
    given = arguments()
    bases = named(given.bases)
    os.environ.setdefault("MIXOLOGIST_DATA", str(DATA))
    try:
        runs = {
            seed: {
                name: run(given.recipe, base, seed, given.overrides, given.out / name / f"seed{seed}")
                for name, base in bases.items()
            }
            for seed in given.seeds
        }
    except MixologistError as problem:
        raise SystemExit(str(problem)) from problem
    answers, metrics, strengths = collect(given.recipe, given.overrides, runs)
    found = {"bases": bases, "seeds": given.seeds, "overrides": given.overrides} | compare(answers, metrics)
    found["tfidf_C"] = strengths
    found["runs"] = {n: {seed: described(by_base[n]) for seed, by_base in runs.items()} for n in bases}
    write_json(given.out / "compare.json", found)
    write_text(given.out / "compare.md", table(found))
    print(table(found))


if __name__ == "__main__":
    main()
