"""The characters of texts: wrong decoding, control characters, carriage returns; and rows seen without them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, overload

import ftfy
import numpy as np
from ftfy.fixes import fix_c1_controls
from numpy.typing import NDArray

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")
"""All but tab and line feed; and the byte order mark."""
LOST = "\N{REPLACEMENT CHARACTER}"


def mend(text: str) -> tuple[str, frozenset[str]]:
    """The text as it was meant, and the kinds of what was wrong. Mending it again changes nothing.

    Wrong decoding is recognised by ftfy (https://ftfy.readthedocs.io), which leaves doubtful cases alone.
    """
    if text.isascii() and text.isprintable():
        return text, frozenset()
    steps = {
        "carriage_returns": text.replace("\r\n", "\n").replace("\r", "\n"),
        "mojibake": "",
        "control_characters": "",
    }
    steps["mojibake"] = fix_c1_controls(ftfy.fix_encoding(steps["carriage_returns"]))
    steps["control_characters"] = _CONTROL.sub("", steps["mojibake"])
    before = [text, *steps.values()]
    kinds = {kind for kind, old, new in zip(steps, before, steps.values(), strict=False) if old != new}
    return steps["control_characters"], frozenset(kinds | ({"lost_characters"} if LOST in text else set()))


def mend_value(value: Any) -> tuple[Any, frozenset[str]]:
    """The same for a cell, which may hold texts inside lists and objects."""
    if isinstance(value, str):
        return mend(value)
    if isinstance(value, list):
        pairs = [mend_value(item) for item in value]
        return [item for item, _ in pairs], frozenset().union(*(kinds for _, kinds in pairs))
    if isinstance(value, dict):
        mended = {key: mend_value(item) for key, item in value.items()}
        return {k: item for k, (item, _) in mended.items()}, frozenset().union(
            *(k for _, k in mended.values())
        )
    return value, frozenset()


class Rows:
    """Some rows of a table (`datasets.Dataset`), mended as they are read; only their numbers are held."""

    def __init__(self, table: Any, numbers: NDArray[np.int64] | None = None) -> None:
        self.table = table
        self.numbers = np.arange(len(table)) if numbers is None else numbers
        """(n,) The rows' numbers in the table."""

    @property
    def column_names(self) -> list[str]:
        """As in the table."""
        return list(self.table.column_names)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, key: int | slice | list[int]) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: str) -> Iterator[Any]: ...
    def __getitem__(self, key: int | str | slice | list[int]) -> dict[str, Any] | Iterator[Any]:
        """A row, a column's values, or the columns of several rows, as a table has it."""
        if isinstance(key, str):
            return (mend_value(value)[0] for value in self.table.select(self.numbers)[key])
        mended: dict[str, Any] = mend_value(self.table[self.numbers[key]])[0]
        return mended
