"""The simulation's JSON as a Markdown page."""

from __future__ import annotations

from typing import Any

from mixologist.report.tables import markdown

HEAD = """# What a simulation says of the verdicts

`python -m benchmarks.verdict_simulation --page docs/results/verdicts-simulation.md` wrote this page, in
{minutes:.0f} minutes of one core. Made-up test sets whose truth is known
([how they are made](../../benchmarks/simulated_tasks.py)), judged by the library's own functions, 500 resamples
each; [the rule](../verdicts.md). `seed sd` is the standard deviation over training seeds of one system's accuracy,
in points.
"""
ALARMS = """## False alarms

Share of runs, in percent with its 95% interval, in which any of the tasks is called helped or hurt although none
was. At most 5 is promised; on 30 rows of many labels it is somewhat more. The last rows show what is not promised: one
seed speaks of these weights, and who reads it as the recipe is wrong more often.
"""
POWER = """## Power

Share of runs, in percent, in which a true effect of 2, 5 or 10 points is called helped, on a task alone and as one of
eight whose others show nothing ({runs} runs: plus or minus up to 7). `detectable` is the median of what the library
reports beside the verdict, in points, where the effect is 2. With one seed the truth is that of these weights, without
seed noise; with three and five the seed sd is 1 point.
"""
DENIED = """## Differences denied

Share of the same runs, in percent, in which a true effect of 5 points (`smallest_effect`) is called not
distinguishable. At most 20 is promised, since that verdict is given only where 5 points would have been found with 80%
power; all other runs that miss it say *not enough data* (in brackets).
"""
MISSES = """## Intervals on few rows

How often, in percent, the 95% interval of a difference does not hold the true one ({runs} runs: plus or minus 1.5).
5 is promised. No verdict depends on it: p-values come from the swap test.
"""

LEANING = """## Intervals of macro-F1 with many labels

How often, in percent with its 95% interval, the 95% interval of one system's macro-F1 does not hold the true one
({runs} test sets each): with percentiles of resamples alone, and as the library reports it
([decision 20](../decisions/0020-macro-f1-intervals.md)). 5 is promised.
"""


def page(found: dict[str, Any]) -> str:
    """The page's text."""
    parts = [
        HEAD.format(minutes=found["cpu_seconds"] / 60),
        ALARMS,
        markdown(alarm_cells(found["false_alarms"])) + "\n",
        POWER.format(runs=found["power"][0]["runs"]),
        markdown(_power(found["power"])) + "\n",
        DENIED,
        markdown(_denied(found["power"])) + "\n",
        MISSES.format(runs=f"{found['misses'][0]['runs']:,}"),
        markdown(_misses(found["misses"])) + "\n",
        LEANING.format(runs=found["leaning"][0]["runs"]),
        markdown(_leaning(found["leaning"])) + "\n",
    ]
    return "\n".join(parts)


def alarm_cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Share of runs with a false alarm, by number of tasks; empty where that many were not simulated."""
    cells = [["asked", "metric", "rows", "seeds", "seed sd", "runs", "1 task", "4 tasks", "8 tasks"]]
    for row in rows:
        shares = [_share(row["tasks"].get(str(m))) for m in (1, 4, 8)]
        sd = f"{100 * row['seed_sd']:.0f}"
        counts = [str(row["rows"]), str(row["seeds"]), sd, f"{row['runs']:,}"]
        cells.append([row["asked"], row["metric"], *counts, *shares])
    return cells


def _share(found: dict[str, float] | None) -> str:
    if found is None:
        return ""
    return f"{100 * found['share']:.1f} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def _power(rows: list[dict[str, Any]]) -> list[list[str]]:
    header = ["metric", "seeds", "n"]
    for family in ("alone", "of eight"):
        header += [f"2 points, {family}", "5", "10", "detectable"]
    groups: dict[tuple[str, int, int], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["metric"], row["seeds"], row["n"]), []).append(row)
    return [header, *([*map(str, key), *_powers(group)] for key, group in groups.items())]


def _powers(group: list[dict[str, Any]]) -> list[str]:
    cells = []
    for family in ("of_1", "of_8"):
        cells += [f"{100 * row[family]['power']:.0f}" for row in group]
        cells.append(f"{100 * group[0][family]['detectable']:.1f}")
    return cells


def _denied(rows: list[dict[str, Any]]) -> list[list[str]]:
    cells = [["metric", "seeds", "n", "alone", "of eight"]]
    for row in rows:
        if row["effect"] == 0.05:
            told = [
                f"{100 * row[of]['not_distinguishable']:.0f} ({100 * row[of]['not_enough_data']:.0f})"
                for of in ("of_1", "of_8")
            ]
            cells.append([row["metric"], str(row["seeds"]), str(row["n"]), *told])
    return cells


def _misses(rows: list[dict[str, Any]]) -> list[list[str]]:
    sizes = sorted({row["n"] for row in rows})
    groups: dict[tuple[str, int], dict[int, str]] = {}
    for row in rows:
        groups.setdefault((row["metric"], row["labels"]), {})[row["n"]] = f"{100 * row['share']:.1f}"
    header = ["metric", "labels", *(f"n = {n}" for n in sizes)]
    return [header, *([*map(str, key), *(group[n] for n in sizes)] for key, group in groups.items())]


def _leaning(rows: list[dict[str, Any]]) -> list[list[str]]:
    found = [["labels", "sizes", "n", "percentiles", "as reported"]]
    for row in rows:
        shares = (_share(row["percentiles"]), _share(row["reported"]))
        found.append([str(row["labels"]), row["sizes"], f"{row['n']:,}", *shares])
    return found
