"""Task cards, in YAML: where a data set lies, its format, wording, licence and traps."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mixologist.errors import UserError, nearest
from mixologist.recipe import reading, shape
from mixologist.recipe.mistakes import remedy
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import Column, TaskSpec

SHIPPED = Path(str(resources.files("mixologist.tasks"))) / "cards"
FOLDER_VARIABLE = "MIXOLOGIST_DATA"
"""The environment variable that names the folder with local copies of the data sets."""
NOT_STATED = "not stated"


class Card(TaskSpec):
    """A task's keys, and what only a card says. A recipe's keys override a card's."""

    version: int = 1
    """Grows when wording, labels or data change, so that results can be told apart."""
    data: str | None = None
    """The folder under ``MIXOLOGIST_DATA`` that holds a local copy."""
    hub: str | None = None
    """The hub id to fall back on: ``owner/name``, or ``owner/name/configuration``."""
    domain: str = ""
    licence: str = NOT_STATED
    noncommercial: bool = False
    """Whether commercial use is forbidden, or nobody says that it is allowed."""
    citation: str = ""
    traps: tuple[str, ...] = ()
    """What misleads about this data or its numbers."""


class ResolvedSpec(Card):
    """A task with nothing left open: recipe over card, columns in one place, the data's path found."""

    name: str
    path: str


def shipped_cards() -> list[str]:
    """The names of the cards that come with the package: ``finance/fpb``, ..."""
    return sorted(path.relative_to(SHIPPED).with_suffix("").as_posix() for path in SHIPPED.rglob("*.yaml"))


def find(card: str) -> Card:
    """The card of that name: a shipped one (``finance/fpb``), or the path of a card file (.yaml).

    Raises `UserError` for an unknown name, a missing file, or a file that is no card.
    """
    if card.endswith((".yaml", ".yml")):
        return _read(Path(card))
    if card not in shipped_cards():
        raise UserError(
            "unknown card",
            given=card,
            expected=f"one of {', '.join(shipped_cards())}, or the path of a card file (.yaml)",
            do=nearest(card, shipped_cards()),
        )
    return _read(SHIPPED / f"{card}.yaml")


def merge(spec: TaskSpec, name: str | None = None) -> ResolvedSpec:
    """The task as recipe and card say together; ``name`` replaces its own.

    A recipe's key overrides the card's unless it has the schema's default: a stored recipe spells out all
    defaults, and must mean the same. Columns are merged field by field, ``text`` and ``label`` among them.

    Raises `UserError` where the card is unknown, or its data is neither here nor to be had.
    """
    card = find(spec.card) if spec.card else Card()
    said = {key: value for key, value in _given(spec).items() if key in TaskSpec.model_fields}
    columns = {**_columns(card), **_columns(spec)}
    merged = {**_given(card), **said, "columns": columns, "text": None, "label": None}
    merged["name"] = name or resolved_name(spec)
    merged["path"] = spec.path or _locate(card, spec.card or "")
    return ResolvedSpec.model_validate(merged)


def _given(spec: TaskSpec) -> dict[str, Any]:
    """The keys that differ from their defaults."""
    return spec.model_dump(exclude_defaults=True)


def _columns(spec: TaskSpec) -> dict[str, Column]:
    short = {"text": spec.text, "label": spec.label}
    return {**spec.columns, **{field: column for field, column in short.items() if column}}


def _locate(card: Card, name: str) -> str:
    """Where the card's data lies: a path of its own, under ``MIXOLOGIST_DATA``, or on the hub."""
    if card.path:
        return card.path
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder and card.data and (Path(folder) / card.data).is_dir():
        return str(Path(folder) / card.data)
    if card.hub and not _offline():
        return card.hub
    state = f"{FOLDER_VARIABLE}={folder}, without {card.data}/" if folder else f"{FOLDER_VARIABLE} is not set"
    online = f", or be online: the hub has {card.hub}" if card.hub else ""
    raise UserError(
        f"card {name}: its data is not here",
        given=f"{state}{', and HF_HUB_OFFLINE is' if card.hub else ''}",
        expected=f"a folder {card.data}/ with train, validation and test files",
        do=f"set {FOLDER_VARIABLE} to the folder that holds {card.data}/{online}; or give the task a `path:`",
    )


def _offline() -> bool:
    """As huggingface_hub reads the variable."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def _read(path: Path) -> Card:
    try:
        values = reading.parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"card {path} cannot be read",
            given=str(error),
            expected="a card: a YAML file in UTF-8",
            do=f"name a file that exists, or a shipped card: {', '.join(shipped_cards())}",
        ) from error
    if not isinstance(values, dict):
        raise UserError(f"{path} is not a card", given=type(values).__name__, expected="keys and values")
    return _beside(_validated(values, path), path.parent)


def _validated(values: dict[str, Any], path: Path) -> Card:
    known = Card.model_fields.keys() - {"card", "name"}
    for key in values:
        if key not in known:
            raise UserError(
                f"{path}: unknown key", given=key, expected="a key of a card", do=nearest(key, known)
            )
    try:
        card = Card.model_validate(values)
    except ValidationError as error:
        raise _wrong_value(error, path) from error
    if not (card.path or card.data or card.hub):
        raise UserError(
            f"{path} does not say where the data lies", expected="path, data or hub", do="add `path:`"
        )
    return card


def _wrong_value(error: ValidationError, path: Path) -> UserError:
    """One of pydantic's complaints; of unknown keys before others, which may follow from these."""
    first = max(error.errors(), key=lambda found: found["type"] == "extra_forbidden")
    place = ("tasks", 0, *first["loc"])
    known = shape.keys(place[:-1])
    unknown = first["type"] == "extra_forbidden"
    return UserError(
        f"{path}: {shape.show(first['loc'])}: {'unknown key' if unknown else 'wrong value'}",
        given=repr(first["loc"][-1] if unknown else first["input"]),
        expected=f"one of {', '.join(sorted(known))}" if unknown else shape.expected(place) or first["msg"],
        do=nearest(str(first["loc"][-1]), known) if unknown else remedy(place, first["input"]),
    )


def _beside(card: Card, folder: Path) -> Card:
    """A card's relative path is relative to the card."""
    if card.path and (folder / card.path).exists():
        return card.model_copy(update={"path": str((folder / card.path).absolute())})
    return card
