"""Answers: labels scored with one pass over the shared prompt, all else decoded; rows of a batch may differ in adapter.

B = rows of a batch, L = labels, M = distinct beginnings of labels, V = vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import GenerationConfig

from mixologist.model.adapters import Bank
from mixologist.model.attention import laid_out
from mixologist.model.base import Base
from mixologist.model.decoding import Decoding, decode
from mixologist.model.label_tree import LabelTree
from mixologist.model.reading import Alike, Ids, Reader, common_prefix, padded

MAX_ROWS = 64
LOGIT_BUDGET = 2**25
"""Logits held at once when labels are scored, in numbers (128 MB in float32)."""
SHORTEST_PREFIX = 8
"""Tokens in common below which reading them by themselves saves nothing."""


@dataclass(frozen=True)
class _Begun:
    """What all prompts of a call begin with, read by each adapter."""

    reader: Reader
    """One row for each of ``adapters``."""
    adapters: Sequence[str | None]
    tokens: int

    def of(self, adapters: Sequence[str | None]) -> Reader:
        """A batch of rows with these adapters that has read it."""
        rows = [self.adapters.index(name) for name in adapters]
        return self.reader.branch(torch.tensor(rows, device=self.reader.positions.device))


class Generator:
    """A base with its bank. ``adapters`` names the adapter of each row; None is the plain base."""

    def __init__(self, base: Base, bank: Bank | None, end_ids: Ids, *, max_tokens: int = 8192) -> None:
        self.base = base
        self.bank = bank
        self.end_ids = list(end_ids)
        self.max_tokens = max_tokens
        # Transformers fills what we leave open from the base's own settings: penalties, top_k and the like.
        base.model.generation_config = GenerationConfig()

    @property
    def trunk(self) -> int:
        """Lowest blocks that carry no adapter: rows of one prompt for several adapters go through them once."""
        return self.bank.trunk if self.bank else 0

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[Ids],
        adapters: Sequence[str | None],
        max_new_tokens: int,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        streamer: Any = None,
        advance: Callable[[int], None] = lambda count: None,
    ) -> list[list[int]]:
        """Token ids of each answer, its end token left out. Greedy at temperature 0, else sampled from ``seed``.

        An answer ends soon after it holds a ``stop`` string, which is left for the caller to cut. ``streamer`` (of
        Transformers; for one prompt) is given each token as it comes.
        """
        answers: list[list[int]] = [[] for _ in prompts]
        how = Decoding(self.end_ids, max_new_tokens, temperature, tuple(stop), self.base.tokenizer.decode)
        random = torch.Generator(self.base.device).manual_seed(seed)
        with self._ready(adapters):
            begun = self._begin(prompts, adapters)
            for rows in self._batches(prompts, adapters, max_new_tokens):
                names = [adapters[i] for i in rows]
                read = self._read([prompts[i] for i in rows], names, begun)
                found = decode(*read, how, random, partial(self._using_of, names), streamer)
                del read  # or its keys and values would lie beside the next batch's
                for row, tokens in zip(rows, found, strict=True):
                    answers[row] = tokens
                advance(len(rows))
        return answers

    def score(
        self,
        prompts: Sequence[Ids],
        adapters: Sequence[str | None],
        labels: Sequence[Ids],
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> NDArray[np.float64]:
        """Log-likelihood (n, L) of each label (end token included) after each prompt, in nats."""
        return self.likelihoods(prompts, adapters, labels, advance=advance)[0]

    @torch.no_grad()
    def likelihoods(
        self,
        prompts: Sequence[Ids],
        adapters: Sequence[str | None],
        labels: Sequence[Ids],
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """As `score`, and (n, L) whether each token of a label is the likeliest where it stands."""
        scores = np.empty((len(prompts), len(labels)))
        greedy = np.empty((len(prompts), len(labels)), dtype=np.bool_)
        tree = LabelTree(labels, self.base.device)
        limit = max(1, LOGIT_BUDGET // (max(1, len(tree)) * self.base.model.config.vocab_size))
        with self._ready(adapters):
            begun = self._begin(prompts, adapters)
            for rows in self._batches(prompts, adapters, len(tree), limit):
                names = [adapters[i] for i in rows]
                read = self._read([prompts[i] for i in rows], names, begun)
                with self._using(names):
                    total, misses = tree.score(*read)
                del read  # or its keys and values would lie beside the next batch's
                scores[rows], greedy[rows] = total.double().cpu().numpy(), (misses == 0).cpu().numpy()
                advance(len(rows))
        return scores, greedy

    @contextmanager
    def _ready(self, adapters: Sequence[str | None]) -> Iterator[None]:
        """What one call's many passes need, done once."""
        with (
            self.base.lock,
            laid_out(self.base.model),
            self.bank.at_hand(adapters) if self.bank else nullcontext(),
        ):
            yield

    def _begin(self, prompts: Sequence[Ids], adapters: Sequence[str | None]) -> _Begun | None:
        """Read what all prompts begin with, within the budget, once for each adapter; None where that saves nothing."""
        names = sorted(set(adapters), key=self._place)
        common = common_prefix(prompts) if len(names) < len(prompts) else 0
        common = min(common, self.max_tokens // max(1, len(names)))
        if common < SHORTEST_PREFIX:
            return None
        reader, texts = Reader(self.base.model, len(names)), [prompts[0][:common]] * len(names)
        begin = padded(texts, 0, self.base.tokenizer.pad_token_id, self.base.device)
        with self._using(names):
            reader.read(*begin, alike=Alike.of(texts, self.trunk, self.base.device))
        return _Begun(reader, names, common)

    def _read(
        self, prompts: Sequence[Ids], adapters: Sequence[str | None], begun: _Begun | None
    ) -> tuple[Reader, Tensor]:
        """A batch that has read its prompts, and the logits (B, V) of what comes next."""
        common = begun.tokens if begun else 0
        reader = begun.of(adapters) if begun else Reader(self.base.model, len(prompts))
        with self._using(adapters):
            rest = padded(
                [prompt[common:] for prompt in prompts],
                common,
                self.base.tokenizer.pad_token_id,
                self.base.device,
            )
            alike = Alike.of(prompts, self.trunk, self.base.device)
            return reader, reader.read(*rest, alike=alike)[:, -1].float()

    def _batches(
        self, prompts: Sequence[Ids], adapters: Sequence[str | None], extra: int, limit: int = MAX_ROWS
    ) -> Iterator[list[int]]:
        """Row numbers by length, equal prompts together, in batches within the token budget, each in bank order."""
        batch: list[int] = []
        for row in sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), tuple(prompts[i]))):
            width = len(prompts[row]) + extra
            if batch and (len(batch) >= min(limit, MAX_ROWS) or (len(batch) + 1) * width > self.max_tokens):
                yield sorted(batch, key=lambda i: self._place(adapters[i]))
                batch = []
            batch.append(row)
        if batch:
            yield sorted(batch, key=lambda i: self._place(adapters[i]))

    def _place(self, adapter: str | None) -> int:
        """In the bank's order, the plain base last."""
        names = self.bank.names if self.bank else []
        return names.index(adapter) if adapter in names else len(names)

    def _using_of(self, adapters: Sequence[str | None], rows: Sequence[int]) -> Any:
        return self._using([adapters[row] for row in rows])

    def _using(self, adapters: Sequence[str | None]) -> Any:
        assert self.bank is not None or not any(adapters)
        return self.bank.use(self.bank.rows_of(adapters)) if self.bank else torch.no_grad()
