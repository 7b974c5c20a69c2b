from __future__ import annotations

import numpy as np

from mixologist.mixing.batching import micro_batches, pack
from tests.tiny import segments


def test_a_pack_lays_segments_end_to_end_and_knows_what_predicts_what() -> None:
    parts = segments([0, 0, 2])
    packed = pack(parts, adapters=3)
    assert len(packed.input_ids) == sum(packed.lengths)
    assert packed.adapter_tokens == (parts[0].length + parts[1].length, 0, parts[2].length)
    np.testing.assert_array_equal(packed.input_ids[packed.sources + 1], packed.targets)
    assert [int(p) for p in packed.position_ids[[0, parts[0].length]]] == [0, 0]
    assert len(packed.targets) == sum(len(part.encoded.completion) for part in parts)
    for number, part in enumerate(parts):
        mine = packed.segment_of_target == number
        assert (packed.weights[mine] == part.weight).all()


def test_micro_batches_hold_the_budget_and_lose_nothing() -> None:
    parts = segments([2, 0, 1, 0, 2, 1, 0, 0, 3, 1])
    batches = micro_batches(parts, max_tokens=80, adapters=3)
    assert len(batches) > 1
    for batch in batches:
        assert len(batch.input_ids) <= 80 or len(batch.lengths) == 1
    assert sum(len(batch.input_ids) for batch in batches) == sum(part.length for part in parts)
    assert sorted(key for batch in batches for key in batch.keys) == sorted(part.key for part in parts)


def test_a_segment_longer_than_the_budget_goes_alone() -> None:
    batches = micro_batches(segments([0, 0, 0]), max_tokens=1, adapters=1)
    assert [len(batch.lengths) for batch in batches] == [1, 1, 1]
