"""What is wrong with a data file, in words.

Readers do worse than fail on some files: Arrow crashes on a row that is ``null``, pandas shifts the columns
of a CSV whose rows are longer than its header. So the shape of every file is checked before they see it.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from mixologist.errors import UserError, nearest

LOADERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
"""File ending -> loader of Hugging Face datasets."""
SEEN = 1000
"""Rows among which a cell of a first line that is no header stands again."""


def inspect(paths: list[Path]) -> dict[str, Any]:
    """Check the files of one split and return the options with which to load them.

    Raises `UserError`, with the line, for an unknown ending, an empty file, bytes that are not UTF-8, a JSON
    row that is no object, and a CSV row with too many or too few cells.
    """
    options: dict[str, Any] = {}
    for path in paths:
        suffix = path.suffix.lower()
        if suffix not in LOADERS:
            raise UserError(
                f"{path}: unknown kind of file",
                given=suffix or "no ending",
                expected=f"one of {', '.join(sorted(LOADERS))}",
                do=nearest(suffix, LOADERS),
            )
        if path.stat().st_size == 0:
            raise _empty(path)
        if LOADERS[suffix] == "json":
            _check_json(path)
        elif LOADERS[suffix] == "csv":
            options = _check_csv(path, "\t" if suffix == ".tsv" else ",")
    return options


def diagnose(paths: list[Path]) -> UserError | None:
    """The first broken line of JSON files that a reader refused; None where all lines are sound."""
    for path in paths:
        if LOADERS[path.suffix.lower()] == "json":
            for number, line in _lines(path):
                try:
                    json.loads(line)
                except ValueError as error:
                    return _broken(path, number, line, error)
    return None


def _check_json(path: Path) -> None:
    """JSON lines, or one array."""
    empty = True
    for number, line in _lines(path):
        if empty and line.startswith("["):
            return _check_array(path)
        empty = False
        if not line.startswith("{"):
            raise UserError(
                f"{path}, line {number}: not a JSON object",
                given=_start(line),
                expected='one object a line, such as {"text": "...", "label": "..."}, or one array of them',
                do="mend or remove the line",
            )
    if empty:
        raise _empty(path)
    return None


def _check_array(path: Path) -> None:
    try:
        items = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise _broken(path, error.lineno, error.doc.splitlines()[error.lineno - 1], error) from error
    if not items:
        raise _empty(path)
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise UserError(
                f"{path}, item {number} of the array: not a JSON object",
                given=_start(json.dumps(item)),
                expected='objects, such as {"text": "...", "label": "..."}',
                do="mend or remove the item",
            )


_NAME = re.compile(r"[^\W\d][\w.-]{0,30}")
"""One word, as columns are called."""


def _check_csv(path: Path, separator: str) -> dict[str, Any]:
    for _ in _lines(path):  # an encoding error is named by its line before the csv module stumbles over it
        pass
    named = _has_header(path, separator)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        header, begins = next(reader, []), reader.line_num + 1
        if separator == "," and len(header) == 1 and ";" in header[0]:
            raise UserError(
                f"{path}, line 1: cells are separated by semicolons",
                given=_start(header[0]),
                expected="commas (.csv) or tabs (.tsv)",
                do="save it with commas, texts that hold one in quotes",
            )
        header = header if named else [f"column_{number}" for number in range(1, len(header) + 1)]
        if len(set(header)) < len(header) or not all(name.strip() for name in header):
            raise UserError(
                f"{path}, line 1: not a header",
                given=_start(separator.join(header)),
                expected="the columns' names, each once",
                do="write a first line such as: text,label",
            )
        try:
            for row in reader:
                if row and len(row) != len(header):
                    raise _ragged(path, begins, len(row), header)
                begins = reader.line_num + 1
        except csv.Error as error:
            raise _unclosed(path, begins, error) from error
    if begins <= 2:
        raise _empty(path)
    # All cells are text: guessing types turns 01 into 1 and NA into nothing.
    text = {name: datasets.Value("string") for name in header}
    options = {"features": datasets.Features(text), "sep": separator, "keep_default_na": False}
    return options if named else {**options, "header": None, "names": header}


def _has_header(path: Path, separator: str) -> bool:
    """Whether the first line names the columns: no cell of it stands again below, in its own column; or one alone does,
    and all look like names (``message,spam`` over texts and spam or ham).

    Without names, the columns are column_1, column_2, ... A whole line that stands again is a header twice.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        try:
            first = next(reader, [])
            rows = (row for row in itertools.islice(reader, SEEN) if row != first)
            again = {
                n
                for row in rows
                for n, (cell, name) in enumerate(zip(row, first, strict=False))
                if cell == name != ""
            }
            names = all(map(_NAME.fullmatch, first)) and len({*first}) == len(first)
            return not again or (names and len(again) == 1 < len(first))
        except csv.Error:
            return True


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, stripped, numbered from 1. Raises `UserError` for bytes outside UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}, line {number}: not UTF-8 text",
                    given=f"byte 0x{line[error.start]:02x} at byte {error.start + 1} of the line",
                    expected="a file in UTF-8",
                    do=f"convert it: iconv -f {_encoding(path)} -t UTF-8 {path.name} > new{path.suffix}",
                ) from error
            if text:
                yield number, text


def _encoding(path: Path) -> str:
    """As far as its first bytes tell."""
    with path.open("rb") as file:
        return "UTF-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "LATIN1"


def _broken(path: Path, number: int, line: str, error: ValueError) -> UserError:
    column, why = (
        (f", column {error.colno}", error.msg) if isinstance(error, json.JSONDecodeError) else ("", error)
    )
    return UserError(
        f"{path}, line {number}{column}: broken JSON",
        given=_start(line),
        expected=f"one whole JSON object a line ({why})",
        do="mend the line; a line break inside a text is written \\n",
    )


def _ragged(path: Path, line: int, cells: int, header: list[str]) -> UserError:
    return UserError(
        f"{path}, line {line}: {cells} cells under {len(header)} columns",
        given=f"{cells} cells",
        expected=f"{len(header)}: {', '.join(header)}",
        do='put cells that hold a comma or a line break in "quotes"; look for a quote that is never closed',
    )


def _unclosed(path: Path, line: int, error: csv.Error) -> UserError:
    return UserError(
        f"{path}, line {line}: broken CSV",
        given=str(error),
        expected='cells in "quotes" that are closed',
        do="look for a quote that is never closed",
    )


def _empty(path: Path) -> UserError:
    return UserError(
        f"{path} is empty",
        given="no rows",
        expected="at least a few rows of data",
        do="write the data again, or name another file",
    )


def _start(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
