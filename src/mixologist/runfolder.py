"""A run folder: its fixed names, its record, and how one is opened (DESIGN: A run folder).

recipe.yaml  run.json  metrics.jsonl  trace.jsonl  adapters/<name>/  router/  evaluation.json  predictions/
    checkpoints/
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mixologist.errors import UserError
from mixologist.files import check_empty, check_writable, read_json, recover, write_json

VERSION = 1
CONTROL = "~"
"""In the name of every adapter that is only there to be compared with, and in no name that a user may give."""
STAGES = ("preparing", "training", "routing", "choosing", "evaluating", "complete")
"""What ``status`` in run.json can be, in order: the stage that is under way, or ``complete``."""
KEYS = ("status", "fingerprint", "base_digest", "choices", "adapters", "served_by")
"""What run.json must hold for anyone to go on from it."""


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe, every default spelled out."""
        return self.path / "recipe.yaml"

    @property
    def record_file(self) -> Path:
        """run.json."""
        return self.path / "run.json"

    @property
    def router(self) -> Path:
        """The router's folder."""
        return self.path / "router"

    @property
    def evaluation(self) -> Path:
        """evaluation.json."""
        return self.path / "evaluation.json"

    @property
    def harness(self) -> Path:
        """harness.json: tasks of the lm-evaluation-harness."""
        return self.path / "harness.json"

    def learning_curve(self, task: str) -> Path:
        """Where the learning curve of a task is: curve.json, and the logs of its training."""
        return self.path / "learning_curve" / task

    @property
    def baselines(self) -> Path:
        """Adapters that are only there to be compared with."""
        return self.path / "baselines"

    def any_adapter(self, name: str) -> Path:
        """The PEFT folder of an adapter, which may be one that is only there to be compared with."""
        return self.baselines / name if CONTROL in name else self.adapter(name)

    def full(self, name: str) -> Path:
        """A fully fine-tuned baseline: ``model/``, and the logs of its training."""
        return self.baselines / name

    def full_model(self, name: str) -> Path:
        """Its model, a Transformers folder."""
        return self.full(name) / "model"

    @property
    def predictions(self) -> Path:
        """Answers by split, task and adapter."""
        return self.path / "predictions"

    @property
    def checkpoints(self) -> Path:
        """What a killed run continues from."""
        return self.path / "checkpoints"

    def replicate(self, number: int) -> RunFolder:
        """The part of the run that was trained again with another seed; number 0 is the run itself."""
        return RunFolder(self.path / "seeds" / str(number)) if number else self

    def adapter(self, name: str) -> Path:
        """The PEFT folder of one adapter."""
        return self.path / "adapters" / name

    def exists(self) -> bool:
        """Whether a run was begun here."""
        return self.record_file.is_file()

    def check_free(self) -> None:
        """Raise `UserError` where something lies in the place of a new run, or nothing can be written there."""
        begun = "continue the run in it with --resume, or " * self.exists()
        check_empty(self.path, "output_dir", f"{begun}name another with --set output_dir=...")
        check_writable(self.path / "run.json", "output_dir", "name another with --set output_dir=...")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Inside, no other process may train in the folder. Raises `UserError` where one does."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(
                "another process trains in this folder",
                given=self.path,
                expected="one at a time",
                do="wait for it or stop it, or name another output_dir",
            ) from None
        try:
            yield
        finally:
            (self.path / ".lock").unlink(missing_ok=True)
            lock.release()
            with suppress(OSError):
                self.path.rmdir()  # where nothing was begun

    def record(self) -> dict[str, Any]:
        """run.json. Raises `UserError` where there is none, or of another version."""
        recover(self.router)
        if not self.exists():
            raise UserError(
                "not a run folder",
                given=f"{self.path} has no run.json",
                expected="a folder that mixologist train made",
                do="check the path, or train first",
            )
        record = read_json(self.record_file)
        if not isinstance(record, dict) or record.get("version") != VERSION:
            found = record.get("version") if isinstance(record, dict) else type(record).__name__
            raise UserError(
                "the run folder is of another version of mixologist",
                given=f"{self.record_file}: {found}",
                expected=f"version {VERSION}",
                do="train the recipe again, or use the mixologist that made it",
            )
        missing = [key for key in KEYS if key not in record]
        if missing:
            raise UserError(
                f"{self.record_file} is damaged",
                given=f"no {', '.join(missing)}",
                expected=f"the keys {', '.join(KEYS)}",
                do="restore the file from a copy, or train the run again",
            )
        return record

    def complete_record(self) -> dict[str, Any]:
        """run.json of a finished run."""
        record = self.record()
        if record["status"] != "complete":
            raise UserError(
                "the run is not finished",
                given=f"{self.path} is at stage '{record['status']}'",
                expected="a complete run",
                do=f"mixologist train {self.path} --resume",
            )
        return record

    def write_record(self, record: dict[str, Any]) -> None:
        """Replace run.json whole."""
        write_json(self.record_file, record)
