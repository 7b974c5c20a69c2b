from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mixologist.mixing.schedules import SCHEDULES, State, probabilities
from mixologist.recipe.schema import Mixture

CS224N = np.array([8544.0, 141498.0, 6041.0])


def state(**changes: Any) -> State:
    values: dict[str, Any] = {
        "step": 0, "progress": 0.0, "epoch": 1, "epochs": 5, "rows": CS224N, "weights": np.ones(3),
        "loss_ratio": np.ones(3),
    }  # fmt: skip
    return State(**{**values, **changes})


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_every_schedule_is_a_distribution_at_every_moment(name: str) -> None:
    for step in range(20):
        at = state(step=step, progress=step / 19, epoch=1 + step // 4, loss_ratio=np.array([0.9, 0.2, 1.1]))
        for toward in ("smaller", "harder"):
            p = probabilities(at, Mixture.model_validate({"schedule": name, "toward": toward}))
            assert p.shape == (3,)
            assert p.sum() == pytest.approx(1)
            assert (p >= 0).all()


def test_proportional_and_annealed_shares_are_the_published_ones() -> None:
    # Stickland & Murray's formula on the CS224N sets, as PAPERS.md gives the shares.
    first = probabilities(state(epoch=1), Mixture(schedule="anneal_to_uniform"))
    last = probabilities(state(epoch=5), Mixture(schedule="anneal_to_uniform"))
    np.testing.assert_allclose(first, [0.055, 0.907, 0.039], atol=5e-4)
    np.testing.assert_allclose(last, [0.271, 0.476, 0.253], atol=5e-4)
    np.testing.assert_allclose(first, probabilities(state(), Mixture(schedule="proportional")))


def test_one_epoch_of_annealing_takes_the_last_value_and_does_not_divide_by_zero() -> None:
    one = probabilities(state(epochs=1), Mixture(schedule="anneal_to_uniform"))
    np.testing.assert_allclose(one, [0.271, 0.476, 0.253], atol=5e-4)


def test_temperature_lies_between_uniform_and_proportional() -> None:
    at = [probabilities(state(), Mixture(schedule="temperature", alpha=alpha)) for alpha in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(at[0], 1 / 3)
    np.testing.assert_allclose(at[1], np.sqrt(CS224N) / np.sqrt(CS224N).sum())
    np.testing.assert_allclose(at[2], CS224N / CS224N.sum())


def test_anneal_begins_balanced_and_ends_at_the_smaller_or_the_harder_tasks() -> None:
    begin = probabilities(state(progress=0.0), Mixture(schedule="anneal"))
    smaller = probabilities(state(progress=1.0), Mixture(schedule="anneal", toward="smaller"))
    losses = np.array([0.9, 0.3, 0.5])
    harder = probabilities(
        state(progress=1.0, loss_ratio=losses), Mixture(schedule="anneal", toward="harder")
    )
    np.testing.assert_allclose(begin, 1 / 3)
    assert smaller.argmax() == 2
    assert smaller.argmin() == 1
    assert list(np.argsort(harder)) == [1, 2, 0]


def test_round_robin_takes_turns() -> None:
    turns = [
        int(probabilities(state(step=step), Mixture(schedule="round_robin")).argmax()) for step in range(6)
    ]
    assert turns == [0, 1, 2, 0, 1, 2]


def test_weights_multiply() -> None:
    p = probabilities(state(rows=np.ones(3), weights=np.array([2.0, 1.0, 1.0])), Mixture(schedule="uniform"))
    np.testing.assert_allclose(p, [0.5, 0.25, 0.25])
