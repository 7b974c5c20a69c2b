"""Choices whose right option the documents themselves fix: kinds, titles, headings, speakers, missing words.

A maker gets a passage and others to compare with, and gives an example, or None where the passage is not fit for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.lists import COMMON, KINDS, cased
from tools.pretrain.instructions.shapes import MOST_LABEL, choose
from tools.pretrain.instructions.texts import Maker, Piece, Pool

_WORD = re.compile(r"(?<![\w'-])[a-z]{4,}(?![\w'-])")
_PROFILE = re.compile(
    r"^(?P<name>.+?) \((?:(?P<industry>[^()]+(?: \([^()]*\))?), )?(?P<country>[A-Z][^(),]+)\)$"
)
"""The heading of a company's profile: ``Name (Industry, Country)``."""


def several(draw: Draw) -> int:
    """Wrong options: mostly few, up to 19."""
    return draw.one((1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 11, 15, 19))


def kind(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """Which sort of text this is."""
    naming = draw.below(len(KINDS[piece.source]))
    right = KINDS[piece.source][naming]
    wrong = sorted({names[naming] for names in KINDS.values()} - {right})
    labels = cased(draw, [right, *draw.some(wrong, several(draw))])
    asked = draw.one((
        "What sort of text is this?", "Where does the passage come from?", "Which kind of writing is it?",
        "Say what type of document this was taken from.", "Source of this text?", "Genre of the excerpt:",
    ))  # fmt: skip
    return choose(draw, piece.text, labels[0], labels, asked, clear=True)


def title(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Which title the passage stands under."""
    others = {other.title for other in pool.others(draw, piece, several(draw)) if other.title}
    labels = [piece.title, *sorted(name for name in others if len(name) <= MOST_LABEL)]
    asked = draw.one((
        "Which title fits?", "Choose the headline for this text.", "What is the text about?",
        "Which article is this taken from?", "What is this piece called?", "Select the subject of the passage.",
        "Assign the text to its topic.",
    ))  # fmt: skip
    return choose(draw, piece.text, piece.title, labels, asked, clear=True) if piece.title else None


def heading(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """Which section of its document the passage stands in."""
    wrong = [name for name in piece.headings if name.casefold() != piece.heading.casefold()]
    labels = [piece.heading, *_distinct(draw.some(wrong, several(draw)))]
    about = f' of "{piece.title}"' if piece.title and draw.chance(0.5) else ""
    asked = draw.one((
        f"Which section{about} is this from?", f"Under which heading{about} does it stand?",
        f"Find the right chapter{about} for this paragraph.", f"Sort the paragraph into a section{about}.",
        f"What part{about} does it belong to?",
    ))  # fmt: skip
    return choose(draw, piece.text, piece.heading, labels, asked, clear=True) if piece.heading else None


def profile(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """A company's industry or country, as the heading of its profile says."""
    field = draw.one(("industry", "industry", "country"))
    right = of_profile(piece, field)
    wrong = {of_profile(other, field) for other in pool.others(draw, piece, 30, near=True)} - {right, ""}
    labels = [right, *draw.some(sorted(wrong), several(draw))]
    asked = draw.one({
        "industry": ("Which industry is the company in?", "Sector of this business?", "Line of business:",
                     "What does this firm belong to?", "Sort the company by sector."),
        "country": ("In which country is the company?", "Where is this business at home?", "Country of the firm?"),
    }[field])  # fmt: skip
    labels = cased(draw, labels) if draw.chance(0.3) else labels
    return choose(draw, piece.text, labels[0], labels, asked, clear=True) if right else None


def cloze(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Which word is missing, out of 2 to 20."""
    words = _contents(piece.text)
    others = pool.others(draw, piece, 8, near=draw.chance(0.8))
    wrong = sorted({word for other in others for word in _contents(other.text)} - set(words))
    if not words or not wrong or piece.dialogue:
        return None
    right = draw.one(words)
    gap = draw.one(("___", "____", "[...]", "[MASK]", "(?)"))
    text = re.sub(rf"\b{right}\b", gap, piece.text)
    labels = [right, *draw.some(wrong, several(draw))]
    asked = draw.one((
        f"Which word is missing at {gap}?", "Fill the gap.", "Choose the word that was taken out.",
        f"What belongs in place of {gap}?", "Complete the text with the right word.",
    ))  # fmt: skip
    return choose(draw, text, right, labels, asked)


def speaker(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """Who says the last line of a dialogue."""
    who, _, words = piece.sentences[-1].partition(": ")
    if not piece.dialogue or who == "User":
        return None
    other = {"Customer": "Assistant"}.get(who, "Customer")
    names = cased(draw, (who, other))
    before = "\n".join(piece.sentences[:-1]) if draw.chance(0.5) else ""
    text = f"{before}\n?: {words}".strip()
    asked = draw.one(
        ("Who says the last line?", "Whose words are these?", "Who is speaking at the end?", "Speaker?")
    )
    return choose(draw, text, names[0], names, asked)


def _contents(text: str) -> list[str]:
    """Lower-case words of four letters or more that are not of the commonest."""
    return sorted(set(_WORD.findall(text)) - COMMON)


def of_profile(piece: Piece, field: str) -> str:
    """The ``industry`` or ``country`` of a profile's company, ``""`` where none is given."""
    found = _PROFILE.match(piece.heading or piece.title) if piece.source == "company_profiles" else None
    return (found[field] or "") if found else ""


def _distinct(names: Sequence[str]) -> list[str]:
    return list({name.casefold(): name for name in names}.values())


MAKERS: tuple[tuple[Maker, float], ...] = (
    (kind, 1.0), (title, 3.0), (heading, 2.0), (profile, 4.0), (cloze, 2.5), (speaker, 0.6),
)  # fmt: skip
