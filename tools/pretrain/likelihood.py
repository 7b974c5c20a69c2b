"""How many bits a causal language model of the Transformers library needs for each of some texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

Window = tuple[int, list[int]]
"""Number of the text, and at most ``length`` of its token ids."""
IGNORED = -100


def bits(
    model: Any, tokenizer: Any, texts: Sequence[str], length: int, batch_tokens: int = 8192
) -> NDArray[np.float64]:
    """-log2 p of each text, (texts,). Windows of ``length`` tokens start anew and never cross texts.

    The first token of a window is predicted from the begin-of-text token alone. Windows are batched by length, so that
    little is padded; padding stands at the end, where causal attention never looks.
    """
    first = start_token(tokenizer)
    needed = np.zeros(len(texts))
    for batch in _batches(windows(tokenizer, texts, length), batch_tokens):
        ids, labels = (torch.tensor(rows, device=model.device) for rows in _padded(batch, first))
        with torch.inference_mode():
            logits = model(input_ids=ids, use_cache=False).logits.float()
            loss = cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=IGNORED)
        np.add.at(needed, [text for text, _ in batch], loss.double().sum(1).cpu().numpy() / np.log(2))
    return needed


def start_token(tokenizer: Any) -> int:
    """The begin-of-text token; the end-of-text token where a tokenizer has no other."""
    found = tokenizer.bos_token_id
    return int(tokenizer.eos_token_id if found is None else found)


def windows(tokenizer: Any, texts: Sequence[str], length: int) -> list[Window]:
    """Every text's token ids without special tokens, in windows of at most ``length``."""
    encoded = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    return [(n, ids[at : at + length]) for n, ids in enumerate(encoded) for at in range(0, len(ids), length)]


def _batches(given: Sequence[Window], batch_tokens: int) -> Iterator[list[Window]]:
    """Longest first: as many as fit ``batch_tokens`` with padding, at least one."""
    rest = sorted(given, key=lambda window: -len(window[1]))
    while rest:
        size = max(1, batch_tokens // len(rest[0][1]))
        yield rest[:size]
        rest = rest[size:]


def _padded(batch: Sequence[Window], first: int) -> tuple[list[list[int]], list[list[int]]]:
    """Inputs (``first``, then all but the last token) and labels, each (windows, longest)."""
    longest = max(len(ids) for _, ids in batch)
    gaps = [longest - len(ids) for _, ids in batch]
    inputs = [[first, *ids[:-1], *[first] * gap] for gap, (_, ids) in zip(gaps, batch, strict=True)]
    return inputs, [[*ids, *[IGNORED] * gap] for gap, (_, ids) in zip(gaps, batch, strict=True)]
