"""One name for one experiment: equal fingerprints mean that the results may be compared or reused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mixologist.recipe.flat import flat
from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import Recipe

_NO_RESULT: dict[str, Any] = {
    "output_dir": True,
    "training": {
        "report_to",
        "checkpoint_every",
        "max_tokens_per_batch",
        "trunk_cache_gb",
        "gradient_checkpointing",
        "torch_compile",
    },
    "evaluation": {"gradient_agreement"},
    "tasks": {"__all__": {"path"}},
    "general": {"path"},
    "math": {"path"},
}


def differences(a: Recipe, b: Recipe) -> list[str]:
    """Dotted keys in which two recipes differ, those that no result depends on left out.

    >>> differences(Recipe.model_validate({"tasks": [{"path": "x", "name": "x"}], "seed": 1}),
    ...             Recipe.model_validate({"tasks": [{"path": "x", "name": "x"}], "training": {"batch_size": 8}}))
    ['seed', 'training.batch_size']
    """
    one, other = (dict(flat(recipe.model_dump(mode="json", exclude=_NO_RESULT))) for recipe in (a, b))
    return [key for key in {**one, **other} if key not in one or key not in other or one[key] != other[key]]


def recipe_fingerprint(recipe: Recipe, data_digests: Mapping[str, str]) -> str:
    """SHA-256 (64 hex digits) of what decides a run's results: the recipe and the contents of its data.

    Left out, because no result changes its meaning with them: ``output_dir``, ``training.report_to``,
    ``training.checkpoint_every``, ``training.max_tokens_per_batch``, ``training.trunk_cache_gb``,
    ``training.gradient_checkpointing``, ``training.torch_compile`` (rounding only),
    ``evaluation.gradient_agreement`` and every ``path``: the digests stand for what lies there, so that moved
    data is the same data. ``device`` stays, since it decides
    what ``dtype: auto`` means. A default left out and a default spelled out are the same.

    Args:
        recipe: as loaded.
        data_digests: ``"task/split"`` -> digest of the contents, for every task, general and math. More keys
            may stand beside these (``"fpb/card"``, ``"base_model"``), and all count.
    """
    for task in recipe.tasks:
        name = resolved_name(task)
        assert any(key.startswith(f"{name}/") for key in data_digests), f"no digest of task {name}"
    keys = recipe.model_dump(mode="json", exclude=_NO_RESULT)
    for spec in (*keys["tasks"], keys["general"], keys["math"]):
        if spec and spec["cluster"] is None:
            del spec["cluster"]  # a key that came later: runs from before it are the same experiment
    content = {"recipe": keys, "data": dict(data_digests)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
