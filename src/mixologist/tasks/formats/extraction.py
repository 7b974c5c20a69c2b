"""Entities of a text: ``ORG: Acme Bank; LOC: Springfield``, or ``none``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mixologist.records import Example
from mixologist.tasks.formats.base import FORMATS, Columns, Fields, Format, Row, joined, place

NONE = "none"
Pairs = list[list[str]]
"""``[[type, text], ...]``"""


@FORMATS.register("extraction")
@dataclass(frozen=True)
class Extraction(Format):
    """Either ``tokens`` with IO or BIO ``tags``, or a ``text`` with ``entities``: ``[[type, text], ...]``.

    Entities stand in the order in which they first occur, each once.
    """

    name = "extraction"
    fields: ClassVar[Fields] = {
        "tokens": ("tokens", "words"),
        "tags": ("tags", "ner_tags"),
        "text": ("text", "sentence"),
        "entities": ("entities",),
    }
    required = (frozenset({"tokens", "tags"}), frozenset({"text", "entities"}))
    texts = frozenset({"text"})
    metrics = ("entity_f1",)
    max_new_tokens = 96
    default_instruction = "List the named entities ({labels}) as `TYPE: words; TYPE: words`, or none."
    rewordings = (
        "Which names occur here? Give each as TYPE: words. Types: {labels}.",
        "Extract all mentions of {labels} from the text.",
        "Find every {labels} in what follows and write them as TYPE: words.",
        "Mark the entities in this passage. Kinds: {labels}.",
        "Read the text and note each entity with its type, out of {labels}.",
    )
    held_out_rewordings = (
        "Who or what is mentioned below? Sort by {labels}.",
        "Pull out the {labels}.",
        "Do named entity recognition with the tags {labels}.",
    )

    @classmethod
    def find_labels(cls, rows: Any, columns: Columns) -> tuple[str, ...]:
        """The entity types that stand in the rows, sorted."""
        if "tags" in columns:
            found = {_type(tag) for tags in rows[columns["tags"]] for tag in tags or () if tag != "O"}
        else:
            found = {
                str(pair[0]) for pairs in rows[columns["entities"]] for pair in pairs or () if _is_pair(pair)
            }
        return tuple(sorted(found))

    def example(
        self, row: Row, _part: int, /, *, task: str, id: str, instruction: str | None = None
    ) -> Example:
        """See `Format`. The reference is ``[[type, text], ...]``."""
        where = place(task, id)
        text, entities = self._tagged(row, where) if "tags" in self.columns else self._listed(row, where)
        # What a semicolon or a line break in an entity would make of the answer could not be read back.
        clean = ([kind, " ".join(words.replace(";", ",").split())] for kind, words in entities)
        pairs = [list(pair) for pair in dict.fromkeys(map(tuple, clean))]
        completion = "; ".join(f"{kind}: {words}" for kind, words in pairs) or NONE
        messages = ({"role": "user", "content": joined(self.instruct(instruction), text)},)
        evidence = tuple(words for _, words in pairs)
        return Example(task, id, messages, completion, text, pairs, evidence=evidence)

    def parse(self, text: str) -> Pairs | None:
        """Pairs of type and text; ``[]`` for ``none``; None unless every piece reads ``TYPE: words``."""
        answer = text.strip()
        if answer.removesuffix(".").casefold() == NONE:
            return []
        pieces = [piece.partition(":") for piece in answer.removesuffix(";").split(";")]
        pairs = [[kind.strip(), words.strip()] for kind, _, words in pieces]
        return pairs if all(kind and words for kind, words in pairs) else None

    def _tagged(self, row: Row, where: str) -> tuple[str, Pairs]:
        tokens, tags = self.value(row, "tokens"), self.value(row, "tags")
        if not isinstance(tokens, list) or not tokens:
            raise self.bad(where, "tokens", tokens, "a list of words that is not empty")
        if not isinstance(tags, list) or len(tags) != len(tokens):
            given = f"{len(tags)} tags for {len(tokens)} tokens" if isinstance(tags, list) else tags
            raise self.bad(where, "tags", given, "one tag a token")
        words = [str(token) for token in tokens]
        return " ".join(words).strip(), [[kind, " ".join(span)] for kind, span in _spans(words, tags)]

    def _listed(self, row: Row, where: str) -> tuple[str, Pairs]:
        text, pairs = self.text(row, "text", where), self.value(row, "entities") or []
        if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
            raise self.bad(where, "entities", pairs, "a list of [type, text] pairs")
        entities = [[str(kind).strip(), str(words)] for kind, words in pairs]
        # -1, for an entity that the text words otherwise, becomes the last place.
        return text, sorted(entities, key=lambda pair: text.find(pair[1]) % (len(text) + 1))


def _spans(words: Sequence[str], tags: Iterable[Any]) -> Iterator[tuple[str, list[str]]]:
    """Runs of words of one type; ``B-`` begins a new run, so that neighbours of one type stay apart."""
    kind, span = "O", list[str]()
    for word, tag in [*zip(words, tags, strict=True), ("", "O")]:
        begins = str(tag).startswith("B-") or _type(tag) != kind
        if begins and kind != "O":
            yield kind, span
        if begins:
            kind, span = _type(tag), []
        span.append(word)


def _type(tag: Any) -> str:
    """``I-ORG`` -> ``ORG``; a tag without prefix is a type itself."""
    text = str(tag)
    return text[2:] if text[:2] in ("B-", "I-") else text


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list | tuple) and len(pair) == 2 and all(str(item or "").strip() for item in pair)
