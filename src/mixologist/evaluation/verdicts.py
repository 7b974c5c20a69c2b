"""Helped or hurt: a system that shares parameters between tasks, on one task, against that task's own adapter.

The same test rows, the same seeds (`intervals`, `swapping`); Holm over the tasks of a run (Holm 1979), so that with
ten tasks a chance of one in twenty per task does not become one in two. A difference that was not found is
``not_distinguishable`` only where one of the smallest size of interest would have been found (`power`); else it is
``not_enough_data``. docs/verdicts.md has the rule, its assumptions and what a simulation says of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from mixologist.evaluation.intervals import Difference
from mixologist.evaluation.power import detectable

ENOUGH = 30
"""Clusters below which there is no verdict: there 95% intervals miss more than one time in ten (docs/verdicts.md)."""


Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one task, and why."""

    verdict: Literal["helped", "hurt", "not_distinguishable", "not_enough_data"]
    p_holm: float | None
    """The difference's p-value corrected for the tasks of the run; None for too few clusters to be among them."""
    detectable: float
    """The smallest effect found with 80% power at Bonferroni's level, whatever the other tasks show."""


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """Adjusted p-values; family-wise error is bounded by the level they are compared with.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    adjusted: dict[Name, float] = {}
    running = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = running
    return adjusted


def verdicts(
    differences: Mapping[str, Difference], confidence: float, smallest_effect: float, samples: int
) -> dict[str, Verdict]:
    """Task -> verdict on its difference (shared - single_task); ``smallest_effect`` in units of the metric.

    ``samples``: swaps that were sampled. A p-value that comes of them is 1 / (samples + 1) at least, and where that is
    above the level nothing can be found, however large.
    """
    adjusted = holm({task: d.p_value for task, d in differences.items() if d.clusters >= ENOUGH})
    level = (1 - confidence) / max(1, len(adjusted))
    found = {}
    for task, difference in differences.items():
        blind = difference.test != "exact_swap" and level <= 1 / (samples + 1)
        seen, p_value = detectable(difference, level), adjusted.get(task)
        if p_value is not None and p_value < 1 - confidence:
            found[task] = Verdict("helped" if difference.value > 0 else "hurt", p_value, seen)
        elif p_value is not None and seen <= smallest_effect and not blind:
            found[task] = Verdict("not_distinguishable", p_value, seen)
        else:
            found[task] = Verdict("not_enough_data", p_value, seen)
    return found
