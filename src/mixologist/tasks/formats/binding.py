"""Which format a data set has, and which of its columns hold the format's fields."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mixologist.errors import UserError, nearest
from mixologist.tasks.formats.base import FORMATS, Columns, Format, several


def bind(
    splits: Mapping[str, Any],
    *,
    task: str,
    format: str | None = None,
    columns: Columns | None = None,
    labels: tuple[str, ...] | None = None,
    scale: tuple[float, float] | None = None,
    instruction: str | None = None,
    metric: str | None = None,
    cluster: str | None = None,
) -> Format:
    """The format of a task, bound to its data; what is None is detected or takes the format's default.

    Args:
        splits: split -> rows with ``column_names`` (`sources.open_source`); labels come from ``train``.
        columns: field -> column, for columns that are named otherwise; several are read as one text.
        cluster: the column that names what several rows are about.

    Raises:
        UserError: the format is unknown or cannot be detected, a column is missing in some split, or the
            metric cannot read the format's predictions.
    """
    wanted, available = columns or {}, splits["train"].column_names
    _check_split(wanted, "train", available, task)
    kind = FORMATS[format or detect(available, wanted, task)]
    found = map_columns(kind, wanted, available, task)
    for split, rows in splits.items():
        _check_split({**found, "cluster": cluster} if cluster else found, split, rows.column_names, task)
    metric = _checked_metric(kind, metric, task)
    known = labels or kind.find_labels(splits["train"], found)
    scale = scale or kind.find_scale(splits, found)
    return kind(
        found, metric, known, kind.default_instruction if instruction is None else instruction, scale, cluster
    )


def detect(available: Collection[str], columns: Columns, task: str) -> str:
    """The format whose fields these columns hold; of two the one that reads more than the other.

    Raises `UserError` where none fits, or several.
    """
    fitting = [
        name
        for name in FORMATS
        if FORMATS[name].by_names
        and columns.keys() <= FORMATS[name].fields.keys()
        and _complete(FORMATS[name], columns, available)
    ]
    read = {name: _columns_read(FORMATS[name], columns, available) for name in fitting}
    fitting = [name for name in fitting if not any(read[name] < other for other in read.values())]
    if len(fitting) == 1:
        return fitting[0]
    needs = "; ".join(f"{name}: {_needs(FORMATS[name])}" for name in fitting or FORMATS)
    raise UserError(
        f"task '{task}': the columns fit {'several formats' if fitting else 'no format'}",
        given=f"columns {', '.join(available)}",
        expected=needs,
        do="write `format:`, and `columns: {field: column}` for a column that is named otherwise",
    )


def map_columns(kind: type[Format], columns: Columns, available: Collection[str], task: str) -> Columns:
    """Field -> column for all fields that the data has.

    Raises `UserError` for a field or column unknown, and for several columns where the field must be one.
    """
    for field, column in columns.items():
        if field not in kind.fields:
            do = nearest(field, kind.fields)
            raise UserError(f"task '{task}': format {kind.name} has no field '{field}'", given=field, do=do)
        if isinstance(column, tuple) and field not in kind.texts:
            raise _one_column(task, kind, field, column)
    found = _found(kind, columns, available)
    if not _complete(kind, columns, available):
        missing = min((need - found.keys() for need in kind.required), key=len)
        raise UserError(
            f"task '{task}': no column for {', '.join(sorted(missing))}",
            given=f"columns {', '.join(available)}",
            expected=f"{kind.name}: {_needs(kind)}",
            do=f"name it: `columns: {{{min(missing)}: <column>}}`; or choose another format",
        )
    return found


def _found(kind: type[Format], columns: Columns, available: Collection[str]) -> Columns:
    usual = {
        field: name for field, names in kind.fields.items() for name in reversed(names) if name in available
    }
    return {**usual, **columns}


def _complete(kind: type[Format], columns: Columns, available: Collection[str]) -> bool:
    found = _found(kind, columns, available).keys()
    return any(need <= found for need in kind.required)


def _columns_read(kind: type[Format], columns: Columns, available: Collection[str]) -> set[str]:
    """The columns of the fields that the format needs."""
    found = _found(kind, columns, available)
    needed = set().union(*(need for need in kind.required if need <= found.keys()))
    return {name for field in needed for name in several(found[field])}


def _needs(kind: type[Format]) -> str:
    """``tokens (or words) + tags (or ner_tags), or text + entities``."""
    ways = (
        " + ".join(_named(kind, field) for field in kind.fields if field in need) for need in kind.required
    )
    return ", or ".join(ways)


def _named(kind: type[Format], field: str) -> str:
    others = [name for name in kind.fields[field] if name != field]
    return f"{field} (or {', '.join(others)})" if others else field


def _check_split(found: Columns, split: str, available: Collection[str], task: str) -> None:
    for field, column in _named_columns(found):
        if column not in available:
            raise _no_column(task, field, column, split, available)


def _named_columns(found: Columns) -> Iterator[tuple[str, str]]:
    """(field, column) for each single column."""
    return ((field, name) for field, column in found.items() for name in several(column))


def _one_column(task: str, kind: type[Format], field: str, column: tuple[str, ...]) -> UserError:
    texts = f"; several may make up {', '.join(sorted(kind.texts))}" if kind.texts else ""
    return UserError(
        f"task '{task}': format {kind.name} reads '{field}' from one column",
        given=", ".join(column),
        expected=f"one column{texts}",
        do="name one of them",
    )


def _no_column(task: str, field: str, column: str, split: str, available: Collection[str]) -> UserError:
    return UserError(
        f"task '{task}': {split} has no column '{column}' for '{field}'",
        given=column,
        expected=f"one of {', '.join(available)}",
        do=nearest(column, available),
    )


def _checked_metric(kind: type[Format], metric: str | None, task: str) -> str:
    if metric is None:
        return kind.metrics[0]
    if metric not in kind.metrics:
        raise UserError(
            f"task '{task}': metric '{metric}' cannot judge format {kind.name}",
            given=metric,
            expected=f"one of {', '.join(kind.metrics)}",
            do=nearest(metric, kind.metrics),
        )
    return metric
