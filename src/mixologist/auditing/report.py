"""The audit of a recipe's data: every task looked at, all compared, findings counted and shown."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist.auditing.comparing import Twins, compare, conflicts
from mixologist.auditing.looking import Looked, Stage, look
from mixologist.errors import UserError, raise_all
from mixologist.model.base import read_tokenizer
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import Recipe, TaskSpec
from mixologist.tasks.audit import straddling
from mixologist.tasks.card import merge
from mixologist.tasks.encoding import Encoder
from mixologist.tasks.survey import Survey

BIG_SHARE, BIG_EXAMPLES = 0.25, 10
"""Of a split, from which on a cluster is big: rows that are about nothing have one name in common."""


@dataclass(frozen=True)
class Report:
    """What was found in the data of a recipe; lives as long as its scratch folder."""

    recipe: Recipe
    tasks: dict[str, Looked]
    """In recipe order; general and math data among them."""
    twins: Twins

    @property
    def problem(self) -> UserError | None:
        """What `train` would stop for."""
        stops = {
            name: looked.findings.stopping for name, looked in self.tasks.items() if looked.findings.stopping
        }
        if not stops:
            return None
        return UserError(
            f"train would stop for the data of {', '.join(stops)}",
            given="; ".join(f"{name}: {', '.join(kinds)}" for name, kinds in stops.items()),
            expected="rows that can be read, and no test row among the train rows",
            do="mend the data, or write cleaned copies: mixologist audit RECIPE --fix FOLDER",
        )

    def as_json(self) -> dict[str, Any]:
        """``audit --json``."""
        return {"tasks": {name: _describe(looked) for name, looked in self.tasks.items()}}


def specs(recipe: Recipe) -> dict[str, TaskSpec]:
    """Task -> its part of the recipe; general and math data among them."""
    shares = {name: spec for name, spec in (("general", recipe.general), ("math", recipe.math)) if spec}
    return {**{resolved_name(spec): spec for spec in recipe.tasks}, **shares}


@contextmanager
def audit(recipe: Recipe, stage: Stage = lambda name, total: lambda count: None) -> Iterator[Report]:
    """Look at all data of a recipe and compare it. Trains nothing, loads no weights, changes no file.

    Raises `UserError` or `UserErrors` for data of which no row can be read.
    """
    encoder = Encoder(read_tokenizer(recipe.base_model), recipe.training.max_length)
    tasks: dict[str, Looked] = {}
    problems: list[UserError] = []
    with tempfile.TemporaryDirectory(prefix="mixologist-audit-") as scratch:
        for name, spec in specs(recipe).items():
            try:
                tasks[name] = look(merge(spec, name), encoder, Path(scratch), stage)
            except UserError as problem:
                problems.append(problem)
        raise_all(problems)
        twins = compare(tasks, stage)
        _note(tasks, twins)
        yield Report(recipe, tasks, twins)


def _note(tasks: dict[str, Looked], twins: Twins) -> None:
    for (name, split), found in twins.items():
        for index, twin in sorted(found.items()):
            task, part = twin.block
            there = tasks[task].place(part, twin.index) + (f" of {task}" if task != name else "")
            tasks[name].findings.note(twin.kind, f"{tasks[name].place(split, index)} = {there}")
    for looked in tasks.values():
        surveys = {split: examples.survey for split, examples in looked.splits.items()}
        if shared := sum(found.shared for found in surveys.values()):
            looked.findings.note("shared", "clusters in another split have them", shared)
        for number in np.flatnonzero(straddling(surveys)).tolist():
            looked.findings.note("straddling", looked.place("train", number))
        for split, held in surveys.items():
            for number in np.flatnonzero(in_big_clusters(held)).tolist():
                looked.findings.note("big_cluster", looked.place(split, number))
        for index in conflicts(looked):
            looked.findings.note("conflict", looked.place("train", int(index)))


def in_big_clusters(survey: Survey) -> NDArray[np.bool_]:
    """Which examples are of clusters that are at least so much of their split, (n,)."""
    names, counts = np.unique(survey.cluster, return_counts=True)
    big = names[(counts >= max(BIG_EXAMPLES, BIG_SHARE * len(survey.cluster))) & (names != 0)]
    return np.isin(survey.cluster, big)


def _describe(looked: Looked) -> dict[str, Any]:
    tokens = np.concatenate([keys.tokens[keys.tokens[:, 2] >= 0] for keys in looked.keys.values()])
    return {
        "source": looked.source,
        "format": looked.format.name,
        "licence": looked.spec.licence,
        "rows": {split: len(examples) for split, examples in looked.splits.items()},
        "tokens": {"prompt": _spread(tokens[:, 0]), "completion": _spread(tokens[:, 1])},
        "labels": looked.labels,
        "findings": looked.findings.as_json(),
    }


def _spread(lengths: NDArray[np.int32]) -> dict[str, int]:
    """Median, 95th percentile and largest; all 0 where there are none."""
    values = np.percentile(lengths, [50, 95, 100], method="higher") if len(lengths) else np.zeros(3)
    return dict(zip(("median", "p95", "max"), map(int, values), strict=True))
