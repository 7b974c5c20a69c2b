from mixologist.records import Example
from mixologist.tasks.keys import asked, folded, hash_text


def example(text: str, *earlier: str) -> Example:
    turns = [{"role": "user", "content": content} for content in (*earlier, f"Do it.\n\n{text}")]
    return Example("t", "train/0", tuple(turns), "x", text, "x")


def test_the_instruction_does_not_count_but_earlier_turns_do() -> None:
    assert asked(example("and then?")) == "and then?"
    assert asked(example("and then?", "page one")) != asked(example("and then?", "page two"))


def test_folded_ignores_case_and_spaces() -> None:
    assert folded(" Straße\u00a0 NACH\nRom") == "strasse nach rom"


def test_hash_is_fixed_and_fits_64_bits() -> None:
    assert hash_text("") == 16476032584258269876
    assert hash_text("a") != hash_text("b")
    assert 0 <= hash_text("\ud83d") < 2**64
