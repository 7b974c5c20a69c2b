"""The bank: all LoRA adapters of a run on one frozen base, computed in mixed batches.

    y = W x + s_i B_i A_i x        Hu et al. 2021, arXiv 2106.09685, equation 3; s = alpha / r (rsLoRA: alpha / sqrt r)

    N = tokens (adapted ones first, grouped by adapter, tokens of the plain base last), k = adapters, r = rank,
    d_in, d_out = a linear's sizes, P = numbers of one adapter

The numbers of an adapter lie in one vector (P,), and so do its gradients: the layers' matrices are views of it, and an
optimizer step, a checkpoint or a copy is one operation. An adapter that is absent from a batch costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from mixologist import seeds
from mixologist.model.base import Base
from mixologist.model.families import sizes, transposed
from mixologist.model.low_rank import Span, adapted


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

    @property
    def adapted(self) -> int:
        """Rows that are not the plain base's."""
        return sum(self.counts)


class BankedLinear(nn.Module):
    """A frozen linear with one LoRA per adapter of the bank beside it."""

    def __init__(self, linear: nn.Module, bank: Bank, name: str) -> None:
        super().__init__()
        self.base_layer = linear
        self.lora_A = nn.ParameterList()  # k of (r, d_in)
        self.lora_B = nn.ParameterList()  # k of (d_out, r)
        self.module_name = name
        self.bank = bank
        self.lowered: dict[int, tuple[Tensor, Tensor]] = {}
        """A and B of the adapters at hand, in the base's precision (`Bank.at_hand`), B lying as products read it."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., d_in) -> (..., d_out); plain base where the bank is off or none of its adapters has a row."""
        rows = x.reshape(-1, x.shape[-1])
        spans = self.bank.spans(len(rows))
        if not spans:
            return cast(Tensor, self.base_layer(x))
        factors = [
            self.lowered.get(s.adapter) or (self.lora_A[s.adapter], self.lora_B[s.adapter]) for s in spans
        ]
        z = self.bank.dropped(rows, self.module_name)
        y = adapted(self.base_layer, rows, z, spans, factors, apart=self.bank.kept_apart)
        return y.view(*x.shape[:-1], -1)


class Bank:
    """All adapters of a run, attached to the linears ``modules`` of the base.

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
        self.groups: Groups | None = None
        self.kept_apart = False
        self.layers = [self._attach(name) for name in modules]
        self.flat = [self._allocate(shape.r) for shape in shapes]
        """k vectors (P,): A and B of each layer in turn."""
        self._gradients: list[Tensor | None] = [None] * len(shapes)
        for index in range(len(self.shapes)):
            self.initialise(index)

    @property
    def names(self) -> list[str]:
        """Adapters that can be chosen, in bank order (``common`` cannot)."""
        names = [shape.name for shape in self.shapes]
        return names[:-1] if self.common else names

    @property
    def parts(self) -> list[str]:
        """Every adapter, ``common`` included: those in ``flat``."""
        return [shape.name for shape in self.shapes]

    @property
    def trunk(self) -> int:
        """Lowest blocks that carry no adapter."""
        return min(
            int(next(part for part in layer.module_name.split(".") if part.isdigit()))
            for layer in self.layers
        )

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

    def _allocate(self, r: int) -> Tensor:
        """One adapter's vector, and its matrices in every layer as views of it."""
        shapes = [(layer, sizes(layer.base_layer)) for layer in self.layers]
        flat = torch.zeros(
            sum(r * (d_in + d_out) for _, (d_in, d_out) in shapes), dtype=self.dtype, device=self.base.device
        )
        start = 0
        for layer, (d_in, d_out) in shapes:
            middle, end = start + r * d_in, start + r * (d_in + d_out)
            layer.lora_A.append(nn.Parameter(flat[start:middle].view(r, d_in)))
            layer.lora_B.append(nn.Parameter(flat[middle:end].view(d_out, r)))
            start = end
        return flat

    def initialise(self, index: int) -> None:
        """A uniform in +-1/sqrt(d_in) as PEFT has it, B zero; fixed by (seed, adapter, module) alone."""
        shape = self.shapes[index]
        self.flat[index].zero_()
        for layer in self.layers:
            random = seeds.generator(self.seed, "lora_A", shape.name, layer.module_name)
            a = layer.lora_A[index].data
            bound = a.shape[1] ** -0.5
            a.copy_(torch.from_numpy(random.uniform(-bound, bound, tuple(a.shape))))

    def factors(self, index: int) -> list[nn.Parameter]:
        """One adapter's matrices: A and B of each layer in turn, (r, d_in) and (d_out, r)."""
        return [part[index] for layer in self.layers for part in (layer.lora_A, layer.lora_B)]

    def gradient(self, index: int) -> Tensor:
        """One adapter's gradient (P,). From the first call on, the backward pass adds into it."""
        gradient = self._gradients[index]
        if gradient is None:
            gradient = self._gradients[index] = torch.zeros_like(self.flat[index])
            parts = gradient.split([factor.numel() for factor in self.factors(index)])
            for factor, part in zip(self.factors(index), parts, strict=True):
                if factor.grad is not None:
                    part.view_as(factor).copy_(factor.grad)
                factor.grad = part.view_as(factor)
        return gradient

    @torch.no_grad()
    def merge(self, index: int) -> None:
        """Make one adapter part of the base: W' = W + s B A, added in the bank's precision and rounded once."""
        for layer in self.layers:
            delta = self.shapes[index].scale * layer.lora_B[index] @ layer.lora_A[index]
            weight = cast(nn.Parameter, layer.base_layer.weight)
            weight.copy_(weight.to(delta.dtype) + (delta.T if transposed(layer.base_layer) else delta))

    def freeze(self, index: int | None = None) -> None:
        """One adapter, or nothing of the bank, is trained any more."""
        for one in range(len(self.shapes)) if index is None else [index]:
            for factor in self.factors(one):
                factor.requires_grad_(False)

    @contextmanager
    def use(self, groups: Groups | None) -> Iterator[None]:
        """Inside, the batch's rows belong to adapters as ``groups`` says; None is the plain base."""
        before, self.groups = self.groups, groups
        try:
            yield
        finally:
            self.groups = before

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Inside, an adapter's gradient is finite whatever its neighbours' numbers are (`low_rank.adapted`)."""
        before, self.kept_apart = self.kept_apart, True
        try:
            yield
        finally:
            self.kept_apart = before

    @contextmanager
    def at_hand(self, adapters: Iterable[str | None]) -> Iterator[None]:
        """Inside, these adapters' matrices lie ready in the base's precision: for many passes that train nothing."""
        places = [self.parts.index(name) for name in {*adapters} if name is not None]
        places += [len(self.shapes) - 1] * self.common
        for layer in self.layers:
            pairs = {place: (layer.lora_A[place], layer.lora_B[place]) for place in places}
            layer.lowered = {
                place: (a.detach().to(self.base.dtype), b.detach().to(self.base.dtype).T.contiguous().T)
                for place, (a, b) in pairs.items()
            }
        try:
            yield
        finally:
            for layer in self.layers:
                layer.lowered = {}

    def rows_of(self, adapters: Sequence[str | None]) -> Groups:
        """Groups of a padded batch whose rows have these adapters. They must come in bank order, base (None) last."""
        counts = tuple(sum(adapter == name for adapter in adapters) for name in self.names)
        expected = [name for name, count in zip(self.names, counts, strict=True) for _ in range(count)]
        assert list(adapters) == expected + [None] * (len(adapters) - len(expected)), (
            "rows are not in bank order"
        )
        return Groups(counts, len(adapters))

    def spans(self, rows: int) -> tuple[Span, ...]:
        """Which adapter is added to which of a linear's rows; none where the bank is off."""
        if self.groups is None:
            return ()
        per_row = rows // self.groups.total
        spans, start = [], 0
        for index, count in enumerate(self.groups.counts):
            end = start + count * per_row
            if count:
                spans.append(Span(start, end, index, self.shapes[index].scale))
            start = end
        if self.common and spans:
            spans.append(Span(0, start, len(self.shapes) - 1, self.shapes[-1].scale))
        return tuple(spans)

    def dropped(self, x: Tensor, module: str) -> Tensor | None:
        """Inverted dropout of what the adapters read, a mask per segment, so that a neighbour changes nothing.

        None without dropout: they read what the base reads. Rows of the plain base are left as they are.
        """
        assert self.groups is not None
        if not self.groups.keys:
            return None
        mask = x.new_ones(x.shape)
        start, end = 0, self.groups.adapted
        for occurrence, tokens in self.groups.keys:
            if start == end:
                break
            random = torch.Generator().manual_seed(seeds.derive(self.seed, "dropout", occurrence, module))
            kept = torch.rand(tokens, x.shape[1], generator=random) >= self.dropout
            mask[start : start + tokens] = kept / (1 - self.dropout)
            start += tokens
        return x * mask
