"""What the run was trained on, under which licences, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixologist.report.blocks import Block, Bullets, Fold, Mark, Section, Table, Text, Words
from mixologist.report.numbers import counted, duration, size
from mixologist.report.reading import Run
from mixologist.report.words import mind


def data(run: Run) -> Section:
    """Rows, what the audit found, licences."""
    tasks, audits = run.record.get("tasks", {}), run.record.get("audit", {})
    if not tasks:
        return Section("data", "Data and licences", [Words("The record says nothing about the data.")])
    counts = ["train", "validation", "test", "tokens", "shortened", "duplicates", "leaked", "near", "removed"]
    header = ["task", "licence", *counts]
    rows = [_row(name, task, audits.get(name, {})) for name, task in tasks.items()]
    table = Table("Rows, what the audit found, and licences", header, rows, words=("licence",))
    blocks: list[Block] = [
        *(Words(Mark(sentence, "warn")) for sentence in mind(run.record)),
        table,
        Words(HOW),
    ]
    if warnings := run.record.get("warnings"):
        blocks.append(Fold(f"{counted(len(warnings), 'warning')} before training", [Bullets(warnings)]))
    return Section("data", "Data and licences", blocks)


HOW = (
    "Train rows, by what they ask. Shortened: prompts cut to fit. Duplicates: asked before in the task; they stay. "
    "Leaked: asked in the task's own validation or test; they stay, because that was allowed. Near: the same but for "
    "case or spaces; removed. Removed: asked in the validation or test of another task."
)


def cost(run: Run) -> Section:
    """Time, tokens, memory, bytes."""
    record = run.record
    rows: list[list[Text]] = [
        ["time", duration(record.get("seconds", 0))],
        [
            "tokens computed in training",
            f"{record.get('tokens', 0):,}" if record.get("tokens") else "not yet known",
        ],
        ["most memory", size(record.get("peak_memory_bytes", 0))],
        ["machine", _machine(record["choices"])],
    ]
    if run.bytes:
        rows.append([f"all {len(run.bytes)} adapters on disk", size(sum(run.bytes.values()))])
    blocks: list[Block] = [Table("What the run cost", ["", "cost"], rows, words=("cost",))]
    return Section("cost", "Cost", [*blocks, *([Words(saved)] if (saved := saving(run)) else [])])


def saving(run: Run) -> str:
    """Adapters against one whole model for each task; nothing where the base's size is not recorded."""
    base, tasks = run.record.get("base_bytes"), len(run.tasks)
    if not base or not run.bytes:
        return ""
    ours = base + sum(run.bytes.values())
    return (
        f"One base with its adapters takes {size(ours)} for {counted(tasks, 'task')}; a model of "
        f"its own for each would take {size(base * tasks)}, {base * tasks / ours:.1f} times as much."
    )


def _row(name: str, task: Mapping[str, Any], audit: Mapping[str, Any]) -> list[Text]:
    counts = [
        f"{task[key]:,}" for key in ("train_rows", "validation_rows", "test_rows", "tokens", "shortened")
    ]
    found = [f"{audit[key]:,}" if key in audit else "" for key in ("duplicates", "leaked", "near")]
    found.append(f"{sum(audit['removed'].values()):,}" if "removed" in audit else "")
    licence = task["licence"] or "not stated"
    marked = Mark(f"{licence}, non-commercial", "warn") if task["noncommercial"] else licence
    return [name, marked, *counts, *found]


def _machine(choices: Mapping[str, Any]) -> str:
    return f"{choices.get('device', '?')}, {choices.get('threads', '?')} threads, {choices.get('dtype', '?')}"
