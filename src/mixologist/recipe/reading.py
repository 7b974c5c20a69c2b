"""YAML text to plain dictionaries and back, with the line of every mistake.

Scalars follow YAML 1.2's core schema, not PyYAML's 1.1: ``labels: [yes, no]`` are two texts and ``1e-3`` is a
number (https://yaml.org/spec/1.2.2/#103-core-schema). A key may stand only once in its mapping.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from mixologist.errors import UserError, nearest

_BARE_EXPONENT = r"[-+]?[0-9]+[eE][-+]?[0-9]+"
_CORE_SCHEMA = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", rf"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|{_BARE_EXPONENT}", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("merge", r"<<", "<"),
)
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own name and type

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.deep_construct = True  # makes PyYAML refuse a value that contains itself

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        _check_keys(node)
        return node


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would misread, so that other tools read a dumped recipe alike."""


for _tag, _pattern, _first in _CORE_SCHEMA:
    _Loader.add_implicit_resolver(_TAG + _tag, re.compile(rf"(?:{_pattern})\Z"), _first)
_Dumper.add_implicit_resolver(f"{_TAG}float", re.compile(rf"{_BARE_EXPONENT}\Z"), "-+0123456789")


def read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UserError: no such file, a folder, not UTF-8 (byte and line), not YAML (line and column), a key given
            twice, an empty file, or anything but a mapping.
    """
    document = parse(text(path), str(path))
    if document is None:
        raise UserError(
            f"{path} is empty",
            expected="a recipe: base_model, tasks and so on",
            do="write a first one with: mixologist init",
        )
    if not isinstance(document, dict):
        raise UserError(
            f"{path} is not a recipe",
            given=f"a {type(document).__name__}",
            expected="a mapping of keys to values, such as `base_model: builtin`",
            do="write a first one with: mixologist init",
        )
    return document


def parse(text: str, source: str) -> Any:
    """The value of a YAML text; ``source`` names it in messages. Raises `UserError` with line and column."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        assert mark is not None, "every error of a text has its place"
        raise _broken(text, source, mark.line, f"column {mark.column + 1}", str(error.problem)) from error
    except RecursionError as error:
        raise UserError(
            f"{source} is nested too deeply",
            given="hundreds of levels",
            expected="a recipe, which has four",
            do="look for brackets that are never closed",
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise _broken(text, source, line, f"character {error.position + 1}", str(error.reason)) from error


def write(value: dict[str, Any]) -> str:
    """YAML text of plain values, keys in the order given."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


def _check_keys(node: yaml.MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        mark = key.start_mark
        if key.tag == f"{_TAG}merge":
            continue
        if key.tag != f"{_TAG}str":
            raise yaml.MarkedYAMLError(problem="a key must be text; put it in quotes", problem_mark=mark)
        if key.value in seen:
            problem = f"the key '{key.value}' stands twice, first in line {seen[key.value]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        seen[key.value] = mark.line + 1


def _broken(text: str, source: str, line: int, place: str, problem: str) -> UserError:
    lines = text.splitlines()
    return UserError(
        f"{source}, line {line + 1}, {place}: {problem}",
        given=repr(lines[line].strip()[:80]) if line < len(lines) else "the end of the text",
        expected="YAML: `key: value`, indented with spaces, each key once",
        do="mend that line or the one above it; quote a text that holds one of : # { } [ ]",
    )


def text(path: Path) -> str:
    """What stands in a file. Raises `UserError` where there is none, or no UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not UTF-8 text: byte {error.start}, in line {line}",
            given=f"0x{data[error.start]:02x}",
            expected="a YAML file in UTF-8",
            do="save the file again with the encoding UTF-8",
        ) from error


def _unreadable(path: Path, error: OSError) -> UserError:
    if os.path.isdir(path):
        return UserError(
            f"{path} is a folder", expected="a recipe file (.yaml)", do=_recipes_in(path, "recipe.yaml")
        )
    if not isinstance(error, FileNotFoundError):
        return UserError(
            f"{path} cannot be read", given=error.strerror, expected="a readable recipe file (.yaml)"
        )
    folder = path.parent
    if not folder.is_dir():
        return UserError(f"there is no folder {folder}", given=path, do="check the path")
    return UserError(
        f"there is no file {path}",
        given=path,
        expected="a recipe file (.yaml)",
        do=_recipes_in(folder, path.name),
    )


def _recipes_in(folder: Path, name: str) -> str:
    found = [file.name for pattern in ("*.yaml", "*.yml") for file in folder.glob(pattern)]
    return nearest(name, found) if found else f"{folder} holds no .yaml file; write one with: mixologist init"
