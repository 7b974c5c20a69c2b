"""Answers: labels scored with one pass over the shared prompt, all else decoded; rows of a batch may differ in adapter.

B = rows of a batch, T = longest prompt in it, L = labels, M = label tokens that are read, V = vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, GenerationConfig

from mixologist.model.adapters import Bank
from mixologist.model.attention import Weighing, attend, laid_out
from mixologist.model.base import Base

Ids = Sequence[int]
MAX_ROWS = 64
LOGIT_BUDGET = 2**25
"""Logits held at once when labels are scored, in numbers (128 MB in float32)."""


class Generator:
    """A base with its bank. ``adapters`` names the adapter of each row; None is the plain base."""

    def __init__(self, base: Base, bank: Bank | None, end_ids: Ids, *, max_tokens: int = 8192) -> None:
        self.base = base
        self.bank = bank
        self.end_ids = list(end_ids)
        self.max_tokens = max_tokens
        # Transformers fills what we leave open from the base's own settings: penalties, top_k and the like.
        base.model.generation_config = GenerationConfig()

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

        An answer ends soon after it holds a ``stop`` string, which is left for the caller to cut.
        """
        answers: list[list[int]] = [[] for _ in prompts]
        config = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=temperature > 0,
            temperature=temperature or None,
            eos_token_id=self.end_ids,
            pad_token_id=self.base.tokenizer.pad_token_id,
            stop_strings=list(stop) or None,
        )
        for rows in self._batches(prompts, adapters, max_new_tokens):
            ids, mask = self._pad([prompts[i] for i in rows])
            with self._using([adapters[i] for i in rows]), torch.random.fork_rng(enabled=temperature > 0):
                if temperature > 0:
                    torch.manual_seed(seed)
                output = self.base.model.generate(
                    input_ids=ids, attention_mask=mask, generation_config=config, streamer=streamer,
                    tokenizer=self.base.tokenizer if stop else None,
                )  # fmt: skip
            for row, tokens in zip(rows, output[:, ids.shape[1] :].tolist(), strict=True):
                answers[row] = self._until_end(tokens)
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
        reads = sum(len(label) - 1 for label in labels)
        limit = max(1, LOGIT_BUDGET // (max(1, reads) * self.base.model.config.vocab_size))
        for rows in self._batches(prompts, adapters, reads, limit):
            with self._using([adapters[i] for i in rows]):
                total, misses = self._score([prompts[i] for i in rows], labels)
            scores[rows], greedy[rows] = total.double().cpu().numpy(), (misses == 0).cpu().numpy()
            advance(len(rows))
        return scores, greedy

    def _score(self, prompts: Sequence[Ids], labels: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """Both (B, L): log-likelihoods, and how many tokens are not the likeliest.

        One pass over the prompts, then one over all labels side by side, none seeing another.
        """
        ids, mask = self._pad(prompts)
        first = self.base.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=_positions(mask),
            past_key_values=DynamicCache(),  # without a config it forgets nothing, whatever the window
            use_cache=True,
            logits_to_keep=1,
        )
        start = first.logits[:, -1].float()  # (B, V)
        begin = start[:, [label[0] for label in labels]]  # (B, L)
        total, misses = (
            begin - start.logsumexp(-1, keepdim=True),
            (begin < start.amax(-1, keepdim=True)).int(),
        )
        layout = _LabelLayout(labels, mask)
        if not layout.inputs.numel():
            return total, misses
        with laid_out(self.base.model):
            second = self.base.model(
                input_ids=layout.inputs.expand(len(ids), -1),
                position_ids=layout.positions,
                past_key_values=first.past_key_values,
                use_cache=True,
                layout=layout,
            )
        logits: Tensor = second.logits  # (B, M, V)
        chosen = logits.gather(2, layout.targets.expand(len(ids), -1)[..., None])[..., 0]
        missed = (chosen < logits.amax(-1)).int()
        return (
            total.index_add(1, layout.owner, chosen.float() - logits.float().logsumexp(-1)),
            misses.index_add(1, layout.owner, missed),
        )

    def _batches(
        self, prompts: Sequence[Ids], adapters: Sequence[str | None], extra: int, limit: int = MAX_ROWS
    ) -> Iterator[list[int]]:
        """Row numbers by length in batches within the token budget, each in bank order with the base last."""
        order = {name: place for place, name in enumerate(self.bank.names if self.bank else [])}
        batch: list[int] = []
        for row in sorted(range(len(prompts)), key=lambda i: len(prompts[i])):
            width = len(prompts[row]) + extra
            if batch and (len(batch) >= min(limit, MAX_ROWS) or (len(batch) + 1) * width > self.max_tokens):
                yield sorted(batch, key=lambda i: order.get(adapters[i] or "", len(order)))
                batch = []
            batch.append(row)
        if batch:
            yield sorted(batch, key=lambda i: order.get(adapters[i] or "", len(order)))

    def _using(self, adapters: Sequence[str | None]) -> Any:
        assert self.bank is not None or not any(adapters)
        return self.bank.use(self.bank.rows_of(adapters)) if self.bank else torch.no_grad()

    def _pad(self, prompts: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """Ids and mask (B, T), padded on the left."""
        longest = max(len(prompt) for prompt in prompts)
        pad = self.base.tokenizer.pad_token_id
        ids = [[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        return torch.tensor(ids, device=self.base.device), torch.tensor(mask, device=self.base.device)

    def _until_end(self, tokens: list[int]) -> list[int]:
        ends = [place for place, token in enumerate(tokens) if token in self.end_ids]
        return tokens[: ends[0]] if ends else tokens


def _positions(mask: Tensor) -> Tensor:
    """Position ids (B, T) of a batch padded on the left."""
    return (mask.cumsum(1) - 1).clamp(min=0)


class _LabelLayout:
    """All labels laid side by side: each token sees the prompt and the earlier tokens of its own label.

    ``mask`` (B, T) is 1 where a prompt has a token; ``positions`` (B, M) count on from its last.
    """

    def __init__(self, labels: Sequence[Ids], mask: Tensor) -> None:
        flat = [(n, place, token) for n, label in enumerate(labels) for place, token in enumerate(label[:-1])]
        following = [token for label in labels for token in label[1:]]
        self.owner, depth, self.inputs, self.targets = (
            torch.tensor(column, dtype=torch.long, device=mask.device)  # (M,)
            for column in (*([row[part] for row in flat] for part in range(3)), following)
        )
        self.positions = mask.sum(1, keepdim=True) + depth
        own = (self.owner[:, None] == self.owner[None]) & (depth[:, None] >= depth[None])  # (M, M)
        prompts = mask.bool()[:, None].expand(-1, len(flat), -1)
        self._seen = torch.cat([prompts, own.expand(len(mask), -1, -1)], dim=2)  # (B, M, T + M)
        keys = torch.cat([_positions(mask), self.positions], dim=1)
        self._distance = self.positions[..., None] - keys[:, None]  # (B, M, T + M)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, weighing: Weighing) -> Tensor:
        """As `attention.Layout` has it, with Q = M and K = T + M."""
        seen = self._seen
        if weighing.window is not None:
            seen = seen & (self._distance < weighing.window)
        return attend(query, key, value, seen[:, None], weighing).transpose(1, 2)
