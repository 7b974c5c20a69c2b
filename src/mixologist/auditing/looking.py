"""One task's data, row by row: what cannot be read, which texts need mending, how long rows are, and their keys.

Three passes over the rows on disk. What is held: 110 bytes an example, and 8 a row.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixologist.auditing.encodings import readable
from mixologist.auditing.kinds import Findings
from mixologist.auditing.mending import Rows, mend_value
from mixologist.auditing.near import BANDS, bands
from mixologist.errors import UserError
from mixologist.tasks.card import ResolvedSpec
from mixologist.tasks.encoding import Encoder
from mixologist.tasks.formats import Format, bind
from mixologist.tasks.keys import asked, folded, hash_text
from mixologist.tasks.scope import part
from mixologist.tasks.sources import is_local, open_source, side_file
from mixologist.tasks.splits import Split, make_splits

Advance = Callable[[int], None]
Stage = Callable[[str, int], Advance]
"""Told what will be done and how often; gives back what is told how much is done."""
Hashes = NDArray[np.uint64]

FEW = 10
"""Train rows below which a label is rare."""


@dataclass(frozen=True)
class Keys:
    """What is kept of a split's n examples."""

    asked: Hashes  # (n,) the question as it stands
    folded: Hashes  # (n,) without case and spaces
    answer: Hashes  # (n,) folded
    bands: Hashes  # (n, 9) `near.bands`
    tokens: NDArray[
        np.int32
    ]  # (n, 3) of prompt, of completion, state: 1 shortened, 2 with evidence lost; -1 where the answer does not fit


@dataclass(frozen=True)
class Looked:
    """A task's data after a first look: its readable rows as splits, and what was found."""

    name: str
    source: str
    """Where the data lies."""
    spec: ResolvedSpec
    format: Format
    tables: dict[str, Any]
    """Split of the data -> all its rows, as they stand."""
    unusable: dict[str, dict[int, str]]
    """Split of the data -> row number -> ``unreadable`` or ``unanswered``."""
    splits: dict[str, Split]
    """train, validation and test of what can be read, mended."""
    keys: dict[str, Keys]
    labels: dict[str, int]
    """Label -> train rows, most frequent first; empty for tasks without a closed set of answers."""
    findings: Findings

    def row(self, split: str, index: int) -> tuple[str, int]:
        """Where an example comes from: the split of the data, and the row's number in it."""
        examples = self.splits[split]
        return examples.origin, int(examples.rows.numbers[examples.survey.parts[index, 0]])

    def place(self, split: str, index: int) -> str:
        """The same in words: ``train row 18``."""
        origin, row = self.row(split, index)
        return f"{origin} row {row + 1}"


def look(spec: ResolvedSpec, encoder: Encoder, scratch: Path, stage: Stage) -> Looked:
    """Read all of a task's data, whatever rows its recipe would draw, but those out of its scope.

    Raises `UserError` for what no row can be read of: no such data, a broken file, a column that is not there.
    """
    findings = Findings()
    tables = open_source(_readable(spec, scratch, findings), spec.join)
    own, _ = part(tables, spec.out_of_scope, spec.name)
    every = {split: Rows(table, own[split]) for split, table in tables.items()}
    format = bind(
        every,
        task=spec.name,
        format=spec.format,
        columns=spec.columns,
        labels=spec.labels,
        scale=spec.scale,
        instruction=spec.instruction,
        metric=spec.metric,
        cluster=spec.cluster,
    )
    advance = stage(f"reading {spec.name}", sum(map(len, tables.values())))
    unusable = {split: _unusable(split, rows, format, findings, advance) for split, rows in every.items()}
    usable = {split: Rows(rows.table, _without(rows, unusable[split])) for split, rows in every.items()}
    if not len(usable["train"]):
        raise UserError(
            f"task '{spec.name}': no train row is an example",
            given="; ".join(place for finding in findings.values() for place in finding.places[:2]),
            expected=f"rows of format {format.name}",
            do="mend the rows, or name another format, or the columns, in the recipe",
        )
    splits, _ = make_splits(spec.name, usable, format, caps={}, seed=0)
    advance = stage(f"measuring {spec.name}", sum(map(len, splits.values())))
    fitting = encoder.with_length(spec.max_length)
    keys = {split: _keys(examples, fitting, advance) for split, examples in splits.items()}
    counts = _labels(splits["train"]) if format.choices else {}
    looked = Looked(spec.name, spec.path, spec, format, tables, unusable, splits, keys, counts, findings)
    _note_lengths(looked, fitting.max_length)
    _note_labels(looked)
    return looked


def _labels(train: Split) -> dict[str, int]:
    return dict(Counter(str(train[number].reference) for number in range(len(train))).most_common())


def _readable(spec: ResolvedSpec, scratch: Path, findings: Findings) -> str:
    """The path, or where a copy in UTF-8 lies."""
    if not is_local(spec.path):
        return spec.path
    beside = [side_file(spec.path, spec.join)] if spec.join else []
    return str(readable(Path(spec.path), Path(tempfile.mkdtemp(dir=scratch)), findings.note, beside))


def _unusable(split: str, rows: Rows, format: Format, findings: Findings, advance: Advance) -> dict[int, str]:
    """Row number -> why it is no example; notes this, and what is wrong with the texts of the whole table."""
    found: dict[int, str] = {}
    meant = set(rows.numbers.tolist())
    for number, written in enumerate(rows.table):
        row, kinds = mend_value(written)
        for kind in kinds:
            findings.note(kind, f"{split} row {number + 1}")
        if number in meant and (why := _why_unusable(row, format, f"{split}/{number}")):
            found[number] = why[0]
            findings.note(why[0], f"{split} row {number + 1}{why[1]}")
        advance(1)
    return found


def _why_unusable(row: dict[str, Any], format: Format, id: str) -> tuple[str, str] | None:
    try:
        parts = format.parts(row)
        for part in range(parts):
            format.example(row, part, task="", id=id)
    except UserError as problem:
        return "unreadable", f": {problem.what.rpartition(': ')[2]}, given {problem.given}"
    return None if parts else ("unanswered", "")


def _without(rows: Rows, numbers: dict[int, str]) -> NDArray[np.int64]:
    """The numbers of the rows that are not among these."""
    return rows.numbers[~np.isin(rows.numbers, list(numbers))]


def _keys(examples: Split, encoder: Encoder, advance: Advance) -> Keys:
    n = len(examples)
    one, near = np.empty((n, 3), np.uint64), np.empty((n, BANDS), np.uint64)
    tokens = np.full((n, 3), -1, np.int32)
    for index in range(n):
        example = examples[index]
        question = asked(example)
        one[index] = hash_text(question), hash_text(folded(question)), hash_text(folded(example.completion))
        near[index] = bands(example)
        if encoded := encoder.encode(example):
            tokens[index] = len(encoded.prompt), len(encoded.completion), encoded.shortened + encoded.lost
        advance(1)
    return Keys(one[:, 0], one[:, 1], one[:, 2], near, tokens)


def _note_lengths(looked: Looked, longest: int) -> None:
    for split, keys in looked.keys.items():
        state = keys.tokens[:, 2]
        for kind, which in (("too_long", state < 0), ("shortened", state > 0), ("lost", state > 1)):
            for index in np.flatnonzero(which):
                looked.findings.note(kind, f"{looked.place(split, int(index))} (max_length {longest})")


def _note_labels(looked: Looked) -> None:
    for label, count in looked.labels.items():
        if count < FEW:
            looked.findings.note("rare_label", f"{label} {count}")
    alike: dict[str, list[str]] = {}
    for label in looked.labels:
        alike.setdefault(folded(label), []).append(label)
    for group in alike.values():
        if len(group) > 1:
            looked.findings.note("alike_labels", " = ".join(map(repr, group)))
