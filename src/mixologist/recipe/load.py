"""A recipe from YAML or a dictionary, with ``--set`` overrides; all its mistakes are reported together."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from mixologist.errors import raise_all
from mixologist.recipe import checks, mistakes, reading
from mixologist.recipe import overrides as override
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import Recipe, TaskSpec

__all__ = ["dump", "load", "resolved_name"]

Spec = TypeVar("Spec", bound=TaskSpec)


def load(
    source: Path | str | dict[str, Any], overrides: Sequence[str] = (), beside: Path | None = None
) -> Recipe:
    """The recipe in a YAML file (or a dictionary with the same keys), with ``overrides`` applied.

    Every ``path``, ``card`` file and ``base_model`` folder becomes absolute where it exists, looked up beside
    the recipe first and then in the working directory. Else it stays as written: a hub id.

    Args:
        source: a file, or a dictionary.
        overrides: ``path=value`` with a dotted path and a YAML value: ``training.num_train_epochs=1``,
            ``tasks.fpb.train_rows=100``.
        beside: the folder in which paths of a dictionary are looked up first.

    Raises:
        UserError: the file cannot be read as a mapping, or the recipe has one mistake.
        UserErrors: it has several; every one names its place in the recipe.
    """
    document = source if isinstance(source, dict) else reading.read(Path(source))
    document, problems = override.apply(document, overrides)
    recipe, mistaken = mistakes.validate(document)
    problems += mistaken.values()
    if recipe:
        problems += checks.problems(recipe, mistaken)
    raise_all(problems)
    assert recipe is not None, "a recipe without mistakes is valid"
    return _located(recipe, beside if isinstance(source, dict) else Path(source).parent)


def dump(recipe: Recipe) -> str:
    """YAML with every default spelled out, in the schema's order; `load` of it gives an equal recipe."""
    return reading.write(recipe.model_dump(mode="json"))


def _located(recipe: Recipe, folder: Path | None) -> Recipe:
    found: dict[str, Any] = {"tasks": tuple(_locate_spec(spec, folder) for spec in recipe.tasks)}
    for name, spec in (("general", recipe.general), ("math", recipe.math)):
        found[name] = spec and _locate_spec(spec, folder)
    if recipe.base_model != "builtin":
        found["base_model"] = _locate(recipe.base_model, folder)
    return recipe.model_copy(update=found)


def _locate_spec(spec: Spec, folder: Path | None) -> Spec:
    found = {"path": _locate(spec.path, folder, of_data=True)} if spec.path else {}
    if spec.card and spec.card.endswith((".yaml", ".yml")):
        found["card"] = _locate(spec.card, folder)
    return spec.model_copy(update=found)


def _locate(text: str, folder: Path | None, *, of_data: bool = False) -> str:
    """A path of data beside whose place there is something is no hub id, but misspelt."""
    written = os.path.expanduser(text)
    candidates = [os.path.join(folder or "", written), written]
    for candidate in candidates:
        if os.path.exists(candidate) or glob.glob(f"{glob.escape(candidate)}[-_. ]train*"):
            return os.path.abspath(candidate)
    near = [c for c in candidates if of_data and os.path.isdir(os.path.dirname(os.path.abspath(c)))]
    return os.path.abspath(near[0]) if near else text
