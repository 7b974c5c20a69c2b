"""One stream of random choices, and the words that several tasks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from mixologist.seeds import generator

T = TypeVar("T")

Row = dict[str, Any]
"""One row of a data set, as it stands in a JSON line."""

PRODUCTS = (
    "kettle", "lamp", "chair", "desk", "heater", "phone", "camera", "printer", "mixer", "radio", "watch",
    "clock", "mirror", "tent", "bicycle", "guitar", "fridge", "oven", "fan", "toaster",
)  # fmt: skip


class Draw:
    """Choices from the stream named ``(seed, *names)``: the same on every machine."""

    def __init__(self, seed: int, *names: object) -> None:
        self._generator = generator(seed, "demo", *names)

    def below(self, n: int) -> int:
        """A whole number in 0..n-1."""
        return int(self._generator.integers(n))

    def between(self, low: int, high: int) -> int:
        """A whole number in low..high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """True with this ``probability``."""
        return bool(self._generator.random() < probability)

    def one(self, options: Sequence[T]) -> T:
        """One of the ``options``, all equally likely."""
        return options[self.below(len(options))]

    def some(self, options: Sequence[T], n: int) -> list[T]:
        """``n`` different ones of the ``options``, in random order."""
        return [options[int(place)] for place in self._generator.permutation(len(options))[:n]]

    def typo(self, text: str) -> str:
        """``text`` with two neighbouring letters of one longer word swapped."""
        words = text.split(" ")
        longer = [place for place, word in enumerate(words) if len(word) > 4 and word.isalpha()]
        if not longer:
            return text
        place = self.one(longer)
        word, cut = words[place], self.between(1, len(words[place]) - 3)
        words[place] = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
        return " ".join(words)


def sentence(text: str) -> str:
    """``text`` with a capital letter and a final period."""
    return text[:1].upper() + text[1:] + "."
