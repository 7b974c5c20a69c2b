"""The bank: all LoRA adapters of a run on one frozen base, computed in mixed batches without a loop over adapters.

    y = W x + s_i B_i A_i x        Hu et al. 2021, arXiv 2106.09685, equation 3; s = alpha / r (rsLoRA: alpha / sqrt r)

    N = tokens (adapted ones first, grouped by adapter, tokens of the plain base last), k = adapters, r = rank,
    d_in, d_out = a linear's sizes

Ranks may differ: all are padded with zeros to the longest, and zeros stay zeros (their gradients vanish).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mixologist import seeds
from mixologist.model.base import Base
from mixologist.model.families import sizes, transposed

ALIGNMENT = 8
"""Ranks are padded to a multiple of this: grouped products want 16-byte strides, in bfloat16 eight numbers."""


@dataclass(frozen=True)
class Shape:
    """Name, rank and scale of one adapter."""

    name: str
    r: int
    alpha: float
    use_rslora: bool = False

    @property
    def scale(self) -> float:
        """What B A x is multiplied with."""
        return self.alpha / (self.r**0.5 if self.use_rslora else self.r)


@dataclass(frozen=True)
class Groups:
    """Which adapter has which rows of the batch: ``counts`` (k,) sequences (or packed tokens) of each adapter."""

    counts: tuple[int, ...]
    total: int
    """All rows, those of the plain base included; the base's come last."""
    keys: tuple[tuple[str, int], ...] = ()
    """(occurrence, tokens) of each segment, in order: what dropout masks are keyed by; empty without dropout."""


class BankedLinear(nn.Module):
    """A frozen linear with one LoRA per adapter of the bank beside it."""

    def __init__(self, linear: nn.Module, bank: Bank, name: str) -> None:
        super().__init__()
        k, rank, dtype, device = len(bank.shapes), bank.rank, bank.dtype, bank.base.device
        d_in, d_out = sizes(linear)
        self.base_layer = linear
        self.lora_A = nn.Parameter(torch.zeros(k, rank, d_in, dtype=dtype, device=device))
        self.lora_B = nn.Parameter(torch.zeros(k, d_out, rank, dtype=dtype, device=device))
        self.module_name = name
        self.bank = bank

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) -> (..., d_out); plain base where the bank is off."""
        y: Tensor = self.base_layer(x)
        if self.bank.groups is None:
            return y
        delta = self.bank.delta(self, x.reshape(-1, x.shape[-1]))
        return y + delta.view_as(y)


class Bank:
    """All adapters of a run, attached to the linears of the base's blocks from ``trunk`` upwards.

    With ``common`` the last of ``shapes`` is always on beside the chosen adapter (never for the plain base).
    """

    def __init__(
        self,
        base: Base,
        shapes: Sequence[Shape],
        *,
        modules: Sequence[str],
        common: bool = False,
        dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.base = base
        self.shapes = tuple(shapes)
        self.common = common
        self.dropout = dropout
        self.seed = seed
        self.dtype = torch.float64 if base.dtype == torch.float64 else torch.float32
        self.rank = -(-max(shape.r for shape in shapes) // ALIGNMENT) * ALIGNMENT
        self.groups: Groups | None = None
        self._scales = torch.tensor([shape.scale for shape in shapes], dtype=base.dtype, device=base.device)
        self.layers = [self._attach(name) for name in modules]
        for index in range(len(self.shapes)):
            self.initialise(index)

    @property
    def names(self) -> list[str]:
        """Adapters that can be chosen, in bank order (``common`` cannot)."""
        names = [shape.name for shape in self.shapes]
        return names[:-1] if self.common else names

    def _attach(self, name: str) -> BankedLinear:
        parent, _, child = name.rpartition(".")
        holder = self.base.model.get_submodule(parent)
        layer = BankedLinear(getattr(holder, child), self, name)
        setattr(holder, child, layer)
        return layer

    def detach(self) -> None:
        """Give the base its plain linears back."""
        for layer in self.layers:
            parent, _, child = layer.module_name.rpartition(".")
            setattr(self.base.model.get_submodule(parent), child, layer.base_layer)

    def initialise(self, index: int) -> None:
        """A uniform in +-1/sqrt(d_in) as PEFT has it, B zero; fixed by (seed, adapter, module) alone."""
        shape = self.shapes[index]
        for layer in self.layers:
            random = seeds.generator(self.seed, "lora_A", shape.name, layer.module_name)
            bound = layer.lora_A.shape[-1] ** -0.5
            values = random.uniform(-bound, bound, (shape.r, layer.lora_A.shape[-1]))
            layer.lora_A.data[index].zero_()
            layer.lora_A.data[index, : shape.r] = torch.from_numpy(values)
            layer.lora_B.data[index].zero_()

    def weights(self, index: int) -> list[Tensor]:
        """Views of one adapter's numbers: A and B of each layer in turn, (rank, d_in) and (d_out, rank)."""
        return [part.data[index] for layer in self.layers for part in (layer.lora_A, layer.lora_B)]

    def gradients(self, index: int) -> list[Tensor]:
        """Views of one adapter's gradients, in the order of `weights`."""
        parts = [part for layer in self.layers for part in (layer.lora_A, layer.lora_B)]
        for part in parts:
            if part.grad is None:
                part.grad = torch.zeros_like(part)
        return [part.grad[index] for part in parts if part.grad is not None]

    @torch.no_grad()
    def merge(self, index: int) -> None:
        """Make one adapter part of the base: W' = W + s B A, added in the bank's precision and rounded once."""
        for layer in self.layers:
            delta = self.shapes[index].scale * layer.lora_B[index] @ layer.lora_A[index]
            weight = cast(nn.Parameter, layer.base_layer.weight)
            weight.copy_(weight.to(delta.dtype) + (delta.T if transposed(layer.base_layer) else delta))

    def freeze(self) -> None:
        """Nothing of the bank is trained any more."""
        for layer in self.layers:
            layer.requires_grad_(False)

    @contextmanager
    def use(self, groups: Groups | None) -> Iterator[None]:
        """Inside, the batch's rows belong to adapters as ``groups`` says; None is the plain base."""
        before, self.groups = self.groups, groups
        try:
            yield
        finally:
            self.groups = before

    def rows_of(self, adapters: Sequence[str | None]) -> Groups:
        """Groups of a padded batch whose rows have these adapters. They must come in bank order, base (None) last."""
        counts = tuple(sum(adapter == name for adapter in adapters) for name in self.names)
        expected = [name for name, count in zip(self.names, counts, strict=True) for _ in range(count)]
        assert list(adapters) == expected + [None] * (len(adapters) - len(expected)), (
            "rows are not in bank order"
        )
        return Groups(counts, len(adapters))

    def delta(self, layer: BankedLinear, x: Tensor) -> Tensor:
        """What the adapters add: (N, d_in) -> (N, d_out), zero on the rows of the plain base."""
        assert self.groups is not None
        per_row = x.shape[0] // self.groups.total
        tokens = [count * per_row for count in self.groups.counts]
        adapted = x[: sum(tokens)]
        if self.groups.keys:
            adapted = self._drop(adapted, layer.module_name)
        delta = low_rank(adapted, layer.lora_A, layer.lora_B, self._scales, tokens)
        if self.common:
            last = [0] * (len(self.shapes) - 1) + [len(adapted)]
            delta = delta + low_rank(adapted, layer.lora_A, layer.lora_B, self._scales, last)
        rest = x.shape[0] - len(adapted)
        return functional.pad(delta, (0, 0, 0, rest)) if rest else delta

    def _drop(self, x: Tensor, module: str) -> Tensor:
        """Inverted dropout with a mask per segment, so that a neighbour in the batch changes nothing."""
        assert self.groups is not None
        masks: list[Tensor] = []
        for occurrence, tokens in self.groups.keys:
            if sum(len(mask) for mask in masks) == len(x):  # what is left are segments of the plain base
                break
            random = torch.Generator().manual_seed(seeds.derive(self.seed, "dropout", occurrence, module))
            masks.append(torch.rand(tokens, x.shape[1], generator=random) >= self.dropout)
        return x * torch.cat(masks).to(x.device) / (1 - self.dropout)


def low_rank(x: Tensor, a: Tensor, b: Tensor, scales: Tensor, tokens: Sequence[int]) -> Tensor:
    """s_i B_i A_i x for tokens grouped by adapter: (N, d_in), (k, r, d_in), (k, d_out, r), (k,) -> (N, d_out).

    One adapter: two plain products. Several: grouped products, or where these are missing (float64) one LoRA of rank
    k r whose middle is masked by block.
    """
    k = len(tokens)
    a, b = a[:k].to(x.dtype), b[:k].to(x.dtype)
    present = [index for index, count in enumerate(tokens) if count]
    if not present:
        return x.new_zeros(0, b.shape[1])
    if len(present) == 1:
        return functional.linear(functional.linear(x, a[present[0]]) * scales[present[0]], b[present[0]])
    counts = torch.tensor(tokens, device=x.device)
    scale = torch.repeat_interleave(scales[:k], counts, output_size=len(x))[:, None]
    if x.dtype == torch.float64:
        return _wide(x, a, b, scale, counts)
    ends = counts.cumsum(0).to(torch.int32)
    middle = functional.grouped_mm(x, a.transpose(1, 2), offs=ends) * scale
    added: Tensor = _DenseGradient.apply(functional.grouped_mm(middle, b.transpose(1, 2), offs=ends))  # type: ignore[no-untyped-call]
    return added


def _wide(x: Tensor, a: Tensor, b: Tensor, scale: Tensor, counts: Tensor) -> Tensor:
    """The same as one product of rank k r with a block mask."""
    k, rank = a.shape[0], a.shape[1]
    owner = torch.repeat_interleave(torch.arange(k, device=x.device), counts, output_size=len(x))
    mask = functional.one_hot(owner, k).to(x.dtype).repeat_interleave(rank, dim=1)
    middle = functional.linear(x, a.reshape(k * rank, -1)) * mask * scale
    return functional.linear(middle, b.transpose(0, 1).reshape(b.shape[1], k * rank))


class _DenseGradient(torch.autograd.Function):
    """Identity whose gradient is contiguous: grouped products refuse any other incoming gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return gradient.contiguous()
