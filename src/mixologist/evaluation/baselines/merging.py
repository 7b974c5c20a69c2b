"""One adapter merged from several, as PEFT merges them: what people do today instead of training on all tasks.

merged_linear   the mean of the adapters: A = sum sqrt(s_i / k) A_i, B = sum sqrt(s_i / k) B_i, as PEFT has it
merged_ties     TIES (Yadav et al. 2023, arXiv 2306.01708): of each matrix the largest fifth of the numbers, the
                sign that weighs more, the mean of those that have it; the paper's setting where nothing is tuned
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peft import PeftModel

from mixologist.files import read_json, write_folder, write_json
from mixologist.model.base import Base
from mixologist.model.checkpoint import CONFIG, WEIGHTS, AdapterFile, adapter_digest, read_adapter

MERGES = ("merged_linear", "merged_ties")


def merged(base: Base, adapters: Mapping[str, Path], kinds: Sequence[str], folder: Path) -> list[AdapterFile]:
    """The merges asked for, each in a folder of its name, made anew where an adapter in it has changed.

    Args:
        base: with its plain linears; it has them again afterwards.
        adapters: task -> folder of its single-task adapter. None of fewer than two, or of different ranks, which
            PEFT cannot merge so.
    """
    ranks = {read_adapter(path).shape.r for path in adapters.values()}
    if len(adapters) < 2 or len(ranks) > 1:
        return []
    made_from = {name: adapter_digest(path) for name, path in adapters.items()}
    found = []
    for kind in kinds:
        place, note = folder / kind, folder / f"{kind}.json"
        if not (place.is_dir() and note.is_file() and read_json(note) == made_from):
            merge(base, list(adapters.values()), kind, place)
            write_json(note, made_from)
        found.append(read_adapter(place))
    return found


def merge(base: Base, adapters: Sequence[Path], kind: str, folder: Path) -> None:
    """Write the merge of some PEFT folders as another one. The base must have its plain linears, and has them again.

    Cost: the adapters in memory, once.
    """
    names = [f"adapter{number}" for number in range(len(adapters))]  # PEFT takes no dots in a name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: Any = PeftModel.from_pretrained(base.model, str(adapters[0]), adapter_name=names[0])
        for name, path in zip(names[1:], adapters[1:], strict=True):
            model.load_adapter(str(path), adapter_name=name)
        model.add_weighted_adapter(names, adapter_name="merged", **_options(kind, len(names)))
    write_folder(folder, lambda beside: _save(model, beside))
    model.unload()
    base.model.requires_grad_(False)


def _options(kind: str, count: int) -> dict[str, Any]:
    if kind == "merged_linear":
        return {"combination_type": "linear", "weights": [1 / count] * count}
    return {"combination_type": "ties", "weights": [1.0] * count, "density": 0.2}


def _save(model: Any, folder: Path) -> None:
    model.save_pretrained(str(folder), selected_adapters=["merged"])
    for part in (CONFIG, WEIGHTS):  # PEFT makes a folder of the adapter's name
        (folder / "merged" / part).rename(folder / part)
    for left in (*(folder / "merged").iterdir(), folder / "README.md"):
        left.unlink(missing_ok=True)
    (folder / "merged").rmdir()
