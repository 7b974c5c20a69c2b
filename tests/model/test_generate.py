from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import pytest
import torch
from transformers.pytorch_utils import Conv1D

from mixologist.model import generate
from mixologist.model.adapters import Bank
from mixologist.model.base import Base
from mixologist.model.generate import Generator
from mixologist.model.label_tree import LabelTree
from mixologist.model.reading import Reader, common_prefix
from mixologist.model.rooms import STEP
from mixologist.model.trunk import prompt_features
from mixologist.tasks.encoding import Encoded
from tests.tiny import PECULIAR, bank_of, rows, tiny

LABELS = [(40, 5), (40, 41, 42, 5), (77, 5), (99, 100, 5)]
ADAPTERS: list[str | None] = ["b", None, "a", "b", "a", None]


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return tiny(tmp_path)


def prompts() -> list[tuple[int, ...]]:
    return [row.prompt for row in rows(len(ADAPTERS))]


def reads(base: Base) -> list[tuple[int, ...]]:
    """Grows by the (rows, tokens) of each pass through the base."""
    found: list[tuple[int, ...]] = []
    base.blocks[0].register_forward_hook(lambda _, given, __: found.append(tuple(given[0].shape[:2])))
    return found


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


def test_long_answers_are_those_of_whole_texts_read_anew(base: Base) -> None:
    """Keys and values move to larger rooms on the way, and rows leave the batch."""
    bank = bank_of(base, "a", "b")
    asked = [(*range(200, 210), *prompt) for prompt in prompts()]
    together = Generator(base, bank, [7]).generate(asked, ADAPTERS, 2 * STEP + 6)
    assert max(map(len, together)) > 2 * STEP
    for prompt, adapter, answer in zip(asked, ADAPTERS, together, strict=True):
        ids = torch.tensor([[*prompt, *answer]])
        with torch.no_grad(), bank.use(bank.rows_of([adapter])):
            likeliest = base.model(input_ids=ids, use_cache=False).logits[0].argmax(-1).tolist()
        assert answer == likeliest[len(prompt) - 1 : -1]


def test_one_beginning_is_read_once_for_all_batches(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    asked = [(*range(200, 220), *prompt) for prompt in prompts()]
    read = reads(base)
    apart = Generator(base, bank, [0, 5], max_tokens=60).score(asked, ADAPTERS, LABELS)
    assert read[0] == (3, 20)
    assert len(read) > 1 + 2, "several batches"
    assert max(length for _, length in read[1:]) == max(map(len, prompts()))
    np.testing.assert_allclose(apart, Generator(base, bank, [0, 5]).score(asked, ADAPTERS, LABELS), atol=1e-4)


def test_the_last_block_looks_at_the_last_token_of_a_prompt_alone(base: Base) -> None:
    asked: dict[int, list[int]] = {0: [], 1: []}
    for number, block in enumerate(base.blocks):
        linear = block.get_submodule("mlp.down_proj")
        linear.register_forward_hook(lambda _, given, __, n=number: asked[n].append(given[0].shape[1]))
    Generator(base, None, [0, 5]).generate(prompts(), [None] * len(prompts()), 2)
    assert asked == {0: [max(map(len, prompts())), 1], 1: [1, 1]}


def test_a_long_beginning_is_cut_to_the_budget(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    asked = [(*range(200, 220), *prompt) for prompt in prompts()]
    read = reads(base)
    few = Generator(base, bank, [0, 5], max_tokens=30).score(asked, ADAPTERS, LABELS)
    assert read[0] == (3, 10)
    np.testing.assert_allclose(few, Generator(base, bank, [0, 5]).score(asked, ADAPTERS, LABELS), atol=1e-4)


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


def test_samples_of_one_prompt_differ_whatever_the_batches(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "MAX_ROWS", 2)
    answers = Generator(base, None, [0]).generate(prompts()[:1] * 8, [None] * 8, 12, temperature=1.0)
    assert len({tuple(answer) for answer in answers}) == 8


def test_threads_that_share_a_base_wait_for_one_another(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    generator, asked = Generator(base, bank, [0, 5]), prompts()[:3]
    encoded = [Encoded(prompt, (), (0, len(prompt))) for prompt in asked]
    alone = {name: generator.generate(asked, [name] * 3, 8) for name in ("a", "b")}
    features = prompt_features(base, bank, encoded, 1)

    def ask(number: int) -> bool:
        if number % 3 == 2:
            return torch.equal(prompt_features(base, bank, encoded, 1), features)
        name = "ab"[number % 3]
        return generator.generate(asked, [name] * 3, 8) == alone[name]

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(ask, range(24)))
    assert not any("forward" in block.__dict__ for block in base.blocks)


@pytest.mark.parametrize("family", ["llama", "mistral", "gemma2"])
def test_what_prompts_begin_with_is_read_once_and_changes_nothing(
    tmp_path: Path, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny(tmp_path, family, "float32")  # the last two have windows that are shorter than the beginning
    bank = bank_of(base, "a", "b")
    same = tuple(range(200, 220))
    asked = [(*same, *prompt) for prompt in prompts()]
    read = reads(base)
    found = Generator(base, bank, [0, 5]).score(asked, ADAPTERS, LABELS)
    assert read[0] == (3, len(same)), "once for a, for b and for the base"
    assert read[1] == (len(asked), max(map(len, prompts())))
    written = Generator(base, bank, [0, 5]).generate(asked, ADAPTERS, 6)
    monkeypatch.setattr(generate, "SHORTEST_PREFIX", 10**6)
    np.testing.assert_allclose(
        found, Generator(base, bank, [0, 5]).score(asked, ADAPTERS, LABELS), rtol=1e-4, atol=1e-3
    )
    alone = Generator(base, bank, [0, 5])
    assert written == [alone.generate([p], [a], 6)[0] for p, a in zip(asked, ADAPTERS, strict=True)]


@pytest.mark.parametrize("family", list(PECULIAR))
@pytest.mark.parametrize("same", [(), tuple(range(200, 220))], ids=["apart", "one beginning"])
def test_the_trunk_is_computed_once_for_all_adapters(
    tmp_path: Path, family: str, same: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny(tmp_path, family, "float32")
    bank = bank_of(base, "a", "b", trunk=1)
    different = [(*same, *prompt) for prompt in prompts()[:3]]
    asked, adapters = different * 3, [name for name in (None, "a", "b") for _ in different]
    read: list[int] = []
    block = next(m for m in base.blocks[0].modules() if isinstance(m, torch.nn.Linear | Conv1D))
    block.register_forward_hook(lambda _, given, __: read.append(given[0].shape[0]))
    generator = Generator(base, bank, [0, 5])
    assert generator.trunk == 1
    found = generator.score(asked, adapters, LABELS)
    assert read[-2] == len(different), "the prompts"
    assert read[-1] == len(asked), "the labels"
    written = generator.generate(asked, adapters, 6)
    monkeypatch.setattr(Generator, "trunk", 0)
    np.testing.assert_allclose(found, generator.score(asked, adapters, LABELS), rtol=1e-4, atol=1e-3)
    assert written == generator.generate(asked, adapters, 6)
    assert np.abs(found[:3] - found[3:6]).max() > 0.01, "the adapters differ"


def test_the_common_beginning_leaves_a_token_of_each() -> None:
    assert common_prefix([(1, 2, 3, 4), (1, 2, 3), (1, 2, 3, 5)]) == 2
    assert common_prefix([(1, 2, 3, 4), (1, 9, 3)]) == 1
    assert common_prefix([(1, 2), (3, 2)]) == 0


def test_beginnings_that_labels_share_are_read_once() -> None:
    labels = [(1, 2, 9), (1, 2, 3, 9), (1, 4, 9), (5, 9), (9,)]
    assert len(LabelTree(labels, torch.device("cpu"))) == 5  # 1, 12, 123, 14, 5
    assert len(LabelTree([(9,), (8,)], torch.device("cpu"))) == 0


def test_rows_that_have_ended_leave_the_batch(base: Base) -> None:
    bank = bank_of(base, "a", "b")
    free = Generator(base, bank, []).generate(prompts(), ADAPTERS, 8)
    ends = [free[0][0], free[1][1], free[3][4]]
    sizes: list[int] = []
    base.blocks[0].register_forward_hook(lambda _, given, __: sizes.append(len(given[0])))
    found = Generator(base, bank, ends).generate(prompts(), ADAPTERS, 8)
    expected = [[*takewhile(lambda token: token not in ends, answer)] for answer in free]
    assert found == expected
    assert sizes[0] == len(ADAPTERS) > sizes[-1]


def test_an_answer_ends_with_a_stop_string(base: Base) -> None:
    (free,) = Generator(base, None, []).generate(prompts()[:1], [None], 12)
    said = base.tokenizer.decode(free[:5])
    (found,) = Generator(base, None, []).generate(prompts()[:1], [None], 12, stop=[said[-3:]])
    assert found == free[: len(found)]
    assert said[-3:] in base.tokenizer.decode(found)
    assert said[-3:] not in base.tokenizer.decode(found[:-1])


@pytest.mark.parametrize(
    "ask",
    [lambda g, *asked: g.score(*asked, LABELS), lambda g, *asked: g.generate(*asked, 3)],
    ids=["score", "generate"],
)
def test_a_batch_is_gone_when_the_next_is_read(
    base: Base, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., Any]
) -> None:
    alive, counts, read = WeakSet[Reader](), list[int](), Reader.read

    def counted(self: Reader, *given: Any, **options: Any) -> Any:
        alive.add(self)
        counts.append(len(alive))
        return read(self, *given, **options)

    monkeypatch.setattr(Reader, "read", counted)
    ask(Generator(base, bank_of(base, "a", "b"), [0, 5], max_tokens=1), prompts(), ADAPTERS)
    assert len(counts) >= len(ADAPTERS)
    assert set(counts) == {1}
