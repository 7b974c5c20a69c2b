"""A million rows against ten thousand: peak memory, and time until the first step. Prints one JSON object.

    python benchmarks/data_scale.py [--rows 1000000] [--quick]

Both runs train the same few steps on rows made here; each is a process of its own, so that its peak is its own. The
first run on a file also builds the memory-mapped table beside datasets' cache; the second finds it there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

WORDS = (
    "account", "balance", "card", "loan", "payment", "rate", "branch", "letter", "fee", "transfer", "limit",
    "statement", "refund", "order", "delay",
)  # fmt: skip
CHILD = """
import json, resource, sys, time
from mixologist import api
from mixologist.hooks import Hooks
began, marks = time.monotonic(), {}
def stage(name, total):
    marks[name] = round(time.monotonic() - began, 1)
    return lambda count: None
def progress(step, steps, news):
    marks.setdefault("first step", round(time.monotonic() - began, 1))
api.train(sys.argv[1], hooks=Hooks(stage=stage, progress=progress))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
print(json.dumps({"peak_mb": round(peak), "seconds_until": marks}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="100,000 rows")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = 100_000 if given.quick else given.rows
        found = {str(n): measure(Path(folder), n) for n in (10_000, rows)}
    extra = found[str(rows)]["first"]["peak_mb"] - found["10000"]["first"]["peak_mb"]
    print(json.dumps({"rows": rows, "runs": found, "extra_mb": extra}))


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """The first and the second run on ``rows`` rows."""
    data = folder / str(rows)
    data.mkdir()
    write(data / "train.jsonl", rows)
    recipe = {
        "base_model": "builtin",
        "tasks": [{"name": "desk", "path": str(data), "test_rows": 100, "validation_rows": 100}],
        "training": {"max_steps": 20, "batch_size": 8},
        "evaluation": {"validation_loss_rows": 50},
        "router": {"rows_per_task": 50},
    }
    environment = {**os.environ, "HF_DATASETS_CACHE": str(folder / "cache")}
    found = {}
    for name in ("first", "second"):
        place = folder / f"{rows}-{name}.yaml"
        place.write_text(json.dumps({**recipe, "output_dir": str(folder / f"run-{rows}-{name}")}))
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(place)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found[name] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def write(file: Path, rows: int) -> None:
    """Rows of 20 words and one of four labels, each text once."""
    draw = random.Random(0)
    with file.open("w") as lines:
        for number in range(rows):
            text = f"{' '.join(draw.choices(WORDS, k=20))} {number}"
            lines.write(
                json.dumps({"text": text, "label": draw.choice(["card", "loan", "fee", "order"])}) + "\n"
            )


if __name__ == "__main__":
    main()
