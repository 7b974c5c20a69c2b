"""Numbers as a model should write them, and as they can be read from what it wrote."""

from __future__ import annotations

import math
import re
from typing import Any

SIGNIFICANT = 5
"""Digits of a number that is not whole."""
TRUTH = {"yes": 1.0, "no": 0.0}
"""Comparisons are answered in words; the metric compares numbers."""

_NUMBER = re.compile(r"(?:(?<![\w)])[-−])?\$?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")


_GROUPED = re.compile(r"[^,]*|[^\d,]*\d{1,3}(?:,\d{2,3})*,\d{3}(?!\d)[^,]*")
"""Commas between thousands (or lakhs: 12,34,567). In ``0,05`` a comma is something else."""


def render(value: float) -> str:
    """The shortest round form: whole numbers whole, others with five significant digits; no exponent.

    >>> render(407.0), render(0.347189), render(8953.33333), render(28597891.58), render(-0.0)
    ('407', '0.34719', '8953.3', '28597892', '0')
    """
    if value == int(value):
        return str(int(value))
    places = max(0, SIGNIFICANT - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def last_number(text: str) -> float | None:
    """The last number in a text, without ``$``, thousands' commas and ``%`` (14.2% is 14.2), or None."""
    found = _NUMBER.findall(text)
    return _read(found[-1]) if found else None


def only_number(text: str) -> float | None:
    """The number that the whole text is, or None: ``$ 1,200``, ``14.2%``, ``-3``; not ``0,05``, whose comma may be a
    decimal one.

    >>> only_number("$ 1,200.50"), only_number("12,34,567"), only_number("0,05"), only_number("3,14159")
    (1200.5, 1234567.0, None, None)
    """
    bare = text.strip().removesuffix("%").replace("$ ", "$").strip()
    return _read(bare) if _NUMBER.fullmatch(bare) and _GROUPED.fullmatch(bare) else None


def truth(text: str) -> float | None:
    """1 for yes, 0 for no, None for all else."""
    return TRUTH.get(text.strip().removesuffix(".").casefold())


def answer(value: Any) -> tuple[str, float] | None:
    """A gold answer as (text to write, number to compare with); None for all but numbers, yes and no."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, str):
        if (decided := truth(value)) is not None:
            return value.strip().removesuffix(".").casefold(), decided
        value = only_number(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return render(value), float(value)


def missing(value: Any) -> bool:
    """Whether a row brings no answer: null, NaN, or an empty cell."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _read(text: str) -> float | None:
    number = float(text.replace(",", "").replace("$", "").replace("−", "-"))
    return number if math.isfinite(number) else None
