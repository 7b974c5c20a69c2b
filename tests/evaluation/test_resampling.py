from __future__ import annotations

import numpy as np
import pytest

from mixologist import seeds
from mixologist.evaluation import resampling
from mixologist.evaluation.resampling import cluster_of, resampled, signed
from mixologist.records import Outcome


@pytest.mark.parametrize(
    ("id", "cluster"),
    [
        ("test/17.2", "test/17"),
        ("test/17", "test/17"),
        ("v1.0/17", "v1.0/17"),
        ("v1.0/17.3", "v1.0/17"),
        ("a", "a"),
    ],
)
def test_turns_belong_to_their_row(id: str, cluster: str) -> None:
    assert cluster_of(Outcome(id, "", "", "")) == cluster


def test_rows_about_one_thing_belong_together() -> None:
    ids = {cluster_of(Outcome(f"test/{i}", "", "", "", cluster=f"doc.{i // 2}")) for i in range(10)}
    assert len(ids) == 5  # "doc.1" is no turn of "doc"


@pytest.mark.parametrize("block", [1, 8 * 90 * 7])
def test_the_block_size_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = seeds.generator(0, "counts").random((2, 90, 3))
    whole = resampled(counts, 50, 0, ("t",)), signed(counts, 50, 0, ("t",))
    monkeypatch.setattr(resampling, "BLOCK_BYTES", block)
    parts = resampled(counts, 50, 0, ("t",)), signed(counts, 50, 0, ("t",))
    np.testing.assert_allclose(parts, whole, rtol=1e-12, atol=1e-12)


def test_seeds_share_their_draws_and_names_have_their_own() -> None:
    counts = np.repeat(seeds.generator(0, "counts").random((1, 40, 2)), 2, axis=0)
    for draw in (resampled, signed):
        totals = draw(counts, 30, 0, ("t",))
        assert totals.shape == (30, 2, 2)
        np.testing.assert_array_equal(totals[:, 0], totals[:, 1])
        assert not np.array_equal(totals, draw(counts, 30, 0, ("u",)))


def test_every_sample_holds_as_many_clusters_as_there_are() -> None:
    assert (resampled(np.ones((1, 40, 1)), 30, 0, ()) == 40).all()
