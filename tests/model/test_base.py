"""Which base a run belongs to, and what the router reads of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mixologist.errors import UserError
from mixologist.model.trunk import prompt_features
from mixologist.tasks.encoding import Encoded
from tests.tiny import tiny


def test_a_hub_base_is_its_commit_and_not_who_reads_it(tmp_path: Path) -> None:
    base = replace(tiny(tmp_path), name="org/model", folder=None)
    config = base.model.config
    plain = base.digest
    config.transformers_version, config.dtype = "99.0", torch.bfloat16
    assert replace(base).digest == plain
    config._commit_hash = "a" * 40
    first = replace(base).digest
    config._commit_hash = "b" * 40
    assert len({plain, first, replace(base).digest}) == 3
    with pytest.raises(UserError, match="the base has changed"):
        replace(base).check_digest(first)


def test_features_are_numbers_that_float16_holds(tmp_path: Path) -> None:
    base = tiny(tmp_path, dtype="float32")
    base.model.get_input_embeddings().weight.data.mul_(1e8)
    found = prompt_features(base, None, [Encoded((5, 6, 7), (8,), (1, 3))], 1)
    assert float(found.abs().max()) == torch.finfo(torch.float16).max
    assert bool(torch.isfinite(found.half()).all())
