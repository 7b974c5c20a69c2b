"""Challenge sets: test rows altered in one way, to see what a system leans on. The same rows give the same copies.

    typos     one word in ten misspelt (two letters swapped, one lost, one doubled); no digit, no word of the answer.
              The answer stays.
    reworded  the instruction said in one of the held-out ways. The answer stays.
    numbers   other digits, larger numbers still larger: each digit 1 to 9 of a text becomes another, in order, 0 stays.
              The label stays, so name it only where no label hangs on a figure itself. Tasks with labels.
    negation  "is" becomes "is not", or the first "not" goes (English). What is right then is not known: reported is how
              often the answer stays as it was, without saying whether it should. Tasks with labels.

Altered is what the user says, never the context it comes with (a table, a contract). A row that cannot be altered so
(no digit, no verb to negate) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mixologist import seeds
from mixologist.errors import UserError
from mixologist.records import Example
from mixologist.tasks.formats import Format
from mixologist.tasks.splits import Split

Random = np.random.Generator
Change = Callable[[str, Example, Random], str]
"""(text, its example, random numbers) -> the altered text, or the text itself where it cannot be altered so."""
WORDS_A_TYPO = 10
SHORTEST_MISSPELT = 4
"""Letters; shorter words are hard to make out with a typo in them."""
NEED_LABELS = ("numbers", "negation")
UNKNOWN_ANSWER = ("negation",)
"""Challenges after which nobody knows what is right."""

_VERB = r"(?:is|are|was|were|am|do|does|did|can|could|will|would|should|must|has|have|had)"
_PRONOUN = r"(?:i|you|he|she|it|we|they|there|this|that)"
_NEGATED = re.compile(rf"\b({_VERB})n't\b|\b({_VERB}(?: {_PRONOUN})?) not\b", re.IGNORECASE)
_CONTRACTED = re.compile(r"\b(ca|wo)n't\b", re.IGNORECASE)
_PLAIN = re.compile(
    rf"(?<![-\w])(?!(?:has|have|had) (?:to|a|an|the|any|my|your)\b)({_VERB}(?: {_PRONOUN})?)(?![-'\w])",
    re.IGNORECASE,
)


class Altered(Split):
    """Those examples of a split that a challenge can alter, altered."""

    def __init__(self, rows: Split, challenge: str, rewordings: Sequence[str], seed: int) -> None:
        """``rewordings``: ways to say the instruction, held out from training."""
        found: dict[int, Example] = {}
        for number, example in enumerate(rows):
            random = seeds.generator(seed, "challenge", challenge, rows.task, example.id)
            if challenge == "reworded":
                found[number] = rows.reworded(number, rewordings[int(random.integers(len(rewordings)))])
            elif changed := _altered(example, CHANGES[challenge], random):
                found[number] = changed
        self.numbers = list(found)
        """(n,) Their numbers in the split."""
        self.examples = list(found.values())
        survey = rows.survey.take(np.array(self.numbers, dtype=np.int64))
        super().__init__(rows.task, rows.origin, rows.rows, survey, rows.format)

    def _example(self, index: int, instruction: str | None) -> Example:
        assert instruction is None, "an altered row has the wording it was given"
        return self.examples[index]


def problems(task: str, challenges: Sequence[str], format: Format) -> Iterator[UserError]:
    """The challenges that a task cannot be put to."""
    for challenge in challenges:
        if challenge in NEED_LABELS and not format.labels:
            yield UserError(
                f"task '{task}': challenge {challenge} needs labels",
                given=f"format {format.name}",
                expected="a task whose answer is one of its labels",
                do=f"remove {challenge} from its challenges",
            )


def _altered(example: Example, change: Change, random: Random) -> Example | None:
    said = _said(example)
    changed = change(said, example, random)
    return None if changed == said else _with(example, said, changed)


def _said(example: Example) -> str:
    """The longest part of the user's text outside its context; the whole text where all of it is context."""
    if not example.context:
        return example.text
    return max((part.strip() for part in example.text.split(example.context)), key=len) or example.text


def _with(example: Example, old: str, new: str) -> Example | None:
    """The example with another text in its last message; None where the text does not stand there as it is."""
    before, found, after = example.messages[-1]["content"].rpartition(old)
    if not found:
        return None
    last = {**example.messages[-1], "content": before + new + after}
    return replace(
        example,
        messages=(*example.messages[:-1], last),
        text=example.text.replace(old, new),
        context=new if example.context == old else example.context,
    )


def misspelt(text: str, example: Example, random: Random) -> str:
    """One word in ten, at least one, of those with four letters or more that do not stand in the answer."""
    kept = {
        word.casefold() for word in re.findall(r"\w+", f"{example.completion} {_flat(example.reference)}")
    }
    words = [
        match
        for match in re.finditer(r"[^\W\d_]+", text)
        if len(match[0]) >= SHORTEST_MISSPELT and match[0].casefold() not in kept
    ]
    if not words:
        return text
    count = max(1, round(len(text.split()) / WORDS_A_TYPO))
    for pick in sorted(random.permutation(len(words))[:count].tolist(), reverse=True):
        begin, end = words[pick].span()
        text = text[:begin] + _typo(words[pick][0], random) + text[end:]
    return text


def _typo(word: str, random: Random) -> str:
    """The first letter stays, as it mostly does when people mistype."""
    place = int(random.integers(1, len(word) - 1))
    a, b = word[place], word[place + 1]
    kinds = (b + a, b, a + a + b)  # swapped, lost, doubled
    kind = int(random.integers(1 if a == b else 0, len(kinds)))
    return word[:place] + kinds[kind] + word[place + 2 :]


def renumbered(text: str, _example: Example, random: Random) -> str:
    """The digits 1 to 9 that occur, replaced by as many others in the same order: 8.7 < 13.1 may become 9.6 < 24.2."""
    digits = sorted(set(re.findall(r"[1-9]", text)))
    if not digits or len(digits) == 9:
        return text
    others = digits
    while others == digits:
        others = sorted(random.choice(list("123456789"), len(digits), replace=False).tolist())
    return text.translate(str.maketrans("".join(digits), "".join(others)))


def negated(text: str, _example: Example, _random: Random) -> str:
    """Without its first "not", or with one after its first verb that takes one."""
    whole = _CONTRACTED.sub(lambda match: {"ca": "can", "wo": "will"}[match[1].lower()] + " not", text)
    whole = re.sub(r"\bcannot\b", "can not", whole, flags=re.IGNORECASE)
    without = _NEGATED.sub(lambda match: match[1] or match[2], whole, count=1)
    return without if without != whole else _PLAIN.sub(r"\1 not", whole, count=1)


def _flat(reference: Any) -> str:
    """All texts in a reference."""
    if isinstance(reference, list | tuple | set | frozenset):
        return " ".join(sorted(map(_flat, reference)))
    return str(reference)


CHANGES: dict[str, Change] = {"typos": misspelt, "numbers": renumbered, "negation": negated}
"""What alters the text; ``reworded`` alters the instruction."""
