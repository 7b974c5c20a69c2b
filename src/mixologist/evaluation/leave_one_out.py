"""What each task gives the others: runs of a mixture against runs of the same mixture without one of its tasks.

    delta(x -> t) = metric of t with x in the mix - metric of t without it, by the adapter that all tasks share

Both answered the same test rows, so that differences are paired; training seeds are paired by number. Read from what
the runs have kept: nothing is trained or answered here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

from mixologist.evaluation.intervals import Difference, compare
from mixologist.evaluation.metrics import Metric, make, score
from mixologist.evaluation.verdicts import holm
from mixologist.files import read_json
from mixologist.recipe import load as recipes
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import Recipe
from mixologist.records import Outcome
from mixologist.runfolder import RunFolder

SHARED = "shared"


@dataclass(frozen=True)
class _Finished:
    folder: RunFolder
    record: Mapping[str, Any]
    rows: Mapping[str, Any]
    """``tasks`` of evaluation.json."""

    @property
    def tasks(self) -> set[str]:
        """Those that feed the shared adapter."""
        return set(self.record["adapters"].get(SHARED, {}).get("tasks", ()))

    def answers(self, task: str) -> list[list[Outcome]]:
        """The shared adapter's kept answers to the test rows, for each training seed."""
        kept = []
        for number in range(1 + len(self.record.get("replicates", []))):
            file = self.folder.replicate(number).predictions / "test" / task / f"{SHARED}.jsonl"
            if file.is_file():
                lines = file.read_text(encoding="utf-8").splitlines()[1:]
                kept.append([Outcome(**json.loads(line)) for line in lines])
        return kept


def leave_one_out(folders: Sequence[RunFolder]) -> dict[str, dict[str, Any]]:
    """Task left out -> task -> the difference that it makes, in the metric's units, with limits and p-values.

    Pairs of runs on one base, of which one has exactly one task more; others are passed over, and so is a task whose
    kept answers are not those of the evaluation. ``p_holm`` is corrected for all differences found.
    """
    runs = [run for folder in folders if (run := _finished(folder))]
    found: dict[str, dict[str, Any]] = {}
    for whole, part in permutations(runs, 2):
        more = whole.tasks - part.tasks
        same = whole.record["base_digest"] == part.record["base_digest"]
        if same and len(more) == 1 and part.tasks < whole.tasks:
            found.setdefault(more.pop(), {}).update(_differences(whole, part))
    cells = {(out, task): gain for out, row in found.items() for task, gain in row.items()}
    for cell, p_value in holm({cell: gain["p_value"] for cell, gain in cells.items()}).items():
        cells[cell]["p_holm"] = p_value
    return {out: row for out, row in found.items() if row}


def _finished(folder: RunFolder) -> _Finished | None:
    record = folder.record()
    if record["status"] != "complete" or not folder.evaluation.is_file():
        return None
    return _Finished(folder, record, read_json(folder.evaluation)["tasks"])


def _differences(whole: _Finished, part: _Finished) -> dict[str, dict[str, Any]]:
    return {task: asdict(gain) for task, gain in _compared(whole, part)}


def _compared(whole: _Finished, part: _Finished) -> Iterator[tuple[str, Difference]]:
    recipe = recipes.load(whole.folder.recipe)
    options = recipe.evaluation
    for task in sorted(part.tasks & whole.rows.keys()):
        with_it, without = whole.answers(task), part.answers(task)
        seeds = min(len(with_it), len(without))
        metric = _metric(task, whole.rows[task]["metric"], [*with_it, *without], recipe) if seeds else None
        if metric is None or not all(_as_evaluated(run, task, metric) for run in (whole, part)):
            continue
        rows = [outcome.id for outcome in with_it[0]]
        if [outcome.id for outcome in without[0]] == rows:
            yield task, compare(
                metric, with_it[:seeds], without[:seeds], samples=options.bootstrap_samples,
                confidence=options.confidence, seed=recipe.seed, names=(task,),
            )  # fmt: skip


def _metric(task: str, name: str, answers: Sequence[Sequence[Outcome]], recipe: Recipe) -> Metric:
    """A task's metric by what was kept: labels that no reference has count in no metric."""
    tolerance = next((spec.tolerance for spec in recipe.tasks if resolved_name(spec) == task), 0.01)
    references = [outcome.reference for outcomes in answers for outcome in outcomes]
    labels = dict.fromkeys(reference for reference in references if isinstance(reference, str))
    return make(name, labels=list(labels), tolerance=tolerance)


def _as_evaluated(run: _Finished, task: str, metric: Metric) -> bool:
    values = [score(metric, outcomes) for outcomes in run.answers(task)]
    told = run.rows.get(task, {}).get("systems", {}).get(SHARED, {}).get("value", -1.0)
    return bool(abs(sum(values) / len(values) - told) < 1e-6)
