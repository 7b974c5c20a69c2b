"""What a page is made of. Plain data: `template.html` knows how each kind looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # words and tables are for the terminal too, which draws nothing
    from mixologist.report.svg import Drawing


@dataclass(frozen=True)
class Mark:
    """Text with a tone: ``helped``, ``hurt``, ``unclear``, ``warn`` or ``good``, shown by a sign and a colour."""

    text: str
    tone: str


Text = str | Mark


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    kind: ClassVar[str] = "words"
    text: Text


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"
    items: Sequence[Text]


@dataclass(frozen=True)
class Tiles:
    """The few numbers that matter: (number, what it counts)."""

    kind: ClassVar[str] = "tiles"
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows of cells below a header; the first cell of a row names it. Columns of numbers stand to the right."""

    kind: ClassVar[str] = "table"
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Text]]
    words: Sequence[str] = ()
    """Columns that hold words, beside the first."""


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption, the key to its colours, and its numbers as a table."""

    kind: ClassVar[str] = "figure"
    drawing: Drawing
    caption: str
    table: Table
    key: Mapping[str, str] = field(default_factory=dict)
    """Label -> name of the colour."""
    open: bool = False
    """Whether the table shows unasked."""


@dataclass(frozen=True)
class Panel:
    """One of several small drawings."""

    title: str
    svg: str
    note: str


@dataclass(frozen=True)
class Panels:
    """Small drawings side by side, which share a caption, a key and a table."""

    kind: ClassVar[str] = "panels"
    items: Sequence[Panel]
    caption: str
    table: Table | None
    key: Mapping[str, str]


@dataclass(frozen=True)
class Example:
    """One question with its right answer and what each system said."""

    kind: ClassVar[str] = "example"
    title: Text
    text: str
    expected: str
    answers: Mapping[str, str]


@dataclass(frozen=True)
class Code:
    """Text to copy."""

    kind: ClassVar[str] = "code"
    text: str
    label: str


@dataclass(frozen=True)
class Fold:
    """What opens on demand."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: Sequence[Block]


Block = Words | Bullets | Tiles | Table | Figure | Panels | Example | Code | Fold


@dataclass(frozen=True)
class Section:
    """A part of the page with its own heading."""

    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    lead: str
    banner: Mark
    """The state of the run."""
    summary: Sequence[Block]
    sections: Sequence[Section]
