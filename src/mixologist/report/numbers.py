"""How numbers are written: points, intervals, times, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def points(value: float) -> str:
    """A metric (0..1) in points."""
    return f"{100 * value:.1f}"


def interval(found: Mapping[str, Any]) -> str:
    """A metric with its interval, in points: ``57.9 [51, 64]``."""
    return f"{points(found['value'])} [{100 * found['low']:.0f}, {100 * found['high']:.0f}]"


def difference(found: Mapping[str, Any] | None) -> str:
    """A difference of metrics with its interval, in points; nothing for none."""
    if found is None:
        return ""
    return f"{100 * found['value']:+.1f} [{100 * found['low']:+.1f}, {100 * found['high']:+.1f}]"


def percent(share: float) -> str:
    """A share (0..1) in percent."""
    return f"{100 * share:.1f}%"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes in the decimal unit that suits them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def listed(names: list[str], most: int = 6) -> str:
    """Names with commas, the first ones alone where there are many."""
    more = len(names) - most
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:most])} and {more} more"


def counted(count: int, thing: str) -> str:
    """``1 task``, ``2 tasks``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
