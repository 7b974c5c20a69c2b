"""Risk against coverage and calibration, on planted confidences."""

import numpy as np
import pytest

from mixologist import seeds
from mixologist.evaluation import confidence
from mixologist.evaluation.confidence import calibration, ece, risk_coverage


def test_the_sure_are_right_and_risk_grows_with_coverage() -> None:
    points = risk_coverage([0.9, 0.2, 0.8, 0.1], [True, False, True, True])
    assert points == [
        {"coverage": 0.25, "risk": 0.0},
        {"coverage": 0.5, "risk": 0.0},
        {"coverage": 0.75, "risk": pytest.approx(1 / 3)},
        {"coverage": 1.0, "risk": 0.25},
    ]


def test_of_the_equally_sure_the_order_does_not_count() -> None:
    right = [False] * 20 + [True] * 80
    first, last = (
        risk_coverage([1.0] * 100 + [0.5] * 100, side + [True] * 100) for side in (right, right[::-1])
    )
    assert first == last
    assert first[0] == {"coverage": 0.05, "risk": pytest.approx(0.2)}
    assert first[-1] == {"coverage": 1.0, "risk": pytest.approx(0.1)}


def test_full_coverage_is_the_share_of_all_errors() -> None:
    random = seeds.generator(0, "risk")
    right = random.random(333) < 0.7
    points = risk_coverage(random.random(333).tolist(), right.tolist())
    assert len(points) == 20
    assert points[-1] == {"coverage": 1.0, "risk": pytest.approx(1 - right.mean())}


def test_ece_of_a_constant_gap_is_the_gap() -> None:
    right = np.tile([1.0, 1.0, 1.0, 0.0], 100)
    assert ece(np.full(400, 0.9), right) == pytest.approx(0.15, abs=1e-9)


def test_a_calibrated_router_is_not_told_from_chance_and_an_overconfident_one_is() -> None:
    random = seeds.generator(0, "calibrated")
    p, rows = random.uniform(0.5, 1, 2000), list(range(2000))
    hits = random.random(2000) < p
    fair = calibration(p.tolist(), hits.tolist(), rows, 0.95, 0)
    assert fair["ece"] == pytest.approx(fair["by_chance"], abs=0.012)
    assert fair["low"] == 0
    proud = calibration(np.minimum(1, p + 0.15).tolist(), hits.tolist(), rows, 0.95, 0)
    assert proud["low"] > 5 * proud["by_chance"]
    assert sum(part["n"] for part in proud["bins"]) == proud["n"] == 2000
    assert all(part["accuracy"] < part["confidence"] for part in proud["bins"])


@pytest.mark.parametrize("gap", [0.0, 0.05])
def test_the_interval_holds_the_true_error(gap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confidence, "SAMPLES", 100)
    held = 0
    for number in range(20):
        random = seeds.generator(number, "planted")
        p = random.uniform(0.6, 1, 500)
        found = calibration(
            p.tolist(), (random.random(500) < p - gap).tolist(), list(range(500)), 0.95, number
        )
        held += found["low"] <= gap <= found["high"]
    assert held >= 16  # percentiles of resamples hold a gap of 0 never


def test_turns_of_a_conversation_are_drawn_together() -> None:
    random = seeds.generator(0, "turns")
    p = np.repeat(random.uniform(0.6, 1, 50), 10)
    hits = np.repeat(random.random(50) < p[::10] - 0.2, 10)  # a conversation is right or wrong as a whole
    alone, together = (
        calibration(p.tolist(), hits.tolist(), rows, 0.95, 0)
        for rows in (list(range(500)), [n // 10 for n in range(500)])
    )
    assert together["ece"] == alone["ece"]
    assert together["high"] - together["low"] > 1.5 * (alone["high"] - alone["low"])


def test_an_error_too_rare_to_be_seen_is_within_the_interval() -> None:
    """500 prompts, all routed rightly and surely: one in 200 may still be wrong."""
    found = calibration([0.9995] * 500, [True] * 500, list(range(500)), 0.95, 0)
    assert found["ece"] == pytest.approx(0.0005)
    assert found["low"] == 0
    assert found["high"] == pytest.approx(0.0005 + 1 - 0.05 ** (1 / 500))


def test_right_confidence_is_within_chance_where_clusters_err_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confidence, "SAMPLES", 200)
    told = 0
    for number in range(20):
        random = seeds.generator(number, "clusters")
        p = np.repeat(random.uniform(0.6, 1, 50), 10)
        hits = np.repeat(random.random(50) < p[::10], 10)
        told += calibration(p.tolist(), hits.tolist(), [n // 10 for n in range(500)], 0.95, number)["low"] > 0
    assert told <= 4  # with draws of single prompts most of them
