import pytest

from mixologist.records import Example
from mixologist.tasks.passages import GAP, PASSAGE, keep, rank, shortener, split

TEXT = "Title of it.\n" + "".join(
    f"Clause {number} says nothing that anybody would ask for, at some length. " * 4 + "\n"
    for number in range(12)
)


def asking(question: str, context: str) -> Example:
    messages = ({"role": "user", "content": f"Judge.\n\n{context}\n\n{question}"},)
    return Example("t", "train/0", messages, "yes", f"{context}\n\n{question}", "yes", context)


def test_passages_cover_the_text_and_short_lines_go_together() -> None:
    passages = split(TEXT)
    assert "".join(TEXT[begin:end] for begin, end in passages) == TEXT
    assert all(end - begin <= PASSAGE for begin, end in passages)
    assert split("a\nb\nc") == [(0, 5)]
    assert split("word " * 200) == [(0, 1000)]  # nowhere to part it


def test_rare_words_of_the_question_rank_passages_and_the_first_stays_first() -> None:
    passages = ["The title.", "The bank may lend.", "The bank may disclose.", "The bank pays.", "The end."]
    assert rank(passages, "Is disclosure by the bank allowed?")[:2] == [0, 2]
    common = ["a", "The bank.", "b", "A bank.", "c", "A notary."]
    assert rank(common, "bank or notary")[:2] == [0, 5]
    assert rank(passages, "nothing in common") == [0, 1, 2, 3, 4]


def test_a_passage_beside_a_fitting_one_goes_before_others() -> None:
    passages = ["a", "b", "c", "secret", "d", "e", "f", "g"]
    assert rank(passages, "secret")[:4] == [0, 3, 2, 4]


def test_what_stays_is_in_order_with_gaps_marked_and_fits() -> None:
    text = TEXT.replace("Clause 9 says nothing", "Clause 9 forbids reverse engineering")
    short = shortener(text, asking("May one reverse engineer it?", text))(700)
    assert len(short) <= 700
    assert short.startswith("Title of it.")
    assert "forbids reverse engineering" in short
    assert GAP in short
    pieces = [piece.strip() for piece in short.split(GAP)]
    places = [text.index(piece) for piece in pieces]
    assert places == sorted(places)


@pytest.mark.parametrize("most", [-3, 0, 1, 5, 20, 150, 500, 5000])
def test_never_more_than_asked_for(most: int) -> None:
    passages = split(TEXT)
    kept = keep(TEXT, passages, [0, 7, 3, 1], most)
    assert len(kept) <= max(0, most)


def test_neighbours_that_stay_are_the_text_itself() -> None:
    passages = split(TEXT)
    (begin, _), (_, end) = passages[0], passages[1]
    assert keep(TEXT, passages, [1, 0], 5000) == TEXT[begin:end].strip()


def test_a_message_without_context_keeps_its_start() -> None:
    assert shortener("one two three", asking("why", ""))(7) == "one two"
