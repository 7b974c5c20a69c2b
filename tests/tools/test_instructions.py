"""Made-up questions: the same from the same seed, answered by their own text, never the demo's held-out rows."""

import itertools
import re
from collections.abc import Iterator

import pytest

from mixologist.demo.build import rows
from mixologist.demo.draw import Draw
from mixologist.records import Example
from mixologist.tasks.formats.extraction import Extraction
from tools.pretrain.instructions import (
    ON_TEXT,
    conversations,
    demo_conversations,
    entities,
    free,
    lists,
    pairs,
    passages,
    spans,
)
from tools.pretrain.instructions.entities import found
from tools.pretrain.instructions.market import DOWN, FLAT, UP, statement
from tools.pretrain.instructions.numbers import Report
from tools.pretrain.instructions.requests import request
from tools.pretrain.instructions.texts import Piece, Pool, pieces, sentences
from tools.pretrain.sources import Document

ANIMALS = ("heron", "otter", "badger", "lynx", "marmot", "plover")


def article(animal: str) -> Document:
    parts = [
        f"The {animal.title()}",
        f"A {animal} lives near the river in Norway. In 1987 a count by Dr. Holm found 120 pairs. Most sleep at noon.",
        "Food",
        f"The {animal} eats beetles and small fish. About 30 percent of its food comes from ponds. It costs $4.50.",
        "Young",
        f"Two cubs are born in May. On 3 June 2001 the Northern Wildlife Institute showed a {animal} to visitors.",
    ]
    return Document("stories_african_storybook", "\n\n".join(parts))


TALK = Document(
    "dialogues_sgd",
    "Customer: I need a table for two.\nAssistant: On which day?\nCustomer: On Friday.\nAssistant: It is booked.",
)


def documents() -> Iterator[Document]:
    for _ in range(40):
        yield from map(article, ANIMALS)
        yield TALK


def made(seed: int, n: int = 600) -> list[list[dict[str, str]]]:
    return list(itertools.islice(conversations(documents(), seed), n))


def examples(name: str) -> list[tuple[Piece, Example]]:
    """What the makers of that name make of the passages."""
    draw, pool, kept = Draw(0, "test"), Pool(), []
    makers = [maker for maker, _ in ON_TEXT if maker.__name__ == name]
    for document in documents():
        for piece in pieces(draw, document, 3):
            kept += [(piece, example) for maker in makers if (example := maker(draw, piece, pool))]
            pool.add(piece)
    assert kept
    return kept


def asked(example: Example) -> str:
    return example.messages[-1]["content"]


def test_a_seed_gives_the_same_conversations_again_and_another_seed_others() -> None:
    assert made(0) == made(0)
    assert made(0) != made(1)


def test_a_conversation_ends_with_an_answer_and_takes_turns() -> None:
    for turns in made(0):
        roles = [turn["role"] for turn in turns if turn["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(turn["content"].strip() for turn in turns)


def test_some_conversations_have_several_questions_on_one_text() -> None:
    longer = [turns for turns in made(0) if sum(turn["role"] == "user" for turn in turns) > 1]
    assert 10 < len(longer) < 300


CHOICES = [maker.__name__ for maker, _ in (*passages.MAKERS, *pairs.MAKERS) if maker is not passages.profile]


@pytest.mark.parametrize("name", CHOICES)
def test_the_right_option_is_among_the_options(name: str) -> None:
    for _, example in examples(name):
        assert example.completion in asked(example)


@pytest.mark.parametrize("maker", [spans.copy, spans.gap, spans.only, entities.mention])
def test_a_span_stands_in_its_text(maker: object) -> None:
    for piece, example in examples(maker.__name__):  # type: ignore[attr-defined]
        assert example.completion in piece.text


def test_a_gap_is_filled_by_its_answer() -> None:
    for _, example in examples("gap"):
        text, _, line = asked(example).rpartition("\n\n")
        assert line.replace("___", example.completion) in text


def test_a_cloze_hides_its_word() -> None:
    for piece, example in examples("cloze"):
        hidden = asked(example).rpartition("\n\n")[2]
        assert not re.search(rf"\b{example.completion}\b", hidden)
        assert re.search(rf"\b{example.completion}\b", piece.text)


def test_extraction_answers_are_read_back_as_they_stand_in_the_text() -> None:
    reader = Extraction({}, "entity_f1")
    for piece, example in examples("entities"):
        pairs_found = reader.parse(example.completion)
        assert pairs_found is not None
        assert all(words in piece.text for _, words in pairs_found)


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("percent", "It fell 4% and then 2.5 percent.", ["4%", "2.5 percent"]),
        ("amount", "They paid $1,200.50, later €3 million.", ["$1,200.50", "€3 million"]),
        ("date", "From May 3, 2004 to 5 June 2006.", ["May 3, 2004", "5 June 2006"]),
        ("year", "In 1987, not in the 1990s, for $2000.", ["1987"]),
        ("company", "The loan of Alder Pumps, Inc. to Birch Bank.", ["Alder Pumps, Inc.", "Birch Bank"]),
        ("place", "From New York to Norway.", ["New York", "Norway"]),
        (
            "name",
            "Mara Lind met the Bishop of Lund. In Oslo she rested.",
            ["Mara Lind", "Bishop of Lund", "Oslo"],
        ),
    ],
)
def test_patterns_find(kind: str, text: str, wanted: list[str]) -> None:
    assert [words for _, words in found(text, [kind])] == wanted


def test_overlapping_mentions_leave_the_longer_one() -> None:
    assert found("Bank of Texas Holdings", ["place", "company"]) == [["company", "Texas Holdings"]]
    assert found("on 3 May 2004", ["year", "date"]) == [["date", "3 May 2004"]]


def test_sentences_end_where_they_end() -> None:
    assert sentences("Mr. A. Smith of Acme Inc. paid. He left! Why? Nobody knew.") == [
        "Mr. A. Smith of Acme Inc. paid.", "He left!", "Why?", "Nobody knew.",
    ]  # fmt: skip


def test_statements_know_their_direction() -> None:
    draw = Draw(0, "test")
    said = [statement(draw) for _ in range(500)]
    rises = [one for one in said if " rose " in one.text and one.way is not None]
    assert rises
    assert {one.way for one in rises} == {UP}
    assert {one.way for one in said} == {DOWN, FLAT, UP, None}
    assert all(one.company in one.text or one.company[1:] in one.text for one in said)


def test_lookups_in_a_table_are_right() -> None:
    draw = Draw(0, "test")
    for _ in range(200):
        report = Report(draw)
        question, answer = report.question(draw)
        cells = {
            float(report.cells[i, y])
            for i in report.items
            for y in report.years
            if i in question and str(y) in question
        }
        if question.startswith(("How much was", "What amount", "Give")):
            assert answer in cells


def test_every_request_can_be_written() -> None:
    draw = Draw(0, "test")
    for name in lists.INTENTS:
        assert "{" not in request(draw, name)
    assert all(isinstance(word, str) for words in (*lists.INTENTS.values(), *lists.YES_NO) for word in words)


@pytest.mark.parametrize("n", range(2, 7))
def test_codes_differ(n: int) -> None:
    draw = Draw(0, "test")
    assert all(len(set(lists.codes(draw, n))) == n for _ in range(50))


def test_demo_rows_are_train_rows_of_its_regularisers() -> None:
    said = {
        turns[-2]["content"].rpartition("\n\n")[2] for turns in itertools.islice(demo_conversations(0), 400)
    }
    assert said & {row["prompt"] for row in rows("arithmetic", "train", 100, 0)}
    held_out = [row for split in ("validation", "test") for row in rows("arithmetic", split, 50, 0)]
    assert not said & {row["prompt"] for row in held_out}
    assert not said & {row["text"] for row in rows("queue", "train", 200, 0)}


def test_another_documents_passages_are_the_wrong_options() -> None:
    pool, draw = Pool(), Draw(0, "test")
    first, second = (next(pieces(draw, article(animal), 1)) for animal in ANIMALS[:2])
    pool.add(first)
    assert pool.others(draw, first, 3) == []
    assert pool.others(draw, second, 3) == [first]


@pytest.mark.parametrize(
    ("heading", "industry", "country"),
    [
        ("Alder Pumps Limited (Machinery, India)", "Machinery", "India"),
        ("Birch (publ) (Real Estate (REITs), Sweden)", "Real Estate (REITs)", "Sweden"),
        ("Cedar Fund (Japan)", "", "Japan"),
        ("Alder Pumps", "", ""),
    ],
)
def test_profiles_are_headed_by_industry_and_country(heading: str, industry: str, country: str) -> None:
    piece = Piece("company_profiles", "It makes pumps.", ("It makes pumps.",), heading=heading)
    assert passages.of_profile(piece, "industry") == industry
    assert passages.of_profile(piece, "country") == country


def test_a_subject_is_told_in_the_words_of_its_text() -> None:
    draw, pool = Draw(0, "free"), Pool()
    told = [
        (piece, free.about(draw, piece, pool))
        for _ in range(40)
        for piece in pieces(draw, article("otter"), 3)
    ]
    answered = [(piece, example) for piece, example in told if example]
    assert answered
    for piece, example in answered:
        assert example.completion == piece.text
        assert "The Otter" in example.messages[-1]["content"]
        asked = re.search(r"Write (one|two|three|a|2|3) sentence", example.messages[-1]["content"])
        counts = {"one": 1, "a": 1, "two": 2, "2": 2, "three": 3, "3": 3}
        assert asked is None or len(piece.sentences) == counts[asked[1]]
    clause = Piece("sec_contracts", "1.1 The Borrower shall " + "pay " * 30, ("x",), title="The Borrower")
    assert free.about(draw, clause, pool) is None


def test_what_is_done_is_asked_by_its_heading() -> None:
    text = "Choose the icon and enter a name for it. Then choose the OK button, and the list is shown again."
    piece = Piece("howto_business_central", text, tuple(sentences(text)), heading="To create a list")
    example = free.how_to(Draw(0, "free"), piece, Pool())
    assert example is not None
    assert "create a list" in example.messages[-1]["content"]
    assert example.completion == text


def test_a_note_has_as_many_sentences_as_were_asked_for() -> None:
    draw = Draw(0, "free")
    for example in (free.letter(draw) for _ in range(200)):
        asked = re.search(r"(one|two|three|\ba|2|3) sentence", example.messages[-1]["content"])
        if asked:
            counts = {"one": 1, "a": 1, "two": 2, "2": 2, "three": 3, "3": 3}
            assert len(sentences(example.completion)) == counts[asked[1]], example.completion


def test_the_prompts_of_the_evaluation_are_not_among_the_questions() -> None:
    asked = {question for question, _ in free.QUESTIONS} | {str(event["say"]) for event in free.EVENTS}
    assert not any(words in text for text in asked for words in ("leaves", "parcel", "bakery"))
