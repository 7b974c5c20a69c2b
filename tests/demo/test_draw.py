from mixologist.demo.draw import Draw, sentence


def test_the_stream_is_the_same_on_every_machine() -> None:
    draw = Draw(0, "golden")
    assert [draw.below(100) for _ in range(8)] == [81, 88, 73, 89, 69, 6, 53, 31]
    assert draw.some("abcdef", 4) == ["a", "f", "e", "c"]


def test_streams_of_other_names_differ() -> None:
    first, second = Draw(0, "a"), Draw(0, "b")
    assert [first.below(1000) for _ in range(5)] != [second.below(1000) for _ in range(5)]


def test_between_includes_both_ends() -> None:
    draw = Draw(0, "ends")
    assert {draw.between(2, 4) for _ in range(100)} == {2, 3, 4}


def test_some_are_different() -> None:
    draw = Draw(0, "some")
    assert all(len(set(draw.some(range(6), 5))) == 5 for _ in range(50))


def test_a_typo_swaps_two_letters_inside_one_longer_word() -> None:
    draw = Draw(0, "typo")
    texts = {draw.typo("my printer is old") for _ in range(50)}
    assert texts == {f"my {word} is old" for word in ("pirnter", "prniter", "pritner", "prinetr")}


def test_a_text_without_longer_words_keeps_its_letters() -> None:
    assert Draw(0).typo("it is an old fan.") == "it is an old fan."


def test_a_sentence_begins_large_and_ends() -> None:
    assert sentence("my PIN is refused") == "My PIN is refused."
