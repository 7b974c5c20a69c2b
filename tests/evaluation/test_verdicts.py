from __future__ import annotations

import pytest

from mixologist.evaluation.intervals import Difference
from mixologist.evaluation.verdicts import holm, verdicts


def difference(value: float, p: float, clusters: int = 200) -> Difference:
    return Difference(value, value - 0.1, value + 0.1, clusters, clusters, p)


def test_holm_is_the_published_procedure() -> None:
    # Holm 1979: the smallest p times m, the next times m - 1, ..., never falling.
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06}
    )
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}


def test_verdicts_follow_sign_evidence_and_amount_of_data() -> None:
    found = verdicts(
        {
            "up": difference(0.2, 0.001),
            "down": difference(-0.2, 0.001),
            "unclear": difference(0.1, 0.2),
            "small": difference(0.5, 0.001, clusters=12),
        },
        0.95,
    )
    assert found == {
        "up": "helped", "down": "hurt", "unclear": "not_distinguishable", "small": "not_enough_data",
    }  # fmt: skip


def test_many_tasks_need_stronger_evidence_each() -> None:
    one = verdicts({"t0": difference(0.1, 0.03)}, 0.95)
    many = verdicts({f"t{n}": difference(0.1, 0.03 if n == 0 else 0.6) for n in range(8)}, 0.95)
    assert one["t0"] == "helped"
    assert many["t0"] == "not_distinguishable"
