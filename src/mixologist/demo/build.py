"""From the catalogue to files: ``folder/<task>/{train,validation,test}.jsonl`` and ``folder/recipe.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mixologist.demo.catalogue import REGULARISERS, TASKS, DataSet
from mixologist.demo.draw import Draw, Row
from mixologist.errors import UserError, nearest
from mixologist.files import write_json_lines, write_text
from mixologist.registry import Registry
from mixologist.seeds import derive

SPLITS = {"train": range(5), "validation": range(5, 6), "test": range(6, 8)}
"""Split -> the eighths of all texts that may stand in it."""
ANSWERS = frozenset({"label", "entities", "answer", "completion", "output"})
MOST_MISSES = 20_000
"""Draws in a row without a new text, after which there are no more of them."""

SETTINGS: dict[str, Any] = {
    "adapters": {"plan": "auto", "r": 16, "lora_alpha": 32},
    "training": {"learning_rate": 3e-3, "num_train_epochs": 2.5, "batch_size": 8},
    "evaluation": {"every": 2.5, "validation_loss_rows": 40},
}

DATA_SETS: Registry[DataSet] = Registry("demo task")
for _name, _data in {**TASKS, **REGULARISERS}.items():
    DATA_SETS.register(_name)(_data)


def build(folder: Path, seed: int = 0, scale: float = 1.0) -> Path:
    """Write all data sets, ``scale`` times the usual rows, and a recipe for them; return the recipe's path.

    The data files depend on ``seed`` and ``scale`` alone: byte for byte the same on every machine. The recipe
    names the folder absolutely, so that it works from everywhere.
    """
    folder = folder.resolve()
    for name in DATA_SETS:
        for split, n in DATA_SETS[name].sizes(scale).items():
            write_json_lines(folder / name / f"{split}.jsonl", rows(name, split, n, seed))
    recipe = folder / "recipe.yaml"
    write_text(recipe, yaml.safe_dump(_recipe(folder, seed), sort_keys=False, allow_unicode=True, width=110))
    return recipe


def rows(task: str, split: str, n: int, seed: int) -> Iterator[Row]:
    """``n`` different rows of one split; fewer rows are the beginning of more.

    A text's split (and of two tasks on the same kind of text, its task) is fixed by the text itself, whatever
    the seed: so no seed's train rows ever hold a text of another seed's test rows.

    Raises `UserError` for an unknown task or split, and where ``n`` is more than there are.
    """
    data = DATA_SETS[task]
    if split not in SPLITS:
        raise UserError(
            "unknown split of a demo task",
            given=split,
            expected=f"one of {', '.join(SPLITS)}",
            do=nearest(split, SPLITS),
        )
    draw, seen, misses = Draw(seed, task, split), set[str](), 0
    while len(seen) < n:
        row = data.make(draw)
        text = _question(row)
        if text not in seen and belongs(row, split, data.twin):
            seen.add(text)
            misses = 0
            yield row
        elif (misses := misses + 1) > MOST_MISSES:
            raise UserError(
                f"demo task '{task}' has no {n} different {split} rows",
                given=n,
                expected=f"at most about {len(seen)}",
                do="choose a smaller scale",
            )


def _question(row: Row) -> str:
    """All that is asked, folded as an audit folds it: the row without its answer."""
    asked = " ".join(str(value) for field, value in row.items() if field not in ANSWERS)
    return " ".join(asked.split()).casefold()


def belongs(row: Row, split: str, twin: int | None) -> bool:
    """Whether this split may hold the row. An instruction's input alone decides its split."""
    side, place = divmod(derive(0, row.get("input") or _question(row)) % 16, 8)
    return place in SPLITS[split] and twin in (None, side)


def _recipe(folder: Path, seed: int) -> dict[str, Any]:
    tasks = [{"name": name, "path": str(folder / name), **data.spec} for name, data in TASKS.items()]
    general, math = ({"path": str(folder / name), **data.spec} for name, data in REGULARISERS.items())
    ends = {"base_model": "builtin", "output_dir": str(folder / "run"), "seed": seed}
    return {**ends, "tasks": tasks, "general": general, "math": math, **SETTINGS}
