"""mixologist: one model, many skills. Multi-task fine-tuning with routed LoRA adapters and honest per-task verdicts.

The names below load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixologist.api import Answer, Model, evaluate, learning_curve, load, plan, train
    from mixologist.errors import Interrupted, MixologistError, UserError

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "Interrupted",
    "MixologistError",
    "Model",
    "UserError",
    "evaluate",
    "learning_curve",
    "load",
    "plan",
    "train",
]

_HOMES = {"Interrupted": "errors", "MixologistError": "errors", "UserError": "errors"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mixologist' has no attribute '{name}'")
    return getattr(importlib.import_module(f"mixologist.{_HOMES.get(name, 'api')}"), name)
