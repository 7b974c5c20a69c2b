"""All mistakes of shape in one pass: pydantic's errors in the words of the recipe's reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from mixologist.errors import UserError, nearest
from mixologist.recipe import shape
from mixologist.recipe.foreign_keys import FOREIGN_KEYS
from mixologist.recipe.schema import Recipe
from mixologist.recipe.shape import Place

Mistakes = dict[Place, UserError]


def validate(document: dict[str, Any]) -> tuple[Recipe | None, Mistakes]:
    """The recipe, and the mistakes by place.

    Beside mistakes stands the recipe of what remains without them, to be checked further; None without tasks.
    """
    mistakes = {place: _wrong_value(place, value) for place, value in _stray_booleans(document)}
    try:
        return Recipe.model_validate(_without(document, mistakes)), mistakes
    except ValidationError as error:
        mistakes = _of_shape(error, document) | mistakes
    try:
        return Recipe.model_validate(_without(document, mistakes)), mistakes
    except ValidationError:
        return None, mistakes


def unknown_key(place: Place, value: object, source: str = "") -> UserError:
    """A key that its section does not know: the message names what to use here, its place or the nearest."""
    section, key = place[:-1], str(place[-1])
    homes = shape.homes(key)
    if key in FOREIGN_KEYS:
        do = FOREIGN_KEYS[key]
    elif homes:
        do = f"it belongs elsewhere: {' or '.join(homes)}"
    else:
        do = nearest(key, shape.keys(section))
    expected = f"a key of {shape.show(section) or 'the recipe'}"
    return UserError(
        f"{source}{shape.show(place)}: unknown key", given=f"{key}: {_short(value)}", expected=expected, do=do
    )


def _of_shape(error: ValidationError, document: dict[str, Any]) -> Mistakes:
    details = error.errors(include_url=False, include_context=False)
    found = dict(_explain(detail["type"], detail["loc"], document) for detail in reversed(details))
    # Of a list whose only item is wrong, pydantic also says that it is too short.
    holders = {place[:depth] for place in found for depth in range(len(place))}
    return {place: found[place] for place in reversed(found) if place not in holders}


def _explain(kind: str, loc: Place, document: dict[str, Any]) -> tuple[Place, UserError]:
    if kind == "missing":
        loc = (*_place(loc[:-1], document), loc[-1])
        where = shape.show(loc)
        return loc, UserError(
            f"{where} is missing", expected=shape.expected(loc), do=f"add {where} to the recipe"
        )
    place = _place(loc, document)
    if kind == "extra_forbidden":
        return place, _given_twice(place, document) or unknown_key(place, _get(document, place))
    if kind == "invalid_key" or loc[-1] == "[key]":
        where = shape.show(place)
        return place, UserError(f"{where}: not a name", given=place[-1], expected=shape.NAME, do="rename it")
    return place, _wrong_value(place, _get(document, place))


def _given_twice(place: Place, document: dict[str, Any]) -> UserError | None:
    """A main name beside its alias, or two aliases: pydantic takes one and calls the others unknown."""
    mains = shape.main_names(place[:-1])
    main = mains.get(str(place[-1]), place[-1])
    rivals = [key for key in _get(document, place[:-1]) if mains.get(key, key) == main]
    if len(rivals) < 2:
        return None
    return UserError(
        f"{shape.show((*place[:-1], str(main)))} is given twice, under two names",
        given=", ".join(rivals),
        expected="one of them; they mean the same",
        do=f"keep {main} alone",
    )


def _wrong_value(place: Place, value: Any) -> UserError:
    return UserError(
        f"{shape.show(place)}: wrong value",
        given=_short(value),
        expected=shape.expected(place),
        do=remedy(place, value),
    )


def remedy(place: Place, value: Any) -> str:
    """What to do about a value that may not stand at ``place``."""
    kinds, choices = shape.types(place), shape.choices(place)
    if place == ("tasks",):
        return "write a list: a line that begins with `- ` for each task"
    if value is None or value in ({}, []):
        return "give a value, or leave the key out for its default"
    if isinstance(value, str) and choices and kinds <= {"string", "null", "object"}:
        return nearest(value, choices)
    if kinds & {"array"} and isinstance(value, str | int | float):
        return f"write a list: [{value}]"
    if kinds <= {"string", "null"} and isinstance(value, int | float):
        return f'put it in quotes: "{str(value).lower()}"'
    if place[:1] == ("tasks",) and len(place) == 2:
        return (
            f"write its keys: `- card: {value}`, or name and path"
            if isinstance(value, str)
            else "write its keys"
        )
    return "change the value, or leave the key out for its default"


def _short(value: object) -> str:
    text = "nothing (null)" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _stray_booleans(node: Any, place: Place = ()) -> Iterator[tuple[Place, bool]]:
    """True and false where a number stands: pydantic would read them as 1 and 0."""
    if isinstance(node, bool):
        if shape.types(place) & {"integer", "number"}:
            yield place, node
    elif isinstance(node, dict | list | tuple):
        for part, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _stray_booleans(child, (*place, part))


def _place(loc: Place, document: dict[str, Any]) -> Place:
    """``loc`` as far as the document goes; what follows are pydantic's own tags, of a union or of a key.

    Within a union of sections the tag is the section's class, and the place goes on behind it.
    """
    node: Any = document
    loc = tuple(part for part in loc if part not in shape.SECTIONS)
    for depth, part in enumerate(loc):
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return loc[:depth]
    return loc


def _get(document: dict[str, Any], place: Place) -> Any:
    node: Any = document
    for part in place:
        node = node[part]
    return node


def _without(document: dict[str, Any], places: Iterable[Place]) -> dict[str, Any]:
    """A copy without what is at ``places``; for an item, without its whole list, so that no index moves."""
    for place in places:
        while place and isinstance(place[-1], int):
            place = place[:-1]
        document = _drop(document, place)
    return document


def _drop(node: Any, place: Place) -> Any:
    if not place:
        return node
    head, rest = place[0], place[1:]
    items = node.items() if isinstance(node, dict) else enumerate(node)
    kept = {key: _drop(child, rest) if key == head else child for key, child in items if rest or key != head}
    return kept if isinstance(node, dict) else list(kept.values())
