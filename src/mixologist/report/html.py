"""From runs to a page: one self-contained HTML file, without scripts and without network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mixologist.files import write_text
from mixologist.report.blocks import Block, Bullets, Mark, Page, Text, Tiles
from mixologist.report.comparison import comparison
from mixologist.report.numbers import counted, duration, percent, size
from mixologist.report.reading import Run, read_run
from mixologist.report.sections.data import cost, data
from mixologist.report.sections.examples import examples
from mixologist.report.sections.harness import harness
from mixologist.report.sections.learning_curve import learning_curve
from mixologist.report.sections.limits import limits
from mixologist.report.sections.repeat import repeat
from mixologist.report.sections.router import router
from mixologist.report.sections.scores import scores, verdicts
from mixologist.report.sections.training import training
from mixologist.report.sections.transfer import transfer
from mixologist.report.words import cocktail, effects, gain, mind, routing, sharing, state

SECTIONS = (
    verdicts, scores, harness, router, limits, training, learning_curve, transfer, examples, data, cost, repeat,
)  # fmt: skip


def write_report(folder: Path, path: Path | None = None) -> Path:
    """Write the report of a run folder, as ``report.html`` in it unless ``path`` says where; the path.

    Raises `UserError` where the folder is no run's.
    """
    path = path or folder / "report.html"
    write_text(path, render(page(read_run(folder))))
    return path


def write_comparison(
    folders: Sequence[Path], path: Path, left_out: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> Path:
    """Write the comparison of several run folders to ``path``; ``left_out`` as `evaluation.leave_one_out` has it.

    Raises `UserError` where one is none.
    """
    write_text(path, render(comparison([read_run(folder) for folder in folders], left_out)))
    return path


def page(run: Run) -> Page:
    """The report of one run."""
    sections = [section for make in SECTIONS if (section := make(run))]
    lead = f"{counted(len(run.tasks), 'task')} on the base {run.record.get('base_model', '?')}"
    return Page(run.name, lead, state(run), _summary(run), sections)


def render(page: Page) -> str:
    """HTML. Everything that comes from a user is escaped; drawings are ours and are not."""
    environment = Environment(
        loader=PackageLoader("mixologist.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    style = (files("mixologist.report") / "style.css").read_text(encoding="utf-8")
    return environment.get_template("template.html").render(page=page, style=style)


def _summary(run: Run) -> list[Block]:
    sentences: list[Text] = []
    if run.evaluation:
        sentences += sharing(run.evaluation)
        told = (cocktail(run.evaluation), gain(run.evaluation), routing(run.evaluation))
        sentences += [sentence for sentence in told if sentence]
    sentences += [Mark(told, "warn") for told in mind(run.record)]
    return [*([Bullets(sentences)] if sentences else []), Tiles(_tiles(run))]


def _tiles(run: Run) -> list[tuple[str, str]]:
    found = [(str(len(run.tasks)), "task" if len(run.tasks) == 1 else "tasks")]
    if run.evaluation:
        counts = Counter(effect.verdict for effect in effects(run.evaluation).values())
        found += [(str(counts[v]), f"{v} by sharing") for v in ("helped", "hurt") if counts]
        if router := run.evaluation.get("router"):
            found.append((percent(router["accuracy"]), "of prompts routed right"))
    found.append((duration(run.record.get("seconds", 0)), "for the whole run"))
    if run.bytes:
        found.append((size(sum(run.bytes.values())), "of adapters"))
    return found
