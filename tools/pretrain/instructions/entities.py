"""What a passage names, by patterns of our own: amounts, dates, companies, people, places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mixologist.demo.draw import Draw
from mixologist.records import Example
from tools.pretrain.instructions.lists import ENTITIES, PLACES
from tools.pretrain.instructions.shapes import choose, extract
from tools.pretrain.instructions.texts import Maker, Piece, Pool

_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_FORMS = (
    r"Co\.,? ?Ltd\.?|Inc\.|Incorporated|Corporation|Corp\.|Company|Co\.|Ltd\.|Limited|LLC|L\.L\.C\.|L\.P\.|N\.A\.|plc"
    r"|Bank|Group|Holdings|University|Institute|Association|Agency|Ministry|Department"
)
_TITLES = "Mr|Mrs|Ms|Dr|President|Senator|Captain|Sir|Lord|Lady|King|Queen"
_PARTIES = "Borrower|Lender|Executive|Employee|Company|Seller|Buyer|Tenant|Landlord|Licensee|Licensor|Bank"
_DATES = (
    rf"\d{{1,2}} {_MONTH}(?: \d{{4}})?", rf"{_MONTH} \d{{1,2}}(?:, \d{{4}}|\b(?!,? \d))", rf"{_MONTH} \d{{4}}",
)  # fmt: skip
_RUN, _NEXT = r"[A-Z][\w&'-]*", r" (?:of |the |de |van )?[A-Z][\w&'-]*"
_OPENING = (
    "A|An|The|This|That|These|Those|In|On|At|By|For|From|To|With|As|If|When|While|After|Before|Since|And|But|Or|His|Her|Its"
    "|Their|Our|My|He|She|It|They|We|You|I|Both|All|Some|Many|Most|Each|No|Not|However|Although|Under|Upon|During|According"
)
"""First words of a sentence that are no names."""
PATTERNS = {
    "percent": r"\b\d+(?:\.\d+)?(?: ?%| percent\b| per cent\b)",
    "amount": r"(?:US)?[$€£] ?\d[\d,]*(?:\.\d+)?(?: (?:million|billion|trillion))?(?![\d%])",
    "date": rf"\b(?:{'|'.join(_DATES)})\b",
    "year": r"(?<![\w,.$€£-])(?:1[5-9]|20)\d\d(?![,.%-]\d|\w)",
    "company": rf"\b(?!(?:The|This|Such|Each|In|By|At|For|Any|Our|If) )(?:[A-Z][\w&'-]*,? ){{1,6}}(?:{_FORMS})(?!\w)",
    "person": rf"\b(?:{_TITLES})\.? [A-Z][a-z]+(?: [A-Z][a-z]+)?",
    "place": rf"\b(?:{'|'.join(sorted(PLACES, key=len, reverse=True))})\b",
    "party": rf"\b(?:{_PARTIES})\b",
    "name": rf"(?<=[\w,;)] )(?!I\b){_RUN}(?:{_NEXT})*|(?<![\w'])(?!(?:{_OPENING})\b){_RUN}(?:{_NEXT})+",
}
"""Kind -> what a mention of it looks like. What the pattern misses is no mention here."""
_COMPILED = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}


def found(text: str, kinds: Sequence[str]) -> list[list[str]]:
    """``[kind, words]`` of all that a text names, in order; where two overlap, the longer stays."""
    spans = [(m.start(), m.end(), kind) for kind in kinds for m in _COMPILED[kind].finditer(text)]
    kept: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        if all(end <= a or b <= start for a, b, _ in kept):
            kept.append((start, end, kind))
    return [[kind, text[start:end]] for start, end, kind in sorted(kept)]


def entities(draw: Draw, piece: Piece, _pool: Pool) -> Example | None:
    """List what the text names, by kinds that are named in one of several ways."""
    # Names in general overlap with companies and places: they are asked for alone.
    fitting = sorted(set(PATTERNS) - {"name", "" if "contract" in piece.source else "party"})
    present = [kind for kind in fitting if _COMPILED[kind].search(piece.text)]
    if draw.chance(0.15):
        kinds = [draw.one(("name", "name", "year"))]
    elif present and draw.chance(0.9):
        kinds = list(dict.fromkeys([*draw.some(present, 2), *draw.some(fitting, draw.below(3))]))
    else:
        kinds = draw.some(fitting, 2)
    naming = draw.below(3)
    names = {kind: ENTITIES[kind][naming] for kind in kinds}
    pairs = [[names[kind], words] for kind, words in found(piece.text, kinds)]
    if len(pairs) > 7 or (not pairs and draw.chance(0.8)):
        return None
    listed = draw.some(sorted(names.values()), len(names))
    asked = draw.one((
        "List all of these that the text names: {labels}.", "Write down every {labels} as TYPE: words, or none.",
        "What does the text name? Types: {labels}.", "Extract {labels} in the order in which they occur.",
        "Note each mention with its type ({labels}); say none if there is none.", "Entities ({labels})?",
    ))  # fmt: skip
    return extract(draw, piece.text, pairs, listed, asked)


def mention(draw: Draw, piece: Piece, pool: Pool) -> Example | None:
    """Which of some words or names the text holds; the others are of other texts."""
    own = [words for _, words in found(piece.text, ("name",))]
    others = pool.others(draw, piece, draw.between(1, 9))
    wrong = {words for other in others for _, words in found(other.text, ("name",))[:1]}
    wrong = {words for words in wrong if words not in piece.text and len(words) < 40}
    if not own or not wrong:
        return None
    right = draw.one(own)
    asked = draw.one(("Which of these is mentioned?", "Which name stands in the text?", "Who or what is named here?",
                      "Find the one that occurs below."))  # fmt: skip
    return choose(draw, piece.text, right, [right, *sorted(wrong)], asked)


MAKERS: tuple[tuple[Maker, float], ...] = ((entities, 5.0), (mention, 1.2))
