"""What makes two rows the same: 64-bit hashes of what the model is asked, so that texts need not be held."""

from __future__ import annotations

import hashlib

from mixologist.records import Example


def asked(example: Example) -> str:
    """All that the row asks: the earlier turns as they stand, and the user's text without the instruction.

    So a text is the same text in two tasks.
    """
    return "\n".join([*(message["content"] for message in example.messages[:-1]), example.text])


def folded(text: str) -> str:
    """The text without its case and with single spaces."""
    return " ".join(text.casefold().split())


def hash_text(text: str) -> int:
    """64 bits of BLAKE2b. Two of a million different texts agree with probability 3e-8."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )
