"""Answers kept by split, task and system, with the digest of what made them.

A resumed evaluation goes on where it stopped, and what has changed is never mistaken for its former self.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixologist.files import write_json_lines
from mixologist.records import Outcome


@dataclass(frozen=True)
class Predictions:
    """A folder of kept answers; without a folder nothing is kept."""

    folder: Path | None = None

    def read(self, split: str, task: str, system: str, made_by: Mapping[str, Any]) -> dict[str, Outcome]:
        """Example id -> its answer, of those that ``made_by`` made."""
        found, outcomes = self._lines(split, task, system)
        return {outcome.id: outcome for outcome in outcomes} if found == made_by else {}

    def kept(self, split: str, task: str, system: str) -> list[Outcome]:
        """All answers of a system in their order, whatever made them; none where none are kept."""
        return self._lines(split, task, system)[1]

    def _lines(self, split: str, task: str, system: str) -> tuple[dict[str, Any], list[Outcome]]:
        path = self._path(split, task, system)
        if path is None or not path.is_file():
            return {}, []
        try:
            first, *rows = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
            return dict(json.loads(first)), [Outcome(**json.loads(row)) for row in rows]
        except (ValueError, TypeError):  # damaged: answered again
            return {}, []

    def write(
        self,
        split: str,
        task: str,
        system: str,
        made_by: Mapping[str, Any],
        outcomes: Mapping[str, Outcome],
    ) -> None:
        """Keep these answers in place of what was kept."""
        path = self._path(split, task, system)
        if path is not None:
            write_json_lines(path, [dict(made_by), *map(_as_row, outcomes.values())])

    def _path(self, split: str, task: str, system: str) -> Path | None:
        return self.folder / split / task / f"{system}.jsonl" if self.folder else None


def _as_row(outcome: Outcome) -> dict[str, Any]:
    """Its fields; ``cluster`` only where there is one."""
    return {name: value for name, value in asdict(outcome).items() if name != "cluster" or value}
