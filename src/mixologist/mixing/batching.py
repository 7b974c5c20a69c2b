"""From updates to packed micro-batches: segments laid end to end, no padding, grouped by adapter.

T = tokens of the micro-batch, C = completion tokens in it, S = segments, k = adapters of the bank
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mixologist.tasks.encoding import Hidden

IntArray = NDArray[np.int64]


class Encoded(Protocol):
    """A prompt and its completion as token ids (`tasks.encoding` makes them)."""

    @property
    def prompt(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def completion(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def hidden(self) -> Hidden | None: ...  # noqa: D102


@dataclass(frozen=True)
class Segment:
    """One example as one adapter sees it; ``weight`` multiplies the loss of each of its completion tokens."""

    adapter: int
    encoded: Encoded
    weight: float
    key: str = ""
    """Names the occurrence (update and place in it): what a dropout mask is keyed by."""

    @property
    def length(self) -> int:
        """Prompt and completion, in tokens."""
        return len(self.encoded.prompt) + len(self.encoded.completion)


@dataclass(frozen=True)
class Packed:
    """A micro-batch. The token at ``sources[c]`` predicts ``targets[c]``."""

    input_ids: IntArray  # (T,)
    position_ids: IntArray  # (T,) restart at 0 in each segment
    lengths: tuple[int, ...]  # (S,)
    adapter_tokens: tuple[int, ...]  # (k,) tokens of each adapter, in bank order; segments are sorted so
    adapter_targets: tuple[int, ...]  # (k,) completion tokens of each adapter
    counts: tuple[int, ...]  # (S,) completion tokens
    sources: IntArray  # (C,)
    targets: IntArray  # (C,)
    weights: NDArray[np.float64]  # (C,)
    segment_of_target: IntArray  # (C,)
    keys: tuple[str, ...]  # (S,)
    hidden: Hidden | None  # (T, d), where all segments have it


def micro_batches(segments: Sequence[Segment], max_tokens: int, adapters: int) -> list[Packed]:
    """Cut the segments, sorted by adapter and length, into packs of at most ``max_tokens`` (one segment at least)."""
    batches: list[list[Segment]] = [[]]
    room = max_tokens
    for segment in sorted(segments, key=lambda s: (s.adapter, s.length)):
        if batches[-1] and segment.length > room:
            batches.append([])
            room = max_tokens
        batches[-1].append(segment)
        room -= segment.length
    return [pack(batch, adapters) for batch in batches if batch]


def pack(segments: Sequence[Segment], adapters: int) -> Packed:
    """Lay segments end to end. They must come sorted by adapter; index ``adapters`` means the plain base."""
    assert all(a.adapter <= b.adapter for a, b in itertools.pairwise(segments))
    lengths = [segment.length for segment in segments]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    counts = [len(segment.encoded.completion) for segment in segments]
    sources = [
        start + len(segment.encoded.prompt) - 1 + np.arange(count)
        for start, segment, count in zip(starts, segments, counts, strict=True)
    ]
    return Packed(
        input_ids=_ids(
            token for s in segments for part in (s.encoded.prompt, s.encoded.completion) for token in part
        ),
        position_ids=np.concatenate([np.arange(n, dtype=np.int64) for n in lengths]),
        lengths=tuple(lengths),
        adapter_tokens=tuple(sum(s.length for s in segments if s.adapter == a) for a in range(adapters)),
        adapter_targets=tuple(
            sum(n for s, n in zip(segments, counts, strict=True) if s.adapter == a) for a in range(adapters)
        ),
        counts=tuple(counts),
        sources=np.concatenate(sources).astype(np.int64),
        targets=_ids(token for segment in segments for token in segment.encoded.completion),
        weights=np.repeat([segment.weight for segment in segments], counts),
        segment_of_target=np.repeat(np.arange(len(segments)), counts),
        keys=tuple(segment.key for segment in segments),
        hidden=_hidden([segment.encoded.hidden for segment in segments]),
    )


def _hidden(parts: Sequence[Hidden | None]) -> Hidden | None:
    found = [part for part in parts if part]
    if not found or len(found) < len(parts):
        return None
    return Hidden(found[0].blocks, np.concatenate([part.states for part in found]))


def _ids(tokens: Iterable[int]) -> IntArray:
    return np.fromiter(tokens, dtype=np.int64)
