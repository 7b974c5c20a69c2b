"""Evaluation against the harness's own Hugging Face backend: the same items, the same adapter, interleaved.

    python -m benchmarks.evaluate [--quick] [--rows 96] [--tasks labels answers]

Two tasks of lm-evaluation-harness on rows made here: one of 20 labels, scored, and one of short answers, written. Both
sides get their requests from the harness and are timed while they answer them; the peer loads the same base and PEFT
adapter, at each of a few batch sizes. The harness's metric of both sides is printed. Needs the extra ``harness``.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lm_eval
import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

import mixologist
from mixologist.harness import HarnessModel
from mixologist.model.builtin import builtin

WORDS = ("account", "balance", "card", "loan", "payment", "rate", "branch", "letter", "fee", "transfer", "limit",
         "statement", "refund", "order", "delay", "please", "could", "when", "my", "the", "for", "on")  # fmt: skip
LABELS = [f"{first} {second}" for first in ("card", "loan", "account", "transfer", "branch")
          for second in ("fee", "limit", "refund", "delay")]  # fmt: skip
TASKS = {
    "labels": "output_type: multiple_choice\ndoc_to_choice: {choices}\ndoc_to_target: gold\n"
    "metric_list: [{{metric: acc}}]\n",
    "answers": "output_type: generate_until\ndoc_to_target: answer\n"
    'generation_kwargs: {{until: ["\\n"], max_gen_toks: 16}}\nmetric_list: [{{metric: exact_match}}]\n',
}
METRICS = {"labels": "acc,none", "answers": "exact_match,none"}


def write(folder: Path, rows: int) -> None:
    """Rows whose first two words are their label: to train on, and as tasks of the harness."""
    draw = random.Random(0)
    made = []
    for number in range(rows + 400):
        label = draw.choice(LABELS)
        text = f"{label}: {' '.join(draw.choices(WORDS, k=draw.randint(15, 60)))} {number}"
        made.append({"text": text, "label": label, "gold": LABELS.index(label), "answer": label})
    (folder / "data").mkdir()
    for name, part in (("data/train", made[rows:]), ("items", made[:rows])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    question = "Classify the text. Answer with one of: " + ", ".join(sorted(LABELS)) + ".\\n\\n{{text}}"
    ends = json.dumps([f"{label}<|end|>" for label in LABELS])
    for name, kind in TASKS.items():
        (folder / f"{name}.yaml").write_text(
            f"task: {name}\ndataset_path: json\n"
            f"dataset_kwargs: {{data_files: {{test: {folder / 'items.jsonl'}}}}}\ntest_split: test\n"
            f'doc_to_text: "{question}"\ntarget_delimiter: ""\n{kind.format(choices=ends)}'
        )


def train(folder: Path) -> Path:
    """A run with one adapter, trained for a few steps."""
    mixologist.train(
        {
            "base_model": "builtin", "output_dir": str(folder / "run"),
            "tasks": [{"name": "desk", "path": str(folder / "data"), "test_rows": 40, "validation_rows": 40}],
            "training": {"max_steps": 60, "learning_rate": 2e-3}, "router": {"rows_per_task": 50},
        }
    )  # fmt: skip
    return folder / "run"


class Timed:
    """A model of the harness whose answering is timed."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.seconds = 0.0
        for name in ("loglikelihood", "generate_until"):
            setattr(model, name, self._timed(getattr(model, name)))

    def _timed(self, answer: Any) -> Any:
        def run(requests: list[Any], *args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            found = answer(requests, *args, **options)
            self.seconds = time.perf_counter() - start
            return found

        return run

    def measured(self, folder: Path, task: str) -> tuple[float, float]:
        """(seconds of answering, the harness's metric)."""
        found = lm_eval.simple_evaluate(
            self.model, tasks=[task], task_manager=TaskManager(include_path=str(folder)),
            apply_chat_template=True, bootstrap_iters=0, verbosity="ERROR",
        )  # fmt: skip
        return self.seconds, found["results"][task][METRICS[task]]


def compare(folder: Path, run: Path, task: str, batches: list[int], rounds: int) -> dict[str, Any]:
    """One task: ours and the peer at every batch size, in turn."""
    ours = HarnessModel(run=str(run), adapter="desk")
    dtype = ours.model.record["choices"]["dtype"]
    sides = {"ours": Timed(ours)} | {
        f"peer, batch {size}": Timed(
            HFLM(
                pretrained=str(builtin()), peft=str(run / "adapters" / "desk"), dtype=dtype, device="cpu",
                batch_size=size,
            )
        )
        for size in batches
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    metric: dict[str, float] = {}
    for number in range(rounds + 1):  # the first one warms up
        for name, side in sides.items():
            took, metric[name] = side.measured(folder, task)
            if number:
                seconds[name].append(took)
    ratios = {
        name: _spread([peer / own for peer, own in zip(times, seconds["ours"], strict=True)])
        for name, times in seconds.items()
        if name != "ours"
    }
    return {"times faster": ratios, "metric": metric, "dtype": dtype}


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--quick", action="store_true", help="24 rows, one batch size, one round")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    given = parser.parse_args()
    rows, batches, rounds = (24, [16], 1) if given.quick else (given.rows, [1, 16, 64], 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        run = train(folder)
        found = {task: compare(folder, run, task, batches, rounds) for task in given.tasks}
    print(
        json.dumps(
            {
                "what": "seconds of the harness's Hugging Face backend over ours, same items and adapter",
                "tasks": found, "rows": rows, "labels": len(LABELS), "rounds": rounds,
                "threads": torch.get_num_threads(), "machine": platform.processor() or platform.machine(),
                "versions": {each: version(each) for each in ("torch", "transformers", "peft", "lm_eval")},
            },
            indent=2,
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
