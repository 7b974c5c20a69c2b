"""Tasks of the lm-evaluation-harness as extra rows of a run's report: the plain base, and the run as it is served.

    harness.json    {"lm_eval": VERSION, "adapters": {NAME: DIGEST}, "rows": [{"task", "metric", "higher_is_better",
                     "systems": {"base": {"value", "n"}, "routed": {"value", "n", "minus_base"}}}]}

Values are the harness's. Where one is a mean over items, the difference has our paired interval; a group of tasks, or
a corpus metric, has none. Cost: each task twice, once for each system.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from importlib.metadata import version
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from mixologist.adding import run_recipe
from mixologist.errors import MixologistError, UserError, nearest
from mixologist.evaluation.readings import Floats, against_base
from mixologist.files import write_json
from mixologist.recipe import schema
from mixologist.report.harness import digests, harness_rows
from mixologist.report.html import write_report
from mixologist.runfolder import RunFolder

SYSTEMS = {"base": "base", "routed": "auto"}
"""System -> the adapter that the harness asks."""
SLACK = 1e-9


def measure(
    run: Path,
    tasks: Sequence[str],
    manager: Any,
    *,
    limit: int | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> dict[str, Any]:
    """Ask ``tasks`` of the base and of the run, and write harness.json; rows of other tasks stay. Its content.

    Args:
        manager: from `task_manager`.
        limit: items of each task; None for all.

    Raises `MixologistError` where the harness fails.
    """
    folder = RunFolder(run)
    record, recipe = folder.complete_record(), run_recipe(folder)
    found = {}
    for system, adapter in SYSTEMS.items():
        found[system] = _asked(run, adapter, tasks, manager, limit)
        advance(1)
    rows = list(_rows(found, recipe.evaluation, recipe.seed))
    named = {row["task"] for row in rows}
    kept = [row for row in harness_rows(folder, record) if row["task"] not in named]
    result = {"lm_eval": version("lm_eval"), "adapters": digests(record), "rows": kept + rows}
    write_json(folder.harness, result)
    write_report(run)
    return result


def task_manager(tasks: Sequence[str], include: Path | None = None) -> Any:
    """The harness's own list of tasks, with those in the folder ``include``.

    Raises `UserError` where it is not installed or has not these ``tasks``.
    """
    if find_spec("lm_eval") is None:
        raise UserError(
            "the lm-evaluation-harness is not installed",
            given="--harness",
            expected="the package lm_eval",
            do="pip install 'mixologist[harness]'",
        )
    if include is not None and not include.is_dir():
        raise UserError(
            "no such folder", given=include, expected="a folder with tasks in YAML", do="mend --harness-path"
        )
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(include) if include else None)
    for task in tasks:
        if task not in manager.all_tasks:
            raise UserError(
                "the harness has no such task",
                given=task,
                expected="a task, group or tag that `lm_eval ls tasks` lists, or one in --harness-path",
                do=_do(task, manager.all_tasks),
            )
    return manager


def _do(task: str, known: Sequence[str]) -> str:
    """The nearest name, and not thousands of them where none is near."""
    told = nearest(task, known)
    return told if "?" in told else "lm_eval ls tasks"


def _asked(run: Path, adapter: str, tasks: Sequence[str], manager: Any, limit: int | None) -> dict[str, Any]:
    import lm_eval

    from mixologist.harness import HarnessModel

    try:
        with redirect_stdout(sys.stderr):  # datasets tell what they do; stdout is for our result
            found: dict[str, Any] = lm_eval.simple_evaluate(
                HarnessModel(run=str(run), adapter=adapter), tasks=list(tasks), task_manager=manager, limit=limit,
                apply_chat_template=True, log_samples=True, bootstrap_iters=0,
            )  # fmt: skip
    except MixologistError:
        raise
    except Exception as error:
        raise MixologistError(f"the harness could not run {', '.join(tasks)}: {str(error)[:400]}") from error
    return found


def _rows(
    found: Mapping[str, dict[str, Any]], options: schema.Evaluation, seed: int
) -> Iterator[dict[str, Any]]:
    base = found["base"]
    for task, results in base["results"].items():
        for key in results:
            metric, _, chosen = key.partition(",")
            if (
                metric.endswith("_stderr")
                or metric == "sample_len"
                or not all(
                    isinstance(each["results"][task].get(key), int | float)
                    and isfinite(each["results"][task][key])
                    for each in found.values()
                )
            ):
                continue
            values = {system: float(each["results"][task][key]) for system, each in found.items()}
            items = {system: _items(each, task, metric, chosen) for system, each in found.items()}
            means = all(
                len(own) and abs(own.mean() - values[system]) < SLACK for system, own in items.items()
            )
            if means:
                systems = against_base({"routed": items["routed"]}, items["base"], options, seed)
            else:
                n = base.get("n-samples", {}).get(task, {}).get("effective", 0)
                systems = {system: {"value": number, "n": n} for system, number in values.items()}
            better = base.get("higher_is_better", {}).get(task, {}).get(metric)
            name = metric if chosen in ("", "none") else f"{metric} ({chosen})"
            yield {"task": task, "metric": name, "higher_is_better": better, "systems": systems}


def _items(found: Mapping[str, Any], task: str, metric: str, chosen: str) -> Floats:
    """What each item scored, in the order of the data; none where the harness does not say it in one number."""
    samples = [
        s for s in found.get("samples", {}).get(task, []) if s.get("filter", "none") == (chosen or "none")
    ]
    samples.sort(key=lambda sample: sample["doc_id"])
    scores = [sample.get(metric) for sample in samples]
    if not all(isinstance(score, int | float) for score in scores):
        return np.zeros(0)
    return np.array(scores, dtype=np.float64)
