"""The demo's general and arithmetic train rows, worded as its recipe words them; never a row that the demo may test on.

The demo's tasks themselves stay out: a base that had seen them would spoil the demo's verdicts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from mixologist.demo.build import DATA_SETS, rows
from mixologist.demo.catalogue import REGULARISERS
from mixologist.demo.draw import Draw
from mixologist.errors import UserError
from mixologist.tasks.formats import FORMATS, Format
from tools.pretrain.instructions.shapes import ID, Conversation, conversation

ROWS = 4000
"""Rows of a data set at most."""


def demo_conversations(seed: int) -> Iterator[Conversation]:
    """Rows of the data sets in turn, until each has given `ROWS` or has no more."""
    streams = [_worded(name, seed) for name in REGULARISERS]
    for turn in itertools.zip_longest(*streams):
        yield from (made for made in turn if made)


def _worded(name: str, seed: int) -> Iterator[Conversation]:
    draw, format = Draw(seed, "pretrain", name), _format(name)
    own = DATA_SETS[name].spec.get("rewordings", ()) or (
        type(format).rewordings if format.instruction else ()
    )
    try:
        for row in rows(name, "train", ROWS, seed):
            wording = draw.one(own) if own and draw.chance(0.4) else None
            yield conversation(format.example(row, 0, task=name, id=ID, instruction=wording))
    except UserError:
        return  # there are no more different rows


def _format(name: str) -> Format:
    """The data set's format as its recipe entry binds it."""
    spec: dict[str, Any] = DATA_SETS[name].spec
    kind = FORMATS[spec["format"]]
    row = next(rows(name, "train", 1, 0))
    columns = {field: names[0] for field, names in kind.fields.items() if names[0] in row}
    labels, metric = tuple(spec.get("labels", ())), spec["metric"]
    return kind(columns, metric, labels, spec.get("instruction", kind.default_instruction))
