"""What each task's adapter does on every other task: trained on i, evaluated on j."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mixologist.evaluation.answers import BASE, Answerer
from mixologist.evaluation.intervals import bootstrap, compare
from mixologist.evaluation.metrics import metric_of
from mixologist.evaluation.verdicts import holm
from mixologist.recipe import schema
from mixologist.tasks.task import Task


def transfer(
    answerer: Answerer,
    tasks: Mapping[str, Task],
    adapters: Mapping[str, str],
    options: schema.Evaluation,
    seed: int,
    split: str,
) -> dict[str, Any]:
    """Task trained on -> task asked about -> value with limits, and the difference to the base on the same rows, its
    p-value also corrected for all of them.

    Args:
        adapters: task -> its single-task adapter.

    Cost: all test rows once for each pair of tasks; answers on an adapter's own task are there already.
    """
    found: dict[str, Any] = {source: {} for source in adapters}
    for target, task in tasks.items():
        prompts = answerer.prompts(task, split)
        answers = {
            name: answerer.answer(task, split, prompts, [name] * len(prompts))
            for name in (BASE, *adapters.values())
        }
        for source, adapter in adapters.items():
            value = bootstrap(
                metric_of(task), [answers[adapter]], samples=options.bootstrap_samples,
                confidence=options.confidence, seed=seed, names=(target,),
            )  # fmt: skip
            gain = compare(
                metric_of(task), [answers[adapter]], [answers[BASE]], samples=options.bootstrap_samples,
                confidence=options.confidence, seed=seed, names=(target,),
            )  # fmt: skip
            found[source][target] = {"value": value.value, "low": value.low, "high": value.high} | {
                "minus_base": asdict(gain)
            }
    cells = {
        (source, target): cell["minus_base"] for source, row in found.items() for target, cell in row.items()
    }
    for cell, p_value in holm({cell: gain["p_value"] for cell, gain in cells.items()}).items():
        cells[cell]["p_holm"] = p_value
    return found
