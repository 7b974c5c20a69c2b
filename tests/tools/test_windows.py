"""The order of training: shares kept, nothing repeated within a pass, any step to be had by itself."""

from collections import Counter

import numpy as np
import pytest

from tools.pretrain.windows import Order, Stage

SOURCES = {"a": np.arange(10_000, dtype=np.uint16), "b": np.arange(20_000, 22_000, dtype=np.uint16)}
STAGES = (Stage(0.75, 16, {"a": 1.0, "b": 1.0}), Stage(0.25, 64, {"b": 1.0}))


def planned(tokens: int = 8_000, seed: int = 0) -> Order:
    return Order.plan(SOURCES, STAGES, tokens, 128, seed)


def test_stages_take_their_share_in_windows_of_their_length() -> None:
    order = planned()
    assert order.steps() == [47, 15]  # 6,016 and 2,000 tokens in whole batches of 128
    assert [order.batch(step).shape for step in (0, 46, 47, 61)] == [(8, 17), (8, 17), (2, 65), (2, 65)]
    drawn = Counter("b" if window[0] >= 20_000 else "a" for step in range(47) for window in order.batch(step))
    assert abs(drawn["a"] - drawn["b"]) <= 8


def test_targets_are_the_tokens_that_follow() -> None:
    for window in planned().batch(50):
        assert (np.diff(window) == 1).all()


def test_a_source_is_gone_through_before_any_of_it_comes_again() -> None:
    starts = [int(window[0]) for step in range(47) for window in planned().batch(step)]
    from_b = sorted(start for start in starts if start >= 20_000)
    assert len(from_b) > 2_000 / 16  # more than one pass
    of_a = [start for start in starts if start < 20_000]
    assert len(set(of_a)) == len(of_a)


def test_a_second_part_goes_on_where_the_first_ended() -> None:
    starts = [set[int](), set[int]()]
    for found, skip in zip(starts, (0, 8_000), strict=True):
        order = Order.plan(SOURCES, STAGES, 8_000, 128, 0, skip)
        found |= {int(w[0]) for step in range(order.steps()[0]) for w in order.batch(step) if w[0] < 20_000}
    assert len(starts[0] | starts[1]) == len(starts[0]) + len(starts[1]) > 370


def test_the_seed_fixes_every_step() -> None:
    assert (planned().batch(7) == planned().batch(7)).all()
    assert (planned().batch(7) != planned(seed=1).batch(7)).any()


def test_past_the_end_and_too_little_text_are_errors() -> None:
    with pytest.raises(IndexError):
        planned().batch(62)
    with pytest.raises(ValueError, match="too few"):
        Order.plan({"b": np.zeros(20, np.uint16)}, STAGES, 8_000, 128, 0)
