"""Names to things, with one clear message for an unknown name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from mixologist.errors import UserError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """A dictionary of named things of one ``kind``; an unknown name names the nearest known one."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: ``@METRICS.register("accuracy")``. A name can be taken only once."""

        def add(thing: T) -> T:
            assert name not in self._things, f"{self.kind} '{name}' registered twice"
            self._things[name] = thing
            return thing

        return add

    def __getitem__(self, name: str) -> T:
        if name not in self._things:
            raise UserError(
                f"unknown {self.kind}",
                given=name,
                expected=f"one of {', '.join(sorted(self._things))}",
                do=nearest(name, self._things),
            )
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._things))
