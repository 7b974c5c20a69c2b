"""``--set training.num_train_epochs=1``: one value of a recipe replaced, by dotted path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mixologist.errors import UserError, nearest
from mixologist.recipe import shape
from mixologist.recipe.mistakes import unknown_key
from mixologist.recipe.names import last_part
from mixologist.recipe.reading import parse
from mixologist.recipe.shape import Place


def apply(document: dict[str, Any], overrides: Sequence[str]) -> tuple[dict[str, Any], list[UserError]]:
    """A copy of ``document`` with each ``path=value`` put in, in order, and what was wrong with the others.

    A path names keys (aliases too), and list items by index; tasks also by name or last part of the card:
    ``tasks.fpb.train_rows=100``. A value is YAML: ``=[a, b]`` is a list, ``=`` alone is null.
    """
    problems = []
    for text in overrides:
        try:
            document = _apply(document, text)
        except UserError as problem:
            problems.append(problem)
    return document, problems


def _apply(document: dict[str, Any], text: str) -> dict[str, Any]:
    path, equals, value = text.partition("=")
    if not equals:
        raise UserError(
            f"--set {text}: there is no =",
            given=text,
            expected="path=value, such as training.num_train_epochs=1",
            do=f"write --set {text}=VALUE",
        )
    changed: dict[str, Any] = _put(document, (), path.strip().split("."), parse(value, f"--set {text}"))
    return changed


def _put(node: Any, place: Place, parts: list[str], value: Any) -> Any:
    if not parts:
        return value
    if isinstance(node, list | tuple):
        found, rest = _item(node, place, parts)
        return [
            _put(child, (*place, index), rest, value) if index == found else child
            for index, child in enumerate(node)
        ]
    if not isinstance(node, dict | None):
        raise UserError(
            f"--set: there is nothing below {shape.show(place)}",
            given=shape.show((*place, *parts)),
            expected=shape.expected(place),
            do=f"write --set {shape.show(place)}=VALUE",
        )
    return _put_key(node or {}, place, parts, value)


def _put_key(node: dict[str, Any], place: Place, parts: list[str], value: Any) -> dict[str, Any]:
    key, *rest = parts
    known, mains = shape.keys(place), shape.main_names(place)
    if known and key not in known:
        raise unknown_key((*place, key), value, "--set ")
    same = (other for other in node if mains.get(other, other) == mains.get(key, key))
    key = next(same, key)
    return node | {key: _put(node.get(key), (*place, key), rest, value)}


def _item(items: Sequence[Any], place: Place, parts: list[str]) -> tuple[int, list[str]]:
    """The index that the first parts name, and the parts after them; a task's name may itself hold dots."""
    for length in range(len(parts), 0, -1):
        found = _find(items, ".".join(parts[:length]))
        if len(found) > 1:
            raise UserError(
                f"--set: several tasks are called '{'.'.join(parts[:length])}'",
                given=shape.show((*place, *parts)),
                expected="one task",
                do=f"name it by index: {' or '.join(f'{shape.show(place)}.{index}' for index in found)}",
            )
        if found:
            return found[0], parts[length:]
    names = [name for item in items for name in _names(item)[:1]]
    raise UserError(
        f"--set: {shape.show(place)} has no item '{parts[0]}'",
        given=shape.show((*place, *parts)),
        expected=f"an index from 0 to {len(items) - 1}" + ", or a name" * bool(names),
        do=nearest(parts[0], names) if names else "name the item by its index",
    )


def _find(items: Sequence[Any], name: str) -> list[int]:
    if name.isdecimal() and int(name) < len(items):
        return [int(name)]
    named = [_names(item) for item in items]
    first = [index for index, names in enumerate(named) if names[:1] == [name]]
    return first or [index for index, names in enumerate(named) if name in names]


def _names(item: Any) -> list[str]:
    """What a task may be called: its name first, then the last part of its card."""
    if not isinstance(item, dict):
        return []
    names = [item.get("name"), last_part(str(item.get("card") or ""))]
    return [name for name in names if isinstance(name, str) and name]
