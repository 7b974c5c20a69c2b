"""Merged adapters: PEFT's formulas, PEFT's files, a base left as it was."""

from pathlib import Path

import pytest
import torch

from mixologist.evaluation.baselines.merging import MERGES, merge
from mixologist.model.adapters import Bank, Shape
from mixologist.model.checkpoint import read_adapter, save_adapter
from tests.tiny import linears, tiny


def two_adapters(folder: Path) -> tuple[Bank, list[Path]]:
    base = tiny(folder, dtype="float32")
    bank = Bank(base, [Shape("one", 4, 8.0), Shape("two.dotted", 4, 8.0)], modules=linears(base))
    random = torch.Generator().manual_seed(1)
    for flat in bank.flat:
        flat.copy_(torch.randn(len(flat), generator=random))
    paths = [folder / name for name in ("one", "two.dotted")]
    for path in paths:
        save_adapter(bank, path.name, path)
    bank.detach()
    return bank, paths


@pytest.mark.parametrize("kind", MERGES)
def test_a_merge_is_an_adapter_like_any_other_and_the_base_stays(tmp_path: Path, kind: str) -> None:
    bank, paths = two_adapters(tmp_path)
    before = {name: tensor.clone() for name, tensor in bank.base.model.state_dict().items()}
    merge(bank.base, paths, kind, tmp_path / kind)
    after = bank.base.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(p.requires_grad for p in bank.base.model.parameters())
    assert {file.name for file in (tmp_path / kind).iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    merged = read_adapter(tmp_path / kind)
    assert merged.shape.r == 4
    assert merged.modules.keys() == read_adapter(paths[0]).modules.keys()


def test_linear_is_the_mean_of_factors(tmp_path: Path) -> None:
    bank, paths = two_adapters(tmp_path)
    merge(bank.base, paths, "merged_linear", tmp_path / "merged")
    merged, one, two = (read_adapter(path) for path in (tmp_path / "merged", *paths))
    for name, (a, b) in merged.modules.items():
        scale = merged.shape.scale
        parts = [
            ((one.shape.scale / 2) ** 0.5, one.modules[name]),
            ((two.shape.scale / 2) ** 0.5, two.modules[name]),
        ]
        mean_a, mean_b = (sum(root * pair[part] for root, pair in parts) for part in (0, 1))
        torch.testing.assert_close(scale * b @ a, mean_b @ mean_a, rtol=1e-4, atol=1e-4)


def test_ties_keeps_a_fifth_of_each(tmp_path: Path) -> None:
    bank, paths = two_adapters(tmp_path)
    merge(bank.base, paths, "merged_ties", tmp_path / "merged")
    for a, b in read_adapter(tmp_path / "merged").modules.values():
        for part in (a, b):
            assert 0.2 <= float((part != 0).float().mean()) <= 0.4 + 0.02
