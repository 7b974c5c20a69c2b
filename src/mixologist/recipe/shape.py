"""What the schema says about a place in a recipe: the keys it knows, and what it expects, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import AliasChoices, TypeAdapter, ValidationError

from mixologist.recipe import schema

Place = tuple[str | int, ...]
"""``("tasks", 0, "name")``"""
Node = dict[str, Any]
"""A piece of JSON schema."""

NAME = "a name: letters, digits, _ . - (a letter or digit first, at most 64)"
ADDRESS = "an address such as https://host/v1"
DEVICE = "auto, cpu, cuda, or one of several GPUs such as cuda:1"

_NAME_TYPE: TypeAdapter[str] = TypeAdapter(schema.Name)
_ROOT: Node = schema.Recipe.model_json_schema(by_alias=False)
SECTIONS = {
    name: thing
    for name, thing in vars(schema).items()
    if isinstance(thing, type) and issubclass(thing, schema.Section)
}
"""Class name -> the part of a recipe."""
PATTERNS = {_NAME_TYPE.json_schema()["pattern"]: NAME, schema.ADDRESS: ADDRESS, schema.DEVICE: DEVICE}
_TYPES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "null"}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


def show(place: Place) -> str:
    """``tasks[0].name``"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def is_name(text: str) -> bool:
    """Whether a task or an adapter may be called so."""
    try:
        _NAME_TYPE.validate_python(text)
    except ValidationError:
        return False
    return True


def keys(place: Place) -> set[str]:
    """The keys that the section at ``place`` knows, aliases too; empty where any key may stand."""
    return set(main_names(place)) | {key for option in _at(place) for key in option.get("properties", {})}


def main_names(place: Place) -> dict[str, str]:
    """Alias -> main name, of the section at ``place``."""
    return {alias: name for option in _at(place) for alias, name in _aliases(option).items()}


def homes(key: str) -> list[str]:
    """Where ``key`` is known: ``["router.learning_rate", "training.learning_rate"]``. A task's keys are shown
    for the first task only, though general and math data have them too.
    """
    sections = [(name,) for name in _ROOT["properties"] if key == "share" or name not in {"general", "math"}]
    places: list[Place] = [(), ("tasks", 0), *sections]
    return [show((*place, key)) for place in places if key in keys(place)]


def expected(place: Place) -> str:
    """What may stand at ``place``, in words."""
    return _describe(_at(place))


def types(place: Place) -> set[str]:
    """The JSON types that may stand at ``place``; empty for an unknown place."""
    return {option["type"] for option in _at(place)}


def choices(place: Place) -> list[str]:
    """The fixed texts that may stand at ``place``."""
    return [str(choice) for option in _at(place) for choice in _literals(option)]


def _at(place: Place) -> list[Node]:
    """The alternatives at ``place``; none where the schema knows no such place."""
    nodes = [_ROOT]
    for part in place:
        nodes = [option for node in nodes for child in _children(node, part) for option in _options(child)]
    return nodes


def _children(node: Node, part: str | int) -> Iterator[Node]:
    if isinstance(part, int):
        yield from [node["items"]] if "items" in node else []
        return
    name = _aliases(node).get(part, part)
    yield from [node["properties"][name]] if name in node.get("properties", {}) else []
    yield from node.get("patternProperties", {}).values()
    yield from [node["additionalProperties"]] if node.get("additionalProperties") else []


def _options(node: Node) -> Iterator[Node]:
    """The alternatives of a union, references followed."""
    if "$ref" in node:
        yield _ROOT["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    elif "anyOf" in node:
        for option in node["anyOf"]:
            yield from _options(option)
    else:
        yield node


def _aliases(node: Node) -> dict[str, str]:
    model = SECTIONS.get(node.get("title", ""))
    return {
        str(alias): name
        for name, field in (model.model_fields.items() if model else ())
        if isinstance(field.validation_alias, AliasChoices)
        for alias in field.validation_alias.choices
        if alias != name
    }


def _literals(node: Node) -> list[Any]:
    return list(node.get("enum", [node["const"]] if "const" in node else []))


def _describe(options: list[Node]) -> str:
    return " or ".join(_describe_option(option) for option in options)


def _describe_option(node: Node) -> str:
    literals = _literals(node)
    if literals:
        return "one of " * (len(literals) > 1) + ", ".join(map(str, literals))
    if node["type"] == "array":
        return f"a list, each item {_describe(list(_options(node['items'])))}"
    if node["type"] == "string":
        return PATTERNS.get(node.get("pattern", ""), "text")
    if node["type"] == "object":
        return "a mapping of keys to values"
    bounds = " and ".join(f"{word} {node[bound]:g}" for bound, word in _BOUNDS.items() if bound in node)
    return f"{_TYPES[node['type']]} {bounds}".rstrip()
