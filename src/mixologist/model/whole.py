"""What training moves: the adapters of a bank, or, as a baseline, all weights of the base.

P = numbers that one name stands for; both keep them, and their gradients, in one vector (P,) each
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from mixologist.files import write_folder
from mixologist.model.adapters import Groups
from mixologist.model.base import Base


class Trained(Protocol):
    """What the training loop asks of a `Bank` or of `WholeModel`."""

    dropout: float
    flat: list[Tensor]
    """A vector (P,) for each of ``parts``: the weights are views of it."""

    @property
    def parts(self) -> list[str]: ...  # noqa: D102 - what has a vector and an optimizer of its own
    @property
    def names(self) -> list[str]: ...  # noqa: D102 - those of them that segments can belong to
    def gradient(self, index: int) -> Tensor: ...  # noqa: D102 - (P,), what backward adds into
    def use(self, groups: Groups | None) -> AbstractContextManager[None]: ...  # noqa: D102
    def apart(self) -> AbstractContextManager[None]: ...  # noqa: D102 - neighbours' numbers are read nowhere
    def freeze(self, index: int) -> None: ...  # noqa: D102 - one of ``parts`` is not trained
    def detach(self) -> None: ...  # noqa: D102 - leave a plain frozen base behind


class WholeModel:
    """All weights of a base, to be trained: in float32 (float64 on a float64 base), so that small steps are not lost.

    Products are computed in the base's dtype (autocast where it is lower). The base is changed: load one for this.
    Memory in training: 20 P bytes in float32 (weights, gradients, two moments, best state; this last
    not in a GPU's own).
    """

    def __init__(self, base: Base, name: str) -> None:
        self.base = base
        self.names = [name]
        self.parts = [name]
        self.dropout = 0.0
        self.dtype = torch.float64 if base.dtype == torch.float64 else torch.float32
        self.parameters = list(base.model.parameters())
        sizes = [parameter.numel() for parameter in self.parameters]
        self.flat = [torch.empty(sum(sizes), dtype=self.dtype, device=base.device)]
        self._gradient = torch.zeros_like(self.flat[0])
        views = zip(self.parameters, self.flat[0].split(sizes), self._gradient.split(sizes), strict=True)
        for parameter, weights, gradient in views:
            weights.copy_(parameter.data.flatten())
            parameter.data = weights.view_as(parameter)
            parameter.requires_grad_().grad = gradient.view_as(parameter)

    def gradient(self, index: int) -> Tensor:
        """The gradient (P,); the backward pass adds into it."""
        assert index == 0
        return self._gradient

    @contextmanager
    def use(self, groups: Groups | None) -> Iterator[None]:  # noqa: ARG002 - all rows are the model's own
        """Inside, a forward pass multiplies in the base's dtype."""
        lower = self.base.dtype != self.dtype
        with torch.autocast(self.base.device.type, self.base.dtype, enabled=lower):
            yield

    def apart(self) -> AbstractContextManager[None]:
        """A whole model has no neighbours."""
        return nullcontext()

    def freeze(self, index: int) -> None:
        """A whole model is there to be trained."""
        raise AssertionError(f"a whole model is trained, or not there: {index}")

    def detach(self) -> None:
        """Give the model frozen weights of its own in the base's dtype, and let go of vector and gradient."""
        for parameter in self.parameters:
            parameter.requires_grad_(False).grad = None
            parameter.data = parameter.data.to(self.base.dtype, copy=True)
        self.flat, self._gradient = [], torch.empty(0)

    def save(self, folder: Path) -> None:
        """Write the model, detached before, as any Transformers folder: configuration, weights, tokenizer."""

        def fill(beside: Path) -> None:
            self.base.model.save_pretrained(beside)
            self.base.tokenizer.save_pretrained(beside)

        write_folder(folder, fill)
