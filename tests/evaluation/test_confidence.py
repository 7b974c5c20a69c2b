"""Risk against coverage and calibration, on planted confidences."""

import numpy as np
import pytest

from mixologist import seeds
from mixologist.evaluation.confidence import calibration, ece, risk_coverage


def test_the_sure_are_right_and_risk_grows_with_coverage() -> None:
    points = risk_coverage([0.9, 0.2, 0.8, 0.1], [True, False, True, True])
    assert points == [
        {"coverage": 0.25, "risk": 0.0},
        {"coverage": 0.5, "risk": 0.0},
        {"coverage": 0.75, "risk": pytest.approx(1 / 3)},
        {"coverage": 1.0, "risk": 0.25},
    ]


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
    p = random.uniform(0.5, 1, 2000)
    hits = random.random(2000) < p
    fair = calibration(p.tolist(), hits.tolist(), 0.95, 0)
    assert fair["ece"] == pytest.approx(fair["by_chance"], abs=0.012)
    proud = calibration(np.minimum(1, p + 0.15).tolist(), hits.tolist(), 0.95, 0)
    assert proud["low"] > 5 * proud["by_chance"]
    assert sum(part["n"] for part in proud["bins"]) == proud["n"] == 2000
    assert all(part["accuracy"] < part["confidence"] for part in proud["bins"])
