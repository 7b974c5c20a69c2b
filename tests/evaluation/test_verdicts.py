from __future__ import annotations

from dataclasses import replace

import pytest

from mixologist.evaluation.intervals import Difference
from mixologist.evaluation.verdicts import holm, verdicts


def difference(value: float, p: float, clusters: int = 2000, rows_error: float = 0.01) -> Difference:
    return Difference(value, value - 0.1, value + 0.1, clusters, clusters, p, p, 1, "swap", rows_error, None)


def judged(differences: dict[str, Difference], smallest: float = 0.05) -> dict[str, str]:
    return {task: found.verdict for task, found in verdicts(differences, 0.95, smallest, 2000).items()}


def test_holm_is_the_published_procedure() -> None:
    # Holm 1979: the smallest p times m, the next times m - 1, ..., never falling.
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06}
    )
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}


def test_verdicts_follow_sign_evidence_and_amount_of_data() -> None:
    found = judged(
        {
            "up": difference(0.2, 0.001),
            "down": difference(-0.2, 0.001),
            "unclear": difference(0.01, 0.2),
            "noisy": difference(0.01, 0.2, rows_error=0.03),
            "clear though noisy": difference(0.2, 0.001, rows_error=0.03),
            "few": difference(0.5, 0.001, clusters=29),
        }
    )
    assert found == {
        "up": "helped", "down": "hurt", "unclear": "not_distinguishable", "noisy": "not_enough_data",
        "clear though noisy": "helped", "few": "not_enough_data",
    }  # fmt: skip


def test_the_smallest_effect_of_interest_decides_how_much_data_is_enough() -> None:
    found = {"t": difference(0.01, 0.2)}
    seen = verdicts(found, 0.95, 0.05, 2000)["t"].detectable
    assert judged(found, seen * 1.01) == {"t": "not_distinguishable"}
    assert judged(found, seen * 0.99) == {"t": "not_enough_data"}


def test_many_tasks_need_stronger_evidence_each() -> None:
    one = verdicts({"t0": difference(0.1, 0.03)}, 0.95, 0.05, 2000)
    many = verdicts({f"t{n}": difference(0.1, 0.03 if n == 0 else 0.6) for n in range(8)}, 0.95, 0.05, 2000)
    assert one["t0"].verdict == "helped"
    assert many["t0"].verdict == "not_distinguishable"
    assert [one["t0"].p_holm, many["t0"].p_holm] == pytest.approx([0.03, 0.24])
    assert many["t0"].detectable > one["t0"].detectable


def test_tasks_with_too_few_rows_cost_the_others_nothing() -> None:
    found = verdicts(
        {"t": difference(0.1, 0.03), "few": difference(0.5, 1e-6, clusters=12)}, 0.95, 0.05, 2000
    )
    assert found["t"].verdict == "helped"
    assert found["few"].p_holm is None


def test_sampled_p_values_that_cannot_be_small_enough_are_too_little_data() -> None:
    """Of 100 swaps the smallest p is 1/101, six times which is above 0.05: nothing can be found in six tasks."""
    found = {f"t{n}": difference(0.01, 0.6) for n in range(6)}
    assert {v.verdict for v in verdicts(found, 0.95, 0.05, 100).values()} == {"not_enough_data"}
    assert {v.verdict for v in verdicts(found, 0.95, 0.05, 200).values()} == {"not_distinguishable"}
    exact = {task: replace(d, test="exact_swap") for task, d in found.items()}
    assert {v.verdict for v in verdicts(exact, 0.95, 0.05, 100).values()} == {"not_distinguishable"}
