"""Run folders made of records alone: as many tasks as a test wants, in any state. No model, no data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mixologist import seeds
from mixologist.files import write_json, write_json_lines, write_text

STEPS, VALIDATIONS = 400, 6
TEXT = "<script>alert(1)</script> & \"quoted\" $x_1$ & 'more' " + "w" * 90


def names(count: int) -> list[str]:
    """Task names, some of them long."""
    return [f"task_{n:02}" if n % 3 else f"a_rather_long_task_name_number_{n:02}" for n in range(count)]


def made_run(folder: Path, tasks: list[str], *, seed: int = 0, status: str = "complete") -> Path:
    """A run of these tasks under plan auto; only a ``complete`` one has an evaluation and adapters."""
    random = seeds.generator(seed, "made")
    adapters = {task: [task] for task in tasks} | ({"shared": tasks} if len(tasks) > 1 else {})
    write_json(folder / "run.json", _record(tasks, adapters, status))
    write_text(folder / "recipe.yaml", f"seed: {seed}\ntraining: {{learning_rate: {0.001 * (seed + 1)}}}\n")
    write_json_lines(folder / "metrics.jsonl", _metrics(tasks, adapters, random))
    if status == "complete":
        for name in adapters:
            write_text(folder / "adapters" / name / "adapter_model.safetensors", "x" * 20_000)
        write_json(folder / "evaluation.json", _evaluation(tasks, random))
        write_json(folder / "harness.json", _harness(adapters))
        write_json(folder / "learning_curve" / tasks[-1] / "curve.json", _curve(tasks[-1]))
    return folder


def _harness(adapters: dict[str, list[str]]) -> dict[str, Any]:
    change = {"value": 0.031, "low": -0.012, "high": 0.07}
    systems = {"base": {"value": 0.25, "n": 570}, "routed": {"value": 0.281, "n": 570, "minus_base": change}}
    rows = [
        {"task": task, "metric": "acc_norm", "higher_is_better": True, "systems": systems}
        for task in ("arc_easy", "a_rather_long_name_of_a_task_of_the_harness")
    ]
    return {"lm_eval": "0.4", "adapters": dict.fromkeys(adapters, ""), "rows": rows}


def _curve(task: str) -> dict[str, Any]:
    sizes = [1_250, 2_500, 5_000, 10_000, 20_000]
    parts = [{"rows": size} | _interval(0.4 + 0.08 * n) for n, size in enumerate(sizes)]
    curve = [{"rows": size} | _interval(0.41 + 0.075 * n) for n, size in enumerate([*sizes, 40_000, 80_000])]
    doubling = {"value": 0.07, "low": 0.01, "high": 0.12}
    return {
        "task": task, "metric": "macro_f1", "n": 400, "seeds": 3, "confidence": 0.95, "parts": parts, "curve": curve,
        "last_doubling": {"from": 10_000, "to": 20_000} | doubling,
        "next_doubling": {"from": 20_000, "to": 40_000} | doubling,
    }  # fmt: skip


def changed(folder: Path, **keys: Any) -> Path:
    """The same run with other keys in run.json."""
    path = folder / "run.json"
    write_json(path, json.loads(path.read_text()) | keys)
    return folder


def event(event: str, stage: str, why: str = "") -> dict[str, str]:
    """A line of a run's history."""
    return {"event": event, "stage": stage, "at": "2026-01-02T03:04:05+00:00", "why": why}


def _record(tasks: list[str], adapters: dict[str, list[str]], status: str) -> dict[str, Any]:
    done = {"best_step": STEPS - 100, "stopped_early": False} if status == "complete" else {}
    return {
        "version": 1, "status": status, "fingerprint": "f" * 64, "base_model": "builtin", "base_digest": "d" * 64,
        "base_bytes": 21_000_000, "versions": {"mixologist": "0.1.0", "torch": "2.13.0"},
        "choices": {"dtype": "bfloat16", "device": "cpu", "threads": 2, "trunk": 0, "router_depth": 2},
        "adapters": {name: {"tasks": fed} | done for name, fed in adapters.items()},
        "served_by": {task: "shared" if n % 2 and len(tasks) > 1 else task for n, task in enumerate(tasks)},
        "tasks": {task: _facts(n) for n, task in enumerate(tasks)},
        "audit": {task: _audit(n) for n, task in enumerate(tasks)},
        "warnings": ["training.batch_size is 8"], "history": [event("began", "preparing")],
        "seconds": 1234.5, "tokens": 1_000_000, "peak_memory_bytes": 2_500_000_000,
    }  # fmt: skip


def _audit(number: int) -> dict[str, Any]:
    return {"duplicates": 3, "leaked": 0 if number else 4, "near": 1, "removed": {"other": 2}}


def _facts(number: int) -> dict[str, Any]:
    counts = {"train_rows": 1200, "validation_rows": 100, "test_rows": 200, "tokens": 99_999, "shortened": 7}
    return counts | {"licence": "CC BY-NC 4.0" if number == 0 else "MIT", "noncommercial": number == 0}


def _metrics(tasks: list[str], adapters: dict[str, list[str]], random: np.random.Generator) -> list[Any]:
    rows: list[Any] = [_loss(0, "base", task, 3.0 + n % 3) for n, task in enumerate(tasks)]
    for part in range(1, VALIDATIONS + 1):
        step = part * STEPS // VALIDATIONS
        shares = random.dirichlet(np.full(len(tasks), 5.0 + part))
        schedule = dict(zip(tasks, shares.tolist(), strict=True))
        rows.append({"step": step, "epoch": part / 2, "split": "train", "schedule": schedule})
        if "shared" in adapters:
            rows.append(
                {"step": step, "epoch": part / 2, "split": "train", "adapter": "shared"}
                | _looked(tasks, random)
            )
        for adapter, fed in adapters.items():
            rows += [_loss(step, adapter, task, 0.2 + random.random() / part) for task in fed]
    return rows


def _looked(tasks: list[str], random: np.random.Generator) -> dict[str, Any]:
    """Cosines of the pairs of some tasks: not all are in an update."""
    present = [task for task in tasks if random.random() < 0.8]
    cosines = {a: {b: random.uniform(-0.3, 0.4) for b in present[n:]} for n, a in enumerate(present)}
    return {"agreement": cosines}


def _loss(step: int, adapter: str, task: str, loss: float) -> dict[str, Any]:
    split = {"split": "validation", "adapter": adapter, "task": task, "loss": loss}
    return {"step": step, "epoch": 3 * step / STEPS} | split


def _evaluation(tasks: list[str], random: np.random.Generator) -> dict[str, Any]:
    rows = {task: _row(n, task, len(tasks) > 1, random) for n, task in enumerate(tasks)}
    known = {"split": "test", "scope": "these_weights", "seeds": 1, "least_n": 30, "tasks": rows}
    cocktail = {
        "shared": _interval(0.021, 0.01) | {"relative": 0.03, "tasks": len(tasks), "worst": tasks[-1]}
    }
    return known | {
        "router": _router(tasks), "cocktail": cocktail if len(tasks) > 1 else {}, "forgetting": _forgetting(tasks),
        "sizes": {
            "single_task": {"models": len(tasks), "parameters": 630_784 * len(tasks), "bytes": 2_537_576 * len(tasks)},
            "shared": {"models": 1, "parameters": 630_784, "bytes": 2_537_576},
        },
    }  # fmt: skip


def _forgetting(tasks: list[str]) -> dict[str, Any]:
    adapters = {task: {"value": 2.0, "n": 59, "minus_base": _interval(0.2, 0.1)} for task in tasks}
    return dict.fromkeys(("plain_text", "multiple_choice"), {"base": {"value": 1.8, "n": 59}} | adapters)


def _row(number: int, task: str, sharing: bool, random: np.random.Generator) -> dict[str, Any]:
    own = 0.4 + 0.4 * random.random()
    shift = (0.15, -0.12, 0.01, 0.3)[number % 4] if sharing else 0.0
    values = {"base": 0.1, "single_task": own, "oracle": own, "routed": own} | (
        {"shared": min(1.0, own + shift)} if sharing else {}
    )
    systems = {name: _interval(value) | {"seeds": 1, "format_failures": number % 2, "verdict": None}
               for name, value in values.items()}  # fmt: skip
    paired = {
        "oracle - base": _interval(own - 0.1) | {"p_value": 0.01, "p_holm": 0.02},
        "routed - oracle": _interval(0.0, 0.01),
    }
    if sharing:
        verdicts = ("helped", "hurt", "not_distinguishable", "not_enough_data")
        systems["shared"]["verdict"] = verdicts[number % 4]
        paired["shared - single_task"] = _interval(shift) | {
            "p_value": 0.01,
            "p_holm": 0.04,
            "n": 200,
            "clusters": 200,
        }
    example = {"kind": "gained", "id": "test/1", "text": TEXT, "expected": "<b>yes</b>",
               "answers": {"base": "", "single_task": "no", "shared": "yes"}}  # fmt: skip
    served = "shared" if number % 2 and sharing else task
    found = {"metric": "macro_f1", "n": 200, "served_by": served, "systems": systems, "paired": paired}
    parts = {
        "n": 20,
        "enough": False,
        "metric": "macro_f1",
        "systems": {"base": _interval(0.1), "oracle": _interval(own)},
    }
    if number == 0:
        found |= {
            "slices": [parts | {"by": "length", "slice": "below 50"}],
            "challenges": [parts | {"challenge": "typos"}],
        }
    return found | {"examples": [example, example | {"kind": "lost", "id": "test/2"}]}


def _interval(value: float, half: float = 0.06) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half}


def _router(tasks: list[str]) -> dict[str, Any]:
    def kind(accuracy: float) -> dict[str, Any]:
        return {"accuracy": accuracy, "tasks": {task: {"accuracy": accuracy, "n": 200} for task in tasks}}

    kinds = {"formatted": kind(0.99), "reworded": kind(0.95), "raw": kind(0.8)}
    confusion = {
        task: {"shared" if n % 2 and len(tasks) > 1 else task: 190, "base": 10}
        for n, task in enumerate(tasks)
    }
    risk = [{"coverage": c / 20, "risk": 0.2 * (c / 20) ** 2} for c in range(1, 21)]
    ahead = {"accuracy": 0.9, "n": 200 * len(tasks), "ours_minus": {"value": 0.05, "low": 0.02, "high": 0.08}}
    tfidf = {"kinds": dict.fromkeys(kinds, ahead), "general": {"to_base": 0.8, "n": 200}}
    return {
        "rivals": {"tfidf": tfidf},
        "accuracy": 0.99, "n": 200 * len(tasks), "regret": 0.002, "kinds": kinds, "confusion": confusion,
        "general": {"general": {"to_base": 0.98, "n": 200}}, "risk_coverage": {"formatted": risk, "raw": risk},
        "out_of_scope": {tasks[0]: {"auroc": 0.97, "low": 0.95, "high": 0.99, "to_base": 0.9, "n": 80,
                                      "seen_in_training": True, "enough": True}},
    }  # fmt: skip
