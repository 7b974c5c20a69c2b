import numpy as np
import pytest

from mixologist.auditing.near import bands, grams, jaccard, near
from mixologist.records import Example

LONG = (
    "The committee approved the new budget after a long debate about the cost of the bridge over the river."
)


def example(text: str, context: str = "", completion: str = "yes") -> Example:
    whole = f"{context}\n\n{text}" if context else text
    return Example(
        "t", "train/0", ({"role": "user", "content": whole},), completion, whole, completion, context
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (LONG, LONG.replace("approved", "accepted"), True),
        (LONG, LONG.upper().replace(" ", "  "), True),
        (LONG, "A wholly different sentence about the weather in the north and the rain to come.", False),
        (f"{LONG} It cost 3 millions.", f"{LONG} It cost 4 millions.", False),
        ("ok", "ok", True),
        ("ok", "no", False),
    ],
)
def test_near(one: str, other: str, expected: bool) -> None:
    assert near(example(one), example(other)) is expected


def test_two_questions_over_one_page_are_not_near() -> None:
    first = example("Who paid?", context=LONG * 5)
    assert not near(first, example("Which bridge was it?", context=LONG * 5))
    assert near(first, example("who paid?", context=LONG * 5))


def test_jaccard_counts_grams() -> None:
    assert len(grams("abcdefg")) == 3
    assert jaccard(grams("abcdefg"), grams("cdefghi")) == 1 / 5


def test_near_texts_share_a_band_and_others_do_not() -> None:
    def shared(one: str, other: str) -> bool:
        return bool(np.any(bands(example(one)) == bands(example(other))))

    random = np.random.default_rng(0)
    words = [f"{chr(97 + a)}{chr(97 + b)}{chr(97 + c)}" for a, b, c in random.integers(0, 26, (400, 3))]
    found = wrong = 0
    for _ in range(40):
        one = list(random.choice(words, 40))
        other = [*one[:39], "zzz"]
        found += shared(" ".join(one), " ".join(other))
        wrong += shared(" ".join(one), " ".join(random.choice(words, 40)))
    assert found >= 38
    assert wrong == 0
