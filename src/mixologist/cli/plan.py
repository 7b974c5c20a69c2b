"""Show what training would do: rows, tokens, schedule, memory, time, licences, warnings. Trains nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mixologist.cli.console import Json, Set, emit, err, following, out
from mixologist.cli.formatted import show_examples
from mixologist.describing import describe
from mixologist.planning import Plan, resolve
from mixologist.recipe.load import load
from mixologist.report.numbers import size
from mixologist.tasks.sources import SPLITS

ANOTHER_MACHINE = "There is no GPU here: to count all of it for one, add --set training.device=cuda"


def run(
    recipe: Annotated[Path, typer.Argument(help="The recipe (YAML).")],
    set_: Set = [],  # noqa: B006 - typer copies it
    allow_leakage: Annotated[
        bool, typer.Option(help="Go on where a row stands in train and in test.")
    ] = False,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GB", min=1, max=1e6, help="Which settings fit into so much memory."),
    ] = None,
    json: Json = False,
) -> None:
    """See the module."""
    loaded = load(recipe, set_)
    with following(f"mixologist plan {recipe}") as follower:
        plan = resolve(loaded, allow_leakage=allow_leakage, stage=follower.stage)
    described = describe(plan, memory)
    if json:
        emit(described)
        return
    show(plan, described)


def show(plan: Plan, described: dict[str, Any]) -> None:
    """The plan as tables."""
    out.print(_tasks(described))
    for licence, tasks in _licences(described).items():
        out.print(f"{licence}: {', '.join(tasks)}", markup=False, soft_wrap=True)
    for name, task in described["tasks"].items():
        if outside := task.get("out_of_scope"):
            rows = ", ".join(f"{count:,} {split}" for split, count in outside.items())
            out.print(f"Out of scope of {name}, for the router alone: {rows} rows", markup=False)
    out.print(_schedule(described))
    show_examples(plan, out)
    out.print(
        f"{described['steps']:,} steps, {described['tokens']:,} tokens through the base, "
        f"{len(described['adapters'])} adapters of {described['adapter_parameters']:,} parameters; "
        f"about {described['memory_bytes'] / 1e9:.1f} GB, and {_minutes(described['seconds'])}"
    )
    if described["trunk"]:
        out.print(_trunk(described["trunk"], described["trunk_cache"]))
    if offers := described["trunk_offers"]:
        out.print(_offered(offers), soft_wrap=True)
    if fits := described["memory_fits"]:
        out.print(_fits(fits))
        out.print(_advice(fits, len(described["adapters"])), markup=False, soft_wrap=True)
        if _both_are_counted_for(fits):
            out.print(ANOTHER_MACHINE, soft_wrap=True)
    for warning in described["warnings"]:
        err.print(f"warning: {warning}", markup=False, soft_wrap=True)


def _minutes(seconds: int | None) -> str:
    if seconds is None:
        return "a time that only the machine with that GPU can tell"
    return f"{seconds / 60:.0f} minutes to train (rough; evaluation comes on top of the minutes)"


def _trunk(blocks: int, cache: dict[str, Any]) -> str:
    if not cache["used"]:
        what = f"would take {size(cache['bytes'])}, more than training.trunk_cache_gb: computed each time"
    else:
        what = f"stored once ({size(cache['bytes'])} on disk), which saves {cache['saves']:.0%} of the block passes"
    return f"Trunk of {blocks} blocks: hidden states {what}"


def _offered(offers: list[dict[str, Any]]) -> str:
    told = [f"{one['trunk']}: {one['saves']:.0%} ({size(one['bytes'])} on disk)" for one in offers]
    return f"Block passes that adapters.trunk would spare, at some cost in quality: {', '.join(told)}"


def _fits(fits: dict[str, Any]) -> Table:
    table = Table(
        title=f"Into {size(fits['memory_bytes'])}, a tenth spared", title_justify="left", header_style="bold"
    )
    for column in ("counted for", "dtype", "gradient checkpointing"):
        table.add_column(column)
    for column in ("recipe as it is", "fits", "tokens at once, at most"):
        table.add_column(column, justify="right")
    for fit in fits["settings"]:
        largest = f"{fit['largest']:,}" if fit["largest"] else "-"
        fitting = "yes" if fit["fits"] else "no"
        recomputed = str(fit["gradient_checkpointing"]).lower()
        place = "a GPU" if fit["on_gpu"] else "the CPU"
        table.add_row(place, fit["dtype"], recomputed, size(fit["memory_bytes"]), fitting, largest)
    return table


def _both_are_counted_for(fits: dict[str, Any]) -> bool:
    """The CPU that is here, and a GPU that is not."""
    return len({fit["on_gpu"] for fit in fits["settings"]}) > 1


def _advice(fits: dict[str, Any], adapters: int) -> str:
    if fits["chosen"] is None:
        return "Nothing fits: lower adapters.r, shorten training.max_length, or train fewer tasks at once."
    fit = fits["settings"][fits["chosen"]]
    settings = {"device": "cuda"} if fit["on_gpu"] and _both_are_counted_for(fits) else {}
    settings |= {"dtype": fit["dtype"], "gradient_checkpointing": str(fit["gradient_checkpointing"]).lower()}
    chosen = "  ".join(f"training.{key}: {value}" for key, value in settings.items())
    if fit["dtype"] == "nf4":
        chosen += "  (pip install 'mixologist[4bit]')"
    return f"{adapters} adapters fit with {chosen}  training.max_tokens_per_batch: at most {fit['largest']:,}"


def _tasks(described: dict[str, Any]) -> Table:
    table = Table(title="Tasks", title_justify="left", header_style="bold")
    table.add_column("task", overflow="fold")
    table.add_column("format, metric", overflow="fold")
    for column in ("train", "valid.", "test", "tokens", "shortened"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, task in described["tasks"].items():
        counts = [f"{task[f'{split}_rows']:,}" for split in SPLITS]
        about = "~" if task["estimated"] else ""
        measured = [f"{about}{task[key]:,}" for key in ("tokens", "shortened")]
        table.add_row(name, f"{task['format']}, {task['metric']}", *counts, *measured)
    return table


def _licences(described: dict[str, Any]) -> dict[str, list[str]]:
    """Licence, with a word where it forbids commercial use -> the tasks under it."""
    found: dict[str, list[str]] = {}
    for name, task in described["tasks"].items():
        forbids = ", not for commercial use" if task["noncommercial"] else ""
        found.setdefault(f"licence {task['licence']}{forbids}", []).append(name)
    return found


def _schedule(described: dict[str, Any]) -> Table:
    table = Table(title="Share of the draws by epoch, in examples", title_justify="left", header_style="bold")
    table.add_column("task")
    for epoch in described["schedule"]:
        table.add_column(f"{epoch['epoch']}", justify="right")
    for task in described["schedule"][0]["shares"]:
        table.add_row(task, *(f"{100 * epoch['shares'][task]:.1f}%" for epoch in described["schedule"]))
    return table
