"""An evaluation as a Markdown page: tables, verdicts, how it was made and how to repeat it."""

from __future__ import annotations

from typing import Any

from mixologist.report.numbers import difference
from mixologist.report.tables import cells, markdown, router_cells
from mixologist.report.words import sharing

ROUTING = """## Routing

Share of prompts that reach the adapter serving their task, in percent. *reworded* uses instructions that the router
never saw, *raw* the text alone.

"""


def page(title: str, evaluation: dict[str, Any], record: dict[str, Any], command: str) -> str:
    """The page's text. Values are in points (0..100); intervals as in ``evaluation.json``."""
    parts = [
        f"# {title}",
        f"Split: {evaluation['split']}. Metric x 100 with its bootstrap interval over test rows; `!k` counts answers "
        "that could not be read (format failures). One seed: verdicts speak of these weights, not of the recipe.",
        markdown(cells(evaluation)),
        "\n".join(f"- {sentence.text}" for sentence in sharing(evaluation)),
        "## Paired differences\n\n" + markdown(_paired(evaluation)),
    ]
    if "router" in evaluation:
        parts.append(ROUTING + markdown(router_cells(evaluation["router"])))
    parts.append(_origin(record, command))
    parts.append("## Data\n\n" + markdown(_data(record)))
    return "\n\n".join(part for part in parts if part) + "\n"


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
