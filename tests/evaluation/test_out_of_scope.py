"""AUROC of the base score against scikit-learn's, and its interval."""

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mixologist import seeds
from mixologist.evaluation.out_of_scope import auroc, separation
from mixologist.model.router import Route
from mixologist.recipe.schema import Evaluation

OPTIONS = Evaluation(bootstrap_samples=400)


def route(base_score: float, threshold: float = 0.5) -> Route:
    out = base_score > threshold
    return Route("base" if out else "t", {"t": 1.0}, base_score, out, {"t": 1.0})


def prompts(scores: Sequence[float], turns: int = 1) -> list[tuple[str, Route]]:
    """A cluster for each score, of so many turns."""
    return [(f"test/{n}", route(score)) for n, score in enumerate(scores) for _ in range(turns)]


@pytest.mark.parametrize("key", range(20))
def test_auroc_is_scikit_learns_with_ties_and_weights(key: int) -> None:
    rng = seeds.generator(0, "auroc", key)
    foreign, own = rng.integers(0, 8, 30) / 8 + 0.2, rng.integers(0, 8, 50) / 8
    weights = rng.integers(0, 4, (5, 30)).astype(float), rng.integers(0, 4, (5, 50)).astype(float)
    truth, scores = np.r_[np.ones(30), np.zeros(50)], np.r_[foreign, own]
    assert auroc(foreign, own, np.ones(30), np.ones(50)) == pytest.approx(roc_auc_score(truth, scores))
    expected = [
        roc_auc_score(truth, scores, sample_weight=np.r_[one, other])
        for one, other in zip(*weights, strict=True)
    ]
    assert auroc(foreign, own, *weights).tolist() == pytest.approx(expected)


def test_the_record_counts_and_says_what_reaches_the_base() -> None:
    found = separation(prompts([0.9, 0.8, 0.3, 0.6]), prompts([0.1, 0.2, 0.7]), OPTIONS, 0, "t")
    truth = [1, 1, 1, 1, 0, 0, 0]
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, [0.9, 0.8, 0.3, 0.6, 0.1, 0.2, 0.7]))
    assert (found["to_base"], found["n"], found["n_own"], found["enough"]) == (0.75, 4, 3, False)
    assert 0 <= found["low"] <= found["auroc"] <= found["high"] <= 1


def test_the_interval_is_as_wide_as_hanley_and_mcneil_say() -> None:
    rng = seeds.generator(0, "width")
    foreign, own = rng.normal(1, 1, 200), rng.normal(0, 1, 300)
    squashed = [prompts((1 / (1 + np.exp(-scores))).tolist()) for scores in (foreign, own)]
    found = separation(squashed[0], squashed[1], OPTIONS, 0, "t")
    a = found["auroc"]
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    variance = (a * (1 - a) + 199 * (q1 - a * a) + 299 * (q2 - a * a)) / (200 * 300)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 * variance**0.5, rel=0.2)
    assert found["enough"]


def test_copies_of_a_turn_add_nothing() -> None:
    rng = seeds.generator(0, "turns")
    foreign, own = rng.random(40).tolist(), (0.7 * rng.random(60)).tolist()
    one, many = (
        separation(prompts(foreign, turns), prompts(own, turns), OPTIONS, 0, "t") for turns in (1, 3)
    )
    assert (many["auroc"], many["low"], many["high"]) == pytest.approx(
        (one["auroc"], one["low"], one["high"])
    )
    assert (many["n"], many["enough"]) == (120, True)
    assert not separation(prompts(foreign[:10], 10), prompts(own, 3), OPTIONS, 0, "t")["enough"]


def test_perfect_separation_still_has_a_width() -> None:
    found = separation(prompts([0.9] * 50), prompts([0.1] * 40), OPTIONS, 0, "t")
    assert found["auroc"] == found["high"] == 1
    assert 0.9 < found["low"] < 1
