from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from mixologist.errors import UserError
from mixologist.mixing.batching import pack
from mixologist.model.base import Base
from mixologist.model.blocks import check_compiler, compiled
from mixologist.model.forward import target_losses
from mixologist.model.whole import Trained, WholeModel
from tests.tiny import SIZES, bank_of, segments, tiny

VOCABULARY = SIZES["vocab_size"]


def gradients(base: Base, model: Trained, recompute: bool) -> tuple[list[torch.Tensor], int]:
    """Gradients of one pack's summed loss, and how many numbers the blocks kept for the backward pass."""
    kept = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel() * (VOCABULARY not in tensor.shape)
        return tensor

    batch = pack(segments([0, 0, 1] if len(model.names) > 1 else [0, 0, 0]), adapters=len(model.names))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = target_losses(base, model, batch, recompute=recompute).sum()
    loss.backward()
    found = [model.gradient(index).clone() for index in range(len(model.parts))]
    for index in range(len(model.parts)):
        model.gradient(index).zero_()
    return found, kept


@pytest.mark.parametrize("whole", [False, True], ids=["adapters", "whole"])
def test_recomputed_blocks_keep_less_and_give_the_same_gradients(tmp_path: Path, whole: bool) -> None:
    base = tiny(tmp_path)
    model = WholeModel(base, "a") if whole else bank_of(base, "a", "b", "common", common=True, dropout=0.3)
    plain, much = gradients(base, model, recompute=False)
    again, little = gradients(base, model, recompute=True)
    assert all(float(gradient.abs().max()) > 0 for gradient in plain)
    for a, b in zip(plain, again, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
    assert little < much / 2
    assert not any("forward" in block.__dict__ for block in base.blocks)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # the compiler's own reading
@pytest.mark.parametrize("whole", [False, True], ids=["adapters", "whole"])
def test_compiled_blocks_give_the_same_gradients(tmp_path: Path, whole: bool) -> None:
    base = tiny(tmp_path, dtype="float32")
    model = WholeModel(base, "a") if whole else bank_of(base, "a", "b")
    plain, _ = gradients(base, model, recompute=False)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    with compiled(base):
        assert all("forward" in block.__dict__ for block in list(base.blocks)[:-1])
        fast, _ = gradients(base, model, recompute=False)
        both, _ = gradients(base, model, recompute=True)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    for other in (fast, both):
        for a, b in zip(plain, other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * float(a.abs().max()))
    assert not any("forward" in module.__dict__ for module in base.model.modules())


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # the compiler's own reading
def test_blocks_are_compiled_once_and_not_anew_for_every_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny(tmp_path, dtype="float32")
    bank, compile_ = bank_of(base, "a", "b"), torch.compile
    monkeypatch.setattr(
        torch, "compile", partial(compile_, backend="eager")
    )  # its guards, without a compiler
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    graphs = []
    with compiled(base):
        for step in range(12):
            few = [0] * (1 + step % 3) + [1] * (1 + step % 2)
            target_losses(base, bank, pack(segments(few, seed=step), adapters=2)).sum().backward()
            graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert graphs[-1] == graphs[2] > 0, graphs


def test_a_machine_that_cannot_compile_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", ("no-such-compiler",))
    monkeypatch.setattr(torch._inductor.config, "force_disable_caches", True)
    torch._dynamo.reset()
    with pytest.raises(UserError, match="torch_compile cannot be used") as caught:
        check_compiler(torch.device("cpu"))
    assert "torch_compile: false" in str(caught.value)
    assert "--set training.torch_compile=false" in str(caught.value)
