"""Learning curves of a run's tasks: reading them, their tables and what they say. The same cells everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mixologist.files import read_json
from mixologist.report.numbers import counted, difference, interval
from mixologist.runfolder import RunFolder

ABOUT = (
    "Adapters trained on parts of the train rows, with equally many updates; the curve is a power law through them, "
    "its band the interval from test rows and, with three seeds or more, trainings. Beyond the rows there are it is "
    "an extrapolation."
)


def learning_curves(folder: RunFolder, record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The curves that were measured, in the order of the run's tasks."""
    files = [folder.learning_curve(task) / "curve.json" for task in record["served_by"]]
    return [read_json(file) for file in files if file.exists()]


def curve_cells(found: Mapping[str, Any]) -> list[list[str]]:
    """Header and rows: parts that were trained, then sizes beyond."""
    trained = {part["rows"]: interval(part) for part in found["parts"]}
    rows = [
        [f"{point['rows']:,}", trained.get(point["rows"], ""), interval(point)] for point in found["curve"]
    ]
    return [["train rows", f"{found['metric']}, n = {found['n']:,}", "curve"], *rows]


def told(found: Mapping[str, Any]) -> str:
    """What doubling the rows brought, and what it may bring once more."""
    last, following = found["last_doubling"], found["next_doubling"]
    return (
        f"{found['task']}: from {last['from']:,} to {last['to']:,} train rows {difference(last)} points; "
        f"from {following['from']:,} to {following['to']:,} the curve expects {difference(following)} "
        f"({100 * found['confidence']:g}% intervals; {counted(found['seeds'], 'seed')})."
    )
