"""What each task gives the others: runs of a mixture against runs of the same mixture without one of its tasks.

    delta(x -> t) = metric of t with x in the mix - metric of t without it, by the adapter that all tasks share

Both answered the same test rows, so that differences are paired; training seeds are paired by number. Read from what
the runs have kept: nothing is trained or answered here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations, takewhile
from math import isclose
from typing import Any

from mixologist.evaluation.intervals import Difference, compare
from mixologist.evaluation.metrics import Metric, make, score
from mixologist.evaluation.predictions import Predictions
from mixologist.evaluation.resampling import cluster_of
from mixologist.evaluation.verdicts import holm
from mixologist.files import read_json
from mixologist.recipe import load as recipes
from mixologist.recipe.names import resolved_name
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
        """The shared adapter's kept answers to the test rows, for each training seed up to one that has none."""
        numbers = range(1 + len(self.record.get("replicates", [])))
        kept = (Predictions(self.folder.replicate(n).predictions).kept("test", task, SHARED) for n in numbers)
        return list(takewhile(bool, kept))


def leave_one_out(folders: Sequence[RunFolder]) -> dict[str, dict[str, Any]]:
    """Task left out -> task -> the difference that it makes, in the metric's units, with limits and p-values.

    Pairs of runs on one base, of which one has exactly one task more; others are passed over, and so is a task whose
    kept answers are not those of the evaluation. Where several pairs ask the same, the first answers.
    ``p_holm`` is corrected for all differences found.
    """
    runs = [run for folder in folders if (run := _finished(folder))]
    found: dict[str, dict[str, Any]] = {}
    for whole, part in permutations(runs, 2):
        more = whole.tasks - part.tasks
        same = whole.record["base_digest"] == part.record["base_digest"]
        if same and len(more) == 1 and part.tasks < whole.tasks:
            row = found.setdefault(more.pop(), {})
            row |= {task: asdict(gain) for task, gain in _compared(whole, part) if task not in row}
    cells = {(out, task): gain for out, row in found.items() for task, gain in row.items()}
    for cell, p_value in holm({cell: gain["p_value"] for cell, gain in cells.items()}).items():
        cells[cell]["p_holm"] = p_value
    return {out: row for out, row in found.items() if row}


def _finished(folder: RunFolder) -> _Finished | None:
    record = folder.record()
    if record["status"] != "complete" or not folder.evaluation.is_file():
        return None
    return _Finished(folder, record, read_json(folder.evaluation)["tasks"])


def _compared(whole: _Finished, part: _Finished) -> Iterator[tuple[str, Difference]]:
    recipe = recipes.load(whole.folder.recipe)
    options, tolerances = recipe.evaluation, {resolved_name(spec): spec.tolerance for spec in recipe.tasks}
    for task in sorted(part.tasks & whole.rows.keys()):
        with_it, without = whole.answers(task), part.answers(task)
        seeds = min(len(with_it), len(without))
        if not seeds:
            continue
        metric = _metric(whole.rows[task]["metric"], tolerances[task], [*with_it, *without])
        if not (_as_evaluated(whole, task, metric, with_it) and _as_evaluated(part, task, metric, without)):
            continue
        if _rows(with_it[0]) == _rows(without[0]):
            yield task, compare(
                metric, with_it[:seeds], without[:seeds], samples=options.bootstrap_samples,
                confidence=options.confidence, seed=recipe.seed, names=(task,),
            )  # fmt: skip


def _rows(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """What was asked, and what is drawn as a whole: a run that names clusters is not paired with one that does not."""
    return [(outcome.id, cluster_of(outcome)) for outcome in outcomes]


def _metric(name: str, tolerance: float, answers: Sequence[Sequence[Outcome]]) -> Metric:
    """A task's metric by what was kept: labels that no reference has count in no metric."""
    references = [outcome.reference for outcomes in answers for outcome in outcomes]
    every = (label for one in references for label in (one if isinstance(one, list) else [one]))
    labels = dict.fromkeys(label for label in every if isinstance(label, str))
    return make(name, labels=list(labels), tolerance=tolerance)


def _as_evaluated(run: _Finished, task: str, metric: Metric, answers: Sequence[Sequence[Outcome]]) -> bool:
    """Whether these answers are those that evaluation.json tells of."""
    told = run.rows.get(task, {}).get("systems", {}).get(SHARED)
    values = [score(metric, outcomes) for outcomes in answers]
    return told is not None and isclose(sum(values) / len(values), told["value"], abs_tol=1e-6)
