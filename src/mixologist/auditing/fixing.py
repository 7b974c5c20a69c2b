"""Cleaned copies of a recipe's data, beside a list of what changed and a recipe that reads them. Originals stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from mixologist.auditing.comparing import Twin
from mixologist.auditing.kinds import KINDS
from mixologist.auditing.looking import Looked
from mixologist.auditing.mending import mend_value
from mixologist.auditing.report import Report
from mixologist.errors import UserError
from mixologist.files import write_folder, write_text
from mixologist.recipe import reading
from mixologist.tasks.joining import own

RECIPE = "recipe.yaml"
CHANGES = "changes.jsonl"

Dropped = dict[str, dict[int, str]]
"""Split of the data -> row number -> why the copy lacks it."""


def write_fixed(report: Report, out: Path) -> int:
    """Fill a new folder, whole or not at all; returns how many rows changed.

        TASK/SPLIT.jsonl   the rows that stay, texts mended; a side file beside them, where there is one
        changes.jsonl      {"task", "file", "split", "row": from 1, "what": "removed" | "mended", "why"}
        recipe.yaml        the recipe with its paths on the copies

    Raises `UserError` where the folder exists: nothing is overwritten.
    """
    if out.exists():
        raise UserError(
            f"{out} is already there",
            given=out,
            expected="the name of a new folder",
            do="name another one, or remove it first",
        )
    changed = 0

    def fill(folder: Path) -> None:
        nonlocal changed
        with (folder / CHANGES).open("w", encoding="utf-8") as changes:
            for looked in report.tasks.values():
                changed += _copy(looked, folder / looked.name, _dropped(report, looked), changes)
        write_text(folder / RECIPE, reading.write(_pointed(report)))

    write_folder(out, fill)
    return changed


def _copy(looked: Looked, folder: Path, dropped: Dropped, changes: TextIO) -> int:
    folder.mkdir()
    _copy_side(looked, folder)
    changed = 0
    for split, table in looked.tables.items():
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as copy:
            for number, written in enumerate(own(table)):
                row, kinds = mend_value(written)
                if why := dropped[split].get(number):
                    change = {"what": "removed", "why": why}
                else:
                    copy.write(_line(row))
                    mended = [KINDS[kind].says for kind in KINDS if kind in kinds and KINDS[kind].fix]
                    change = {"what": "mended", "why": "; ".join(mended)} if mended else {}
                if change:
                    place = {"task": looked.name, "file": looked.source, "split": split, "row": number + 1}
                    changes.write(_line(place | change))
                    changed += 1
    return changed


def _copy_side(looked: Looked, folder: Path) -> None:
    """The side file, if any, with its texts mended; no row of it goes, since several rows may need it."""
    if join := looked.spec.join:
        with (folder / _side_copy(join.file)).open("w", encoding="utf-8") as copy:
            copy.writelines(_line(mend_value(row)[0]) for row in looked.tables["train"].side)


def _side_copy(file: str) -> str:
    """A name that leaves its columns theirs."""
    return f"{Path(file).stem}.jsonl"


def _dropped(report: Report, looked: Looked) -> Dropped:
    """The rows to leave out. A conversation goes with any leaked turn, but only as a whole for a duplicate."""
    dropped = {
        split: {row: KINDS[kind].says for row, kind in rows.items()}
        for split, rows in looked.unusable.items()
    }
    for split, examples in looked.splits.items():
        for index, twin in report.twins[looked.name, split].items():
            whole = (
                index + 1 == len(examples)
                or examples.survey.parts[index + 1, 0] != examples.survey.parts[index, 0]
            )
            if KINDS[twin.kind].drops and (twin.kind != "duplicate" or whole):
                origin, row = looked.row(split, index)
                dropped[origin].setdefault(row, f"{KINDS[twin.kind].says}: {_where(report, looked, twin)}")
    return dropped


def _where(report: Report, looked: Looked, twin: Twin) -> str:
    task, split = twin.block
    return report.tasks[task].place(split, twin.index) + (f" of {task}" if task != looked.name else "")


def _pointed(report: Report) -> dict[str, Any]:
    """The recipe with every path beside it; what it leaves open stays open."""
    document = report.recipe.model_dump(mode="json", exclude_defaults=True)
    for looked, spec in zip(report.tasks.values(), _places(document), strict=True):
        spec["path"] = looked.name
        if join := looked.spec.join:
            spec["join"] = {"file": _side_copy(join.file), "on": join.on}
    return document


def _places(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from document["tasks"]
    yield from (document[name] for name in ("general", "math") if name in document)


def _line(value: dict[str, Any]) -> str:
    """Dates and other things that JSON has not become text."""
    return json.dumps(value, ensure_ascii=False, default=str) + "\n"
