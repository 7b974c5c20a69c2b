"""How the base's blocks are run: passed over, computed again in the backward pass, compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mixologist.errors import UserError
from mixologist.model.adapters import BankedLinear
from mixologist.model.attention import uncompiled
from mixologist.model.base import Base


@contextmanager
def recomputed(base: Base, set_up: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Inside, blocks keep their inputs and nothing else (Chen et al. 2016, arXiv 1604.06174).

    ``set_up`` makes the forward pass's surroundings once more: the backward pass comes after they have gone.
    """

    def wrap(forward: Any) -> Any:
        return partial(
            checkpoint, forward, use_reentrant=False, preserve_rng_state=False,
            context_fn=lambda: (nullcontext(), set_up()),
        )  # fmt: skip

    with replaced(base.blocks, wrap):
        yield


@contextmanager
def reached(base: Base, blocks: int, hidden: Tensor) -> Iterator[None]:
    """Inside, the lowest ``blocks`` blocks compute nothing: they give ``hidden`` (1, T, d), whatever they are asked."""
    with replaced(list(base.blocks)[:blocks], lambda forward: lambda *_, **__: hidden):
        yield


@contextmanager
def compiled(base: Base, wanted: bool = True) -> Iterator[None]:
    """Inside, blocks are compiled for any number of tokens, if that is ``wanted``.

    Attention, adapted linears and the last block, whose work differs from pack to pack, stay as they are. Attach the
    bank before.
    """
    if not wanted:
        yield
        return
    adapted = [module for module in base.blocks.modules() if isinstance(module, BankedLinear)]
    with (
        uncompiled(),
        replaced(adapted, torch.compiler.disable),
        replaced(list(base.blocks)[:-1], partial(torch.compile, dynamic=True)),
    ):
        yield


@contextmanager
def replaced(modules: Iterable[Any], wrap: Callable[[Any], Any]) -> Iterator[None]:
    """Inside, every module's ``forward`` is what ``wrap`` makes of it; wrappings may be nested."""
    with ExitStack() as undo:
        for module in modules:
            undo.callback(_put_back, module, module.__dict__.get("forward"))
            module.forward = wrap(module.forward)
        yield


def _put_back(module: Any, forward: Any) -> None:
    if forward is None:
        del module.forward
    else:
        module.forward = forward


def check_compiler(device: torch.device) -> None:
    """Compile next to nothing: what is missing shows at once, as a `UserError`, and not in the middle of a run."""
    try:
        torch.compile(lambda x: x.sin() + 1, dynamic=True)(torch.zeros(8, device=device))
    except Exception as error:  # the compiler's back ends raise many kinds
        raise UserError(
            "training.torch_compile cannot be used on this machine",
            given=str(error).strip().splitlines()[0][:200],
            expected="what torch.compile needs: a C++ compiler on a CPU, Triton on CUDA",
            do="install it, or write training.torch_compile: false (to resume: --set training.torch_compile=false)",
        ) from error
