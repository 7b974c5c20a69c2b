"""Several runs on one page: what each comes to on every task, what it cost, and in what their recipes differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mixologist.recipe.flat import flat
from mixologist.report import figures
from mixologist.report.blocks import Block, Bullets, Figure, Mark, Page, Section, Table, Text, Words
from mixologist.report.figures import Estimate
from mixologist.report.numbers import counted, difference, duration, interval, points, size
from mixologist.report.reading import Run
from mixologist.report.words import effects, gain, state

MOST_RUNS = 8
"""Runs up to which bars of all stand beside each other."""
NOWHERE = ("output_dir", "tasks")
"""Keys of a recipe that differ by nature; tasks are compared one by one."""


def comparison(runs: Sequence[Run], left_out: Mapping[str, Mapping[str, Any]]) -> Page:
    """The page of several runs; with what each task gave the others, where some runs lack one."""
    named = dict(zip(_names(runs), runs, strict=True))
    complete = sum(run.record["status"] == "complete" for run in runs)
    banner = Mark(f"{complete} of {len(runs)} complete.", "good" if complete == len(runs) else "warn")
    sections = [_scores(named), _verdicts(named), _left_out(left_out, runs), _cost(named), _recipes(named)]
    summary = [Bullets([f"{name}: {_in_short(run)}" for name, run in named.items()])]
    return Page("Runs compared", ", ".join(named), banner, summary, [one for one in sections if one])


def _names(runs: Sequence[Run]) -> list[str]:
    """The runs' names; paths where names are not different."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def _in_short(run: Run) -> str:
    if run.evaluation is None:
        return state(run).text
    values = [_final(row)["value"] for row in run.scores.values()]
    mean = f"{points(sum(values) / len(values))} points on average over {counted(len(values), 'task')}"
    return f"{mean}. {gain(run.evaluation)}"


def _final(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a user of the run gets: the routed answers, else the served adapter's."""
    systems: Mapping[str, Mapping[str, Any]] = row["systems"]
    return systems.get("routed") or systems.get("oracle") or next(iter(systems.values()))


def _tasks(runs: Mapping[str, Run]) -> list[str]:
    return list(dict.fromkeys(task for run in runs.values() for task in run.scores))


def _scores(runs: Mapping[str, Run]) -> Section | None:
    tasks = _tasks(runs)
    if not tasks:
        return None
    found = {
        task: {name: _final(run.scores[task]) for name, run in runs.items() if task in run.scores}
        for task in tasks
    }
    rows: list[list[Text]] = [
        [task, *(interval(row[name]) if name in row else "" for name in runs)] for task, row in found.items()
    ]
    table = Table("routed answers, metric x 100 with its interval", ["task", *runs], rows)
    blocks: list[Block] = [table]
    if len(runs) <= MOST_RUNS:
        colours = {name: f"series-{(n + 1) % MOST_RUNS}" for n, name in enumerate(runs)}
        estimates = {
            task: {
                name: Estimate(*(100 * one[key] for key in ("value", "low", "high")))
                for name, one in row.items()
            }
            for task, row in found.items()
        }
        about = f"Bars: {len(tasks)} tasks in {len(runs)} runs."
        drawing = figures.bars("scores", about, estimates, colours)
        blocks = [
            Figure(drawing, "Routed answers: metric x 100 with its interval.", table, colours, open=True)
        ]
    return Section("scores", "Scores", [*blocks, *map(Words, _unlike(runs, tasks))])


def _unlike(runs: Mapping[str, Run], tasks: Sequence[str]) -> Iterator[str]:
    """Warn of tasks that were not measured alike."""
    for task in tasks:
        kinds = {
            (run.scores[task]["n"], run.scores[task]["metric"]) for run in runs.values() if task in run.scores
        }
        if len(kinds) > 1:
            told = " and ".join(f"{metric} of {n:,} rows" for n, metric in sorted(kinds))
            yield f"{task} was not measured alike ({told}): its bars do not compare."


def _verdicts(runs: Mapping[str, Run]) -> Section | None:
    found = {name: effects(run.evaluation) if run.evaluation else {} for name, run in runs.items()}
    tasks = [task for task in _tasks(runs) if any(task in effect for effect in found.values())]
    if not tasks:
        return None
    rows: list[list[Text]] = [
        [task, *(effects[task].mark if task in effects else "" for effects in found.values())]
        for task in tasks
    ]
    table = Table(
        "Verdict on sharing in each run, against its own control", ["task", *runs], rows, words=list(runs)
    )
    return Section("verdicts", "Did sharing help?", [table])


def _left_out(found: Mapping[str, Mapping[str, Any]], runs: Sequence[Run]) -> Section | None:
    """Rows are tasks that one of two runs lacks, columns those that both have."""
    if not found:
        return None
    level = max(1 - (run.evaluation or {}).get("confidence", 0.95) for run in runs)
    columns = list(dict.fromkeys(task for row in found.values() for task in row))
    cells: list[list[Text]] = [
        [out, *(_gift(row.get(task), level) for task in columns)] for out, row in found.items()
    ]
    table = Table(
        "The shared adapter with the task of the row in the mix, minus without it, in points",
        ["task", *columns],
        cells,
    )
    about = Words(
        "Of runs on one base that differ by one task, on the same test rows. A * is a difference that is clear after "
        "Holm's correction over all cells; the intervals are each cell's own. Other keys of the recipes that differ "
        "(below) are in it, too."
    )
    return Section("left-out", "What each task gives the others", [table, about])


def _gift(found: Mapping[str, Any] | None, level: float) -> str:
    return f"{difference(found)}{' *' if found['p_holm'] < level else ''}" if found else ""


def _cost(runs: Mapping[str, Run]) -> Section:
    lines = {
        "state": [run.record["status"] for run in runs.values()],
        "time": [duration(run.record.get("seconds", 0)) for run in runs.values()],
        "tokens": [f"{run.record.get('tokens', 0):,}" for run in runs.values()],
        "most memory": [size(run.record.get("peak_memory_bytes", 0)) for run in runs.values()],
        "adapters": [size(sum(run.bytes.values())) for run in runs.values()],
    }
    rows: list[list[Text]] = [[name, *cells] for name, cells in lines.items()]
    return Section("cost", "Cost", [Table("What each run cost", ["", *runs], rows)])


def _recipes(runs: Mapping[str, Run]) -> Section:
    written = {
        name: {key: value for key, value in flat(run.keys) if key not in NOWHERE}
        for name, run in runs.items()
    }
    keys = dict.fromkeys(key for values in written.values() for key in values)
    unlike = [key for key in keys if len({str(values.get(key)) for values in written.values()}) > 1]
    if not unlike:
        return Section("recipes", "Recipes", [Words("All keys of the recipes are the same.")])
    rows: list[list[Text]] = [
        [key, *(str(values.get(key, "")) for values in written.values())] for key in unlike
    ]
    table = Table("Keys that differ; all others are the same", ["key", *runs], rows, words=list(runs))
    return Section("recipes", "Recipes", [table])
