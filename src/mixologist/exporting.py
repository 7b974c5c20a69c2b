"""A run's adapters for other tools: PEFT folders, or one adapter merged into a full model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mixologist.adding import run_recipe
from mixologist.errors import UserError, nearest
from mixologist.files import check_empty, check_writable, read_json, write_folder, write_json
from mixologist.model.base import load_base, locate, whole
from mixologist.model.checkpoint import CONFIG, WEIGHTS, load_bank, read_adapter
from mixologist.runfolder import RunFolder


def export(folder: RunFolder, to: Path, merged: str | None = None) -> list[Path]:
    """Write PEFT folders of all adapters to ``to``, or with ``merged`` the model that this adapter makes of the base.

    Returns what was written. Raises `UserError` where ``to`` is not empty or the adapter is not in the run.
    """
    record = folder.complete_record()
    check_empty(to, "the export folder", "name another with --to")
    check_writable(to / CONFIG, "the export folder", "name another with --to")
    to = to.absolute()
    if merged is None:
        return _copy(folder, to, list(record["adapters"]))
    if merged not in record["adapters"]:
        raise UserError(
            "the run has no such adapter",
            given=merged,
            expected=f"one of {', '.join(record['adapters'])}",
            do=nearest(merged, record["adapters"]),
        )
    return [_merge(folder, merged, to, record)]


def _copy(folder: RunFolder, to: Path, names: list[str]) -> list[Path]:
    for name in names:
        read_adapter(folder.adapter(name))  # nobody is helped by the copy of a damaged one

    def fill(beside: Path) -> None:
        for name in names:
            (beside / name).mkdir()
            shutil.copyfile(folder.adapter(name) / WEIGHTS, beside / name / WEIGHTS)
            write_json(beside / name / CONFIG, _at_home(read_json(folder.adapter(name) / CONFIG)))

    write_folder(to, fill)
    return [to / name for name in names]


def _at_home(config: dict[str, Any]) -> dict[str, Any]:
    """With the folder of a base that has one here: ``builtin`` and relative paths are names that PEFT cannot follow."""
    name = str(config.get("base_model_name_or_path", ""))
    here = locate(name) if name == "builtin" or Path(name).exists() else None
    return config | ({"base_model_name_or_path": str(here.resolve())} if here else {})


def _merge(folder: RunFolder, name: str, to: Path, record: dict[str, Any]) -> Path:
    """W' = W + s B A in the base's dtype, written as an ordinary Transformers folder."""
    base = load_base(run_recipe(folder).base_model, dtype=whole(record["choices"]["dtype"]))
    base.check_digest(record["base_digest"])
    bank = load_bank(base, [read_adapter(folder.adapter(name), name)])
    bank.merge(0)
    bank.detach()

    def fill(beside: Path) -> None:
        base.model.save_pretrained(beside)
        base.tokenizer.save_pretrained(beside)

    write_folder(to, fill)
    return to
