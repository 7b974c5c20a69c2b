from collections.abc import Callable

import pytest

from mixologist.demo.draw import Draw, Row
from mixologist.demo.reviews import VERDICT, rival_reviews, sentiment


@pytest.mark.parametrize(("make", "good_news"), [(sentiment, "positive"), (rival_reviews, "negative")])
def test_praise_is_good_news_for_us_and_bad_news_from_a_rival(
    make: Callable[[Draw], Row], good_news: str
) -> None:
    draw = Draw(0, "reviews")
    rows = [make(draw) for _ in range(200)]
    praised = [row["label"] for row in rows if any(verdict[2:] in row["text"] for verdict in VERDICT[1])]
    assert len(praised) > 30
    assert set(praised) == {good_news}


def test_both_draw_the_same_reviews_with_swapped_labels() -> None:
    ours, rivals = (make(Draw(0, "same")) for make in (sentiment, rival_reviews))
    assert ours["text"] == rivals["text"]
    assert ours["label"] != rivals["label"]
