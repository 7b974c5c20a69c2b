from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mixologist.model.adapters import Bank
from mixologist.model.base import Base
from mixologist.model.generate import Generator
from tests.tiny import bank_of, rows, tiny

LABELS = [(40, 5), (40, 41, 42, 5), (77, 5), (99, 100, 5)]
ADAPTERS: list[str | None] = ["b", None, "a", "b", "a", None]


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return tiny(tmp_path)


def prompts() -> list[tuple[int, ...]]:
    return [row.prompt for row in rows(len(ADAPTERS))]


def reference(
    base: Base, bank: Bank, prompt: tuple[int, ...], adapter: str | None, label: tuple[int, ...]
) -> float:
    """Sum of log-probabilities, one label at a time, no cache."""
    ids = torch.tensor([[*prompt, *label]])
    with torch.no_grad(), bank.use(bank.rows_of([adapter])):
        scores = base.model(input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
    return sum(float(scores[len(prompt) - 1 + place, token]) for place, token in enumerate(label))


def test_scores_are_the_likelihoods_of_whole_labels(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    found = Generator(base, bank, [0, 5]).score(prompts(), ADAPTERS, LABELS)
    for row, (prompt, adapter) in enumerate(zip(prompts(), ADAPTERS, strict=True)):
        expected = [reference(base, bank, prompt, adapter, label) for label in LABELS]
        np.testing.assert_allclose(found[row], expected, rtol=1e-5, atol=1e-4)


def test_scores_do_not_depend_on_the_batch(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    together = Generator(base, bank, [0, 5]).score(prompts(), ADAPTERS, LABELS)
    apart = Generator(base, bank, [0, 5], max_tokens=1).score(prompts(), ADAPTERS, LABELS)
    np.testing.assert_allclose(together, apart, rtol=1e-5, atol=1e-4)


def test_a_mixed_batch_writes_what_each_row_writes_alone(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    generator = Generator(base, bank, [0, 5])
    together = generator.generate(prompts(), ADAPTERS, 6)
    alone = [generator.generate([p], [a], 6)[0] for p, a in zip(prompts(), ADAPTERS, strict=True)]
    assert together == alone
    assert len({tuple(answer) for answer in together}) > 1


def test_an_answer_ends_before_its_end_token(base: Base) -> None:
    generator = Generator(base, None, [0, 5])
    (free,) = generator.generate(prompts()[:1], [None], 8)
    (ended,) = Generator(base, None, [0, 5, free[2]]).generate(prompts()[:1], [None], 8)
    assert ended == free[: free.index(free[2])]


def test_sampling_is_fixed_by_its_seed_and_leaves_the_global_generator_alone(base: Base) -> None:
    generator = Generator(base, None, [0, 5])
    before = torch.get_rng_state()
    answers = [generator.generate(prompts()[:1], [None], 8, temperature=1.0, seed=seed) for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]
    assert torch.equal(before, torch.get_rng_state())
