"""An evaluation as a Markdown page: tables, verdicts, how it was made and how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mixologist.report import edge_cases
from mixologist.report.general_ability import ABOUT, general_ability_cells
from mixologist.report.harness import ABOUT as HARNESS_ABOUT
from mixologist.report.harness import harness_cells
from mixologist.report.learning_curve import ABOUT as CURVES_ABOUT
from mixologist.report.learning_curve import curve_cells, told
from mixologist.report.numbers import difference
from mixologist.report.tables import (
    CHOICE_ABOUT,
    calibration_cells,
    cells,
    choice_cells,
    markdown,
    rival_cells,
    router_cells,
)
from mixologist.report.weights import ABOUT as WEIGHTS_ABOUT
from mixologist.report.weights import weight_cells
from mixologist.report.words import VERDICTS as VERDICT_WORDS
from mixologist.report.words import caution, cocktail, effects, gain, routing, sharing

ROUTING = """## Routing

Share of prompts that reach the adapter serving their task, in percent. *reworded* uses instructions that the router
never saw, *raw* the text alone.

"""
RIVALS = """What others would route with, taught on the same prompts and asked the same ones. *ours ahead*: in points.

"""
CALIBRATION = """How far the router's confidence is from its accuracy (ECE, ten bins of equal numbers), in points with
its interval; *by chance*: what a router whose confidence is right would show at this n.

"""
CHOICE = f"""## The adapter that serves

{CHOICE_ABOUT}

"""
OUT_OF_SCOPE = """## Out of scope

Texts that no task is about: the chance that the router's base score is higher on them than on a test prompt of the
task (AUROC), and the share that reaches the base. *seen*: the router was trained with others of the kind.

"""
CHALLENGES = """## Challenge sets

Altered test rows: metric x 100 and half its interval; *change*: the routed system against the same rows as they stand.
`same_answer` is the share of answers that stay as they were, where it is not known what is right.

"""
VERDICTS = """## Verdicts

Sharing against each task's own adapter, by [the rule](../verdicts.md). *detectable*: the smallest difference, in
points, that would have been found with 80% power.

"""
GENERAL_ABILITY = f"""## General ability

{ABOUT}

"""
WEIGHTS = f"""## Weights

{WEIGHTS_ABOUT}

"""
HARNESS = f"""## Tasks of the harness

{HARNESS_ABOUT}

"""
CURVES = f"""## How much data

{CURVES_ABOUT}

"""
SLICES = """## Slices

Parts of the test rows: metric x 100 and half its interval.

"""


def page(
    title: str,
    evaluation: dict[str, Any],
    record: dict[str, Any],
    command: str,
    harness: Sequence[Mapping[str, Any]] = (),
    curves: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The page's text. Values are in points (0..100); intervals as in evaluation.json, ``harness`` and ``curves`` as in
    their files.
    """
    parts = [
        f"# {title}",
        f"Metric x 100 on the {evaluation['split']} rows with its interval; after `!` the share of answers that could "
        f"not be read (format failures); in brackets after n, of how many conversations or clusters the rows are. "
        f"{_scope(evaluation)}",
        markdown(cells(evaluation)),
        "\n".join(f"- {sentence}" for sentence in _sentences(evaluation)),
        _section(VERDICTS, _verdicts(evaluation)),
        "## Paired differences\n\n" + markdown(_paired(evaluation)),
    ]
    parts.append(_section(WEIGHTS, weight_cells(evaluation)))
    parts.append(_section(CHOICE, choice_cells(evaluation)))
    if "router" in evaluation:
        parts.append(ROUTING + markdown(router_cells(evaluation["router"])))
        parts.append(_section(CALIBRATION, calibration_cells(evaluation["router"])))
        parts.append(_section(RIVALS, rival_cells(evaluation["router"])))
        parts.append(_section(OUT_OF_SCOPE, edge_cases.out_of_scope_cells(evaluation["router"])))
    parts.append(_section(CHALLENGES, edge_cases.challenge_cells(evaluation)))
    parts.append(_section(SLICES, edge_cases.slice_cells(evaluation)))
    parts.append(_section(GENERAL_ABILITY, general_ability_cells(evaluation)))
    parts.append(_section(HARNESS, harness_cells(harness)))
    if curves:
        parts.append(
            CURVES + "\n\n".join(f"{told(each)}\n\n{markdown(curve_cells(each))}" for each in curves)
        )
    parts.append(edge_cases.untold(evaluation).replace("*", "\\*"))
    parts.append(_origin(record, command))
    parts.append("## Data\n\n" + markdown(_data(record)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _scope(evaluation: dict[str, Any]) -> str:
    if evaluation["scope"] == "recipe":
        return (
            f"Means over {evaluation['seeds']} trainings, whose noise is in the intervals beside the rows': verdicts "
            "speak of the recipe. The router, and which adapter serves, are the first training's."
        )
    of = "One training" if evaluation["seeds"] == 1 else f"{evaluation['seeds']} trainings"
    return f"{of}: intervals are of the rows alone, and verdicts speak of these weights, not of the recipe."


def _sentences(evaluation: dict[str, Any]) -> list[str]:
    told = [mark.text for mark in sharing(evaluation)]
    rest = (cocktail(evaluation), gain(evaluation), routing(evaluation))
    return [sentence for sentence in (caution(evaluation), *told, *rest) if sentence]


def _verdicts(evaluation: dict[str, Any]) -> list[list[str]]:
    rows = [
        [
            task,
            VERDICT_WORDS[effect.verdict],
            difference(effect.difference),
            *map(_number, _tested(effect.difference)),
        ]
        for task, effect in effects(evaluation).items()
    ]
    return (
        [["task", "verdict", "difference", "p", "p (Holm)", "p, these weights", "detectable"], *rows]
        if rows
        else []
    )


def _tested(found: Mapping[str, Any]) -> list[float | None]:
    seen = found.get("detectable")
    ps = [found.get(key) for key in ("p_value", "p_holm", "p_these_weights")]
    return [*ps, None if seen is None else 100 * seen]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if value > 1 else f"{value:.3f}"


def _section(title: str, rows: list[list[str]]) -> str:
    return title + markdown(rows) if rows else ""


def _origin(record: dict[str, Any], command: str) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    choices = record["choices"]
    cost = f"{record['seconds'] / 60:.0f} minutes, {record['tokens']:,} training tokens"
    machine = f"{choices['dtype']} on {choices['device']} with {choices['threads']} threads"
    memory = f"peak memory {record['peak_memory_bytes'] / 1e9:.1f} GB"
    return (
        f"## How it was made\n\n`{command}`\n\n{cost}, {memory}; {machine}; {versions}; "
        f"fingerprint `{record['fingerprint'][:16]}`."
    )


def _paired(evaluation: dict[str, Any]) -> list[list[str]]:
    names = list(dict.fromkeys(name for task in evaluation["tasks"].values() for name in task["paired"]))
    rows = [["task", *names]]
    for task, row in evaluation["tasks"].items():
        rows.append([task, *(difference(row["paired"].get(name)) for name in names)])
    return rows


def _data(record: dict[str, Any]) -> list[list[str]]:
    rows = [["task", "train rows", "test rows", "tokens", "shortened", "licence"]]
    for name, task in record["tasks"].items():
        counts = [f"{task[key]:,}" for key in ("train_rows", "test_rows", "tokens", "shortened")]
        rows.append([name, *counts, task["licence"] or "not stated"])
    return rows
