"""What a task is called, and what it may not be called."""

from __future__ import annotations

import re
from pathlib import PurePath

from mixologist.errors import UserError
from mixologist.recipe.schema import RESERVED_NAMES, TaskSpec

_SUFFIX = re.compile(r"\.(ya?ml|jsonl?|csv|parquet)$")


def resolved_name(spec: TaskSpec) -> str:
    """The task's name: its own, else the last part of its card, else of its path (``a/faq.jsonl``: ``faq``).

    A task of a loaded recipe has a name or a card; only general and math data may be known by path alone.
    """
    return spec.name or last_part(spec.card or spec.path or "")


def last_part(reference: str) -> str:
    """``finance/fpb`` -> ``fpb``, ``cards/mine.yaml`` -> ``mine``."""
    return _SUFFIX.sub("", PurePath(reference).name)


def reserved_name(where: str, name: str) -> UserError:
    """The message for a task or group called like something of ours."""
    reserved = ", ".join(sorted(RESERVED_NAMES))
    return UserError(
        f"{where}: '{name}' has a meaning of its own",
        given=name,
        expected=f"a name other than {reserved}",
        do="give it another name",
    )
