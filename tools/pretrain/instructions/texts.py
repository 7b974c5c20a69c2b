"""Passages of documents: a few sentences, the title and heading they stand under, and others to compare with."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.sources import Document

_END = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bMr\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bNo\.)(?<!\bMrs\.)(?<!\bInc\.)(?<!\bLtd\.)"
    r"(?<!\bCo\.)(?<!\bvs\.)(?<!U\.S\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bCorp\.)(?<!\bJr\.)\s+(?=[\"'(]?[A-Z0-9])"
)
_TURN = re.compile(r"^(Customer|Assistant|Barista|User): (.+)$", re.MULTILINE)
LONGEST = 700
"""Characters of a passage: most prompts are short."""
LONGEST_HEADING = 160
"""Characters of a title or heading. Names of firms are long; a heading that is missed leaves a wrong one standing."""
KEPT = 300
"""Passages of each source that are held for comparison."""
UNTITLED = frozenset({"books_classic", "dialogues_sgd", "dialogues_taskmaster4"})
"""Sources whose documents begin without a title."""


@dataclass(frozen=True)
class Piece:
    """A passage. ``sentences`` are its sentences, or the turns of a dialogue; ``text`` is all of them."""

    source: str
    text: str
    sentences: tuple[str, ...]
    after: str = ""
    """The sentence (or turn) that follows, if there is one in the same paragraph."""
    title: str = ""
    heading: str = ""
    headings: tuple[str, ...] = ()
    """All headings of the document."""

    @property
    def dialogue(self) -> bool:
        """Whether the sentences are turns, ``Speaker: words``."""
        return self.source.startswith("dialogues")


class Pool:
    """The latest passages of each source, to take wrong options from."""

    def __init__(self) -> None:
        self.held: dict[str, deque[Piece]] = defaultdict(lambda: deque(maxlen=KEPT))

    def add(self, piece: Piece) -> None:
        """Hold a passage in place of the oldest of its source."""
        self.held[piece.source].append(piece)

    def others(self, draw: Draw, piece: Piece, n: int, *, near: bool | None = None) -> list[Piece]:
        """Up to ``n`` passages of other titles, from the same source (``near``) or from any."""
        same = draw.chance(0.6) if near is None else near
        sources = [piece.source] if same else sorted(self.held)
        found: dict[str, Piece] = {}
        for _ in range(2 * n):
            held = self.held.get(draw.one(sources)) if sources else None
            other = draw.one(held) if held else None
            if other and len(found) < n and _apart(other, piece):
                found[other.title or other.text] = other
        return list(found.values())


Maker = Callable[[Draw, Piece, Pool], Example | None]
"""A question on a passage; None where the passage is not fit for it."""


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph."""
    return [part.strip() for part in _END.split(" ".join(text.split())) if part.strip()]


def pieces(draw: Draw, document: Document, n: int) -> Iterator[Piece]:
    """Up to ``n`` passages from different places of a document."""
    if document.source.startswith("dialogues"):
        yield from _talks(draw, document, n)
        return
    blocks = [block.strip() for block in document.text.split("\n\n")]
    title = blocks[0] if _is_heading(blocks[0]) and document.source not in UNTITLED else ""
    heading, bodies = "", list[tuple[str, str]]()
    for block in blocks[1 if title else 0 :]:
        if _is_heading(block):
            heading = block
        elif len(block) > 60:
            bodies.append((heading, block))
    headings = tuple(dict.fromkeys(name for name, _ in bodies if name))
    for heading, body in draw.some(bodies, n):
        piece = _cut(draw, document.source, body, title, heading, headings)
        if piece is not None:
            yield piece


def _cut(
    draw: Draw, source: str, body: str, title: str, heading: str, headings: tuple[str, ...]
) -> Piece | None:
    found = sentences(body[:6000])
    start = 0 if draw.chance(0.5) else draw.below(max(1, len(found) - 1))
    length = draw.one((1, 1, 2, 2, 3, 4))
    chosen = _within(found[start : start + length])
    end = start + len(chosen)
    text = " ".join(chosen)
    if not 25 <= len(text) <= LONGEST or not text[0].isalnum():
        return None
    after = found[end] if end < len(found) - (len(body) > 6000) else ""
    return Piece(source, text, tuple(chosen), after, title, heading, headings)


def _talks(draw: Draw, document: Document, n: int) -> Iterator[Piece]:
    turns = [match.group(0) for match in _TURN.finditer(document.text)]
    for _ in range(n):
        start = 0 if draw.chance(0.4) else draw.below(max(1, len(turns) - 2))
        chosen = _within(turns[start : start + draw.between(1, 6)])
        after = turns[start + len(chosen)] if start + len(chosen) < len(turns) else ""
        if chosen:
            yield Piece(document.source, "\n".join(chosen), tuple(chosen), after)


def _within(parts: Sequence[str]) -> list[str]:
    """As many of the parts as fit."""
    kept, total = list[str](), 0
    for part in parts:
        total += len(part) + 1
        if total > LONGEST:
            break
        kept.append(part)
    return kept


def _is_heading(block: str) -> bool:
    return (
        3 <= len(block) <= LONGEST_HEADING
        and "\n" not in block
        and block[0].isalnum()
        and block[-1] not in ".!?:;,\"'"
    )


def _apart(one: Piece, other: Piece) -> bool:
    """Whether two passages are of different documents, as far as titles tell."""
    return one.text != other.text and (not one.title or one.title != other.title)
