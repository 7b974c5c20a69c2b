"""Does `plan` foresee the memory of a training? Its figure against the measured peak, on many configurations.

    python -m benchmarks.memory [--quick] [--page docs/results/memory.md]

Each configuration is a recipe on rows made here, planned and trained for a few steps in a process of its own; the peak
is the process's resident memory (on CUDA: what the allocator held, and the process's libraries are left out of the
plan). Bases with random weights stand for the larger shapes. Prints one JSON object; a run of all takes half an hour
of two cores that have nothing else to do, and twice that where the host has.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.shapes import save_shape
from mixologist.report.tables import markdown

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "as the recipes have it": {},
    "one task": {"tasks": 1},
    "ten tasks, rank 64": {"tasks": 10, "adapters": {"r": 64}},
    "1,024 tokens at once": {"training": {"max_tokens_per_batch": 1024}},
    "8,192 tokens at once": {"training": {"max_tokens_per_batch": 8192}},
    "8,192 tokens at once, dropout": {
        "adapters": {"lora_dropout": 0.1}, "training": {"max_tokens_per_batch": 8192},
    },
    "texts of 600 to 900 words": {"words": (600, 900)},
    "float32": {"training": {"dtype": "float32"}},
    "gradient checkpointing": {"training": {"gradient_checkpointing": True, "max_tokens_per_batch": 8192}},
    "trunk of 4": {"adapters": {"trunk": 4}},
    "fully fine-tuned baseline": {"evaluation": {"baselines": ["base", "single_task", "full_multi_task"]}},
    "15m shape": {"shape": "15m"},
    "135m shape": {"shape": "135m", "tasks": 2, "training": {"max_tokens_per_batch": 1024}},
    "135m shape, gradient checkpointing": {
        "shape": "135m", "tasks": 2, "training": {"gradient_checkpointing": True, "max_tokens_per_batch": 2048},
    },
}  # fmt: skip
QUICK = ("one task",)
STEPS = 12
CHILD = """
import json, resource, sys, torch
from mixologist import api
planned = api.plan(sys.argv[1])["memory_bytes"]
api.train(sys.argv[1])
on_cuda = torch.cuda.is_available()
peak = torch.cuda.max_memory_allocated() if on_cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
if on_cuda:
    from mixologist.model.footprint import LIBRARIES
    planned -= LIBRARIES
print(json.dumps({"planned_mb": round(planned / 1e6), "peak_mb": round(peak / 1e6)}))
"""
PAGE = """# Memory: planned and measured

`{command}` wrote this page ({machine}, {threads} threads, torch {torch}). *peak*: the whole process, libraries
included, while it plans, trains {steps} steps, fits the router and evaluates; *off*: planned over peak, less one.

{table}

{within} of {total} within 20%.
"""
WORDS = (
    "account",
    "balance",
    "card",
    "loan",
    "payment",
    "rate",
    "branch",
    "letter",
    "fee",
    "transfer",
    "limit",
)


def write_rows(folder: Path, words: tuple[int, int] = (30, 300)) -> str:
    """400 rows of so many words, a label of three."""
    draw = random.Random(folder.name)
    folder.mkdir()
    with (folder / "train.jsonl").open("w", encoding="utf-8") as lines:
        for number in range(400):
            text = " ".join(draw.choices(WORDS, k=draw.randint(*words)))
            row = {"text": f"{text} {number}", "label": draw.choice(["fee", "loan", "card"])}
            lines.write(json.dumps(row) + "\n")
    return str(folder)


def recipe(wanted: dict[str, Any], place: Path) -> Path:
    """The recipe of one configuration, with all that it needs, in ``place``."""
    shape = wanted.get("shape", "builtin")
    content = {
        "base_model": "builtin" if shape == "builtin" else str(save_shape(shape, place / "base")),
        "output_dir": str(place / "run"),
        "tasks": [
            {
                "name": f"t{n}",
                "path": write_rows(place / f"t{n}", wanted.get("words", (30, 300))),
                "test_rows": 20,
                "validation_rows": 20,
            }
            for n in range(wanted.get("tasks", 5))
        ],
        "adapters": wanted.get("adapters", {}),
        "training": {"max_steps": STEPS, "batch_size": 32} | wanted.get("training", {}),
        "evaluation": {"validation_loss_rows": 20} | wanted.get("evaluation", {}),
        "router": {"rows_per_task": 20},
    }
    file = place / "recipe.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def measured(wanted: dict[str, Any]) -> dict[str, Any]:
    """Planned and measured megabytes of one configuration."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(recipe(wanted, Path(folder)))],
            env=os.environ | {"MIXOLOGIST_CACHE": f"{folder}/cache"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found | {"off": round(found["planned_mb"] / found["peak_mb"] - 1, 3)}


def page(result: dict[str, Any], command: str) -> str:
    """The result as Markdown."""
    rows = [["configuration", "planned MB", "peak MB", "off"]]
    for name, one in result["configurations"].items():
        rows.append([name, f"{one['planned_mb']:,}", f"{one['peak_mb']:,}", f"{one['off']:+.0%}"])
    return PAGE.format(
        command=command, machine=result["machine"], threads=result["threads"], steps=STEPS,
        torch=result["versions"]["torch"], table=markdown(rows), within=result["within"], total=len(rows) - 1,
    )  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one configuration")
    parser.add_argument("--page", type=Path)
    parser.add_argument("--only", nargs="+", choices=CONFIGURATIONS, help="some configurations")
    given = parser.parse_args()
    names = given.only or (QUICK if given.quick else tuple(CONFIGURATIONS))
    found = {}
    for name in names:
        found[name] = measured(CONFIGURATIONS[name])
        print(name, found[name], file=sys.stderr, flush=True)
    result = {
        "what": "planned over measured peak memory of a training", "configurations": found,
        "within": sum(abs(one["off"]) <= 0.2 for one in found.values()),
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        "machine": platform.processor() or platform.machine(),
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }  # fmt: skip
    if given.page:
        given.page.write_text(page(result, "python -m benchmarks.memory"), encoding="utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
