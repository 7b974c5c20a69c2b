"""The kinds of findings: what each says, whether training would stop for it, and what `--fix` does about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST_SHOWN = 5
"""Places of a finding that are named; all are counted."""


@dataclass(frozen=True)
class Kind:
    """One kind of finding."""

    says: str
    fix: str = ""
    """What the cleaned copy has instead; empty: that is for a person to decide."""
    stops: bool = False
    """Whether `train` stops for it."""

    @property
    def drops(self) -> bool:
        """Whether the cleaned copy lacks the row."""
        return self.fix == "removed"


KINDS = {
    "not_utf8": Kind("lines not in UTF-8", "written in UTF-8", stops=True),
    "byte_order_mark": Kind("files that begin with a byte order mark", "written without"),
    "mixed_newlines": Kind("files with Windows and Unix line ends", "written with Unix ones"),
    "mojibake": Kind("rows with text that was decoded wrongly (Ã© for é)", "decoded again"),
    "control_characters": Kind("rows with control characters", "taken out"),
    "carriage_returns": Kind("rows with carriage returns inside a text", "made line feeds"),
    "lost_characters": Kind("rows with U+FFFD, where a character was lost"),
    "unreadable": Kind("rows that are no example (an empty text, an unknown label)", "removed", stops=True),
    "unanswered": Kind("rows without an answer, which training leaves out", "removed"),
    "leak": Kind("train rows that also stand in its own validation or test", "removed", stops=True),
    "near_leak": Kind("train rows nearly as in its own validation or test", "removed"),
    "other_leak": Kind("train rows that also stand in another task's validation or test", "removed"),
    "near_other_leak": Kind("train rows nearly as in another task's validation or test", "removed"),
    "shared": Kind("rows of carved splits that are left out: clusters in another split have the same text"),
    "straddling": Kind("train rows of a cluster that its own validation or test has, too"),
    "big_cluster": Kind("rows of a cluster that is a quarter of its split: does its name stand for none?"),
    "overlap": Kind("validation rows that also stand in its test", "removed", stops=True),
    "duplicate": Kind("train rows that ask and answer what an earlier one does", "removed"),
    "near_duplicate": Kind("train rows nearly like an earlier one"),
    "repeated": Kind("validation or test rows that repeat an earlier one"),
    "conflict": Kind("train rows that ask what an earlier one asks, with another answer"),
    "too_long": Kind("rows whose answer does not fit max_length, which training leaves out"),
    "shortened": Kind("rows whose prompt is shortened to fit max_length"),
    "lost": Kind("rows among these that lack evidence of their answer, where the data tells"),
    "rare_label": Kind("labels with fewer than 10 train rows"),
    "alike_labels": Kind("labels that differ in case or spaces alone"),
}
"""In the order in which they are shown."""


@dataclass
class Finding:
    """How often a kind was found, and the first places."""

    count: int = 0
    places: list[str] = field(default_factory=list)


class Findings(dict[str, Finding]):
    """Kind -> what was found of it, in one task."""

    def note(self, kind: str, place: str, count: int = 1) -> None:
        """Count one more; its place is kept while there are few."""
        found = self.setdefault(kind, Finding())
        found.count += count
        if len(found.places) < MOST_SHOWN:
            found.places.append(place)

    def ordered(self) -> list[tuple[str, Finding]]:
        """In the order of `KINDS`."""
        return [(kind, self[kind]) for kind in KINDS if kind in self]

    @property
    def stopping(self) -> list[str]:
        """What training would stop for: ``3 rows that are ...``."""
        return [f"{found.count} {KINDS[kind].says}" for kind, found in self.ordered() if KINDS[kind].stops]

    def as_json(self) -> dict[str, Any]:
        """Kind -> count, places, and what would be done."""
        return {
            kind: {"count": found.count, "places": found.places, "stops": KINDS[kind].stops, "fix": KINDS[kind].fix}
            for kind, found in self.ordered()
        }  # fmt: skip
