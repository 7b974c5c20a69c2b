from __future__ import annotations

from transformers import Phi3Config

from mixologist.model import families
from tests.tiny import SIZES


def test_a_text_is_as_long_as_the_base_reads_it_whatever_lies_beside_it() -> None:
    assert families.longest(Phi3Config(**SIZES)) == 512
    factors = {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4}
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 128, **factors}
    stretched = Phi3Config(**SIZES, original_max_position_embeddings=128, rope_parameters=rope)
    assert families.longest(stretched) == 128
