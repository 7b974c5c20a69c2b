"""Labels as a tree of their beginnings: what several labels begin with is read once, all in one pass.

B = rows, L = labels, M = distinct beginnings (nodes), E = label tokens after the first, V = vocabulary
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from mixologist.model.reading import Ids, Reader


class LabelTree:
    """Each node is a beginning of one or more labels that goes on; it sees the prompt and the beginnings of itself."""

    def __init__(self, labels: Sequence[Ids], device: torch.device) -> None:
        nodes: dict[tuple[int, int], int] = {}  # (node before, -1 for none; token) -> node
        edges: list[tuple[int, int, int]] = []  # node, next token, label
        depths: list[int] = []
        for number, label in enumerate(labels):
            node = -1
            for depth, (token, following) in enumerate(pairwise(label)):
                node = nodes.setdefault((node, token), len(nodes))
                depths += [depth] * (len(nodes) - len(depths))
                edges.append((node, following, number))
        own = torch.eye(len(nodes), dtype=torch.bool)
        for (before, _), node in nodes.items():
            if before >= 0:
                own[node] |= own[before]
        self._own = own.to(device)  # (M, M)
        self._inputs = torch.tensor([token for _, token in nodes], dtype=torch.long, device=device)
        self._depths = torch.tensor(depths, dtype=torch.long, device=device)
        self._node, self._target, self._owner = (
            torch.tensor([edge[part] for edge in edges], dtype=torch.long, device=device)  # (E,)
            for part in range(3)
        )
        self._first = torch.tensor([label[0] for label in labels], dtype=torch.long, device=device)

    def __len__(self) -> int:
        return len(self._inputs)

    def score(self, reader: Reader, start: Tensor) -> tuple[Tensor, Tensor]:
        """Both (B, L): log-likelihoods of the labels, and how many of their tokens are not the likeliest.

        ``start`` (B, V): logits of what comes after the prompts that ``reader`` has read.
        """
        begin = start[:, self._first]
        total = begin - start.logsumexp(-1, keepdim=True)
        misses = (begin < start.amax(-1, keepdim=True)).int()
        if not len(self):
            return total, misses
        rows = len(start)
        positions = reader.positions.amax(1, keepdim=True) + 1 + self._depths
        logits = reader.read(self._inputs.expand(rows, -1), positions, own=self._own, last=False)
        chosen = logits[:, self._node, self._target]  # (B, E)
        missed = (chosen < logits.amax(-1)[:, self._node]).int()
        # Row by row: of all rows at once the float32 copy and what the sum makes of it would be four times the logits.
        sums = torch.stack([row.float().logsumexp(-1) for row in logits])[:, self._node]
        return (
            total.index_add(1, self._owner, chosen.float() - sums),
            misses.index_add(1, self._owner, missed),
        )
