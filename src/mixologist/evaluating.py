"""A finished training's adapters, answering and measured: what `train`, `evaluate` and `add` all end with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mixologist.evaluation.answers import BASE, Answerer
from mixologist.evaluation.baselines.full import FullModel, FullModels
from mixologist.evaluation.baselines.merging import MERGES, merged
from mixologist.evaluation.choice import choice
from mixologist.evaluation.examples import instructive
from mixologist.evaluation.forgetting import forgetting
from mixologist.evaluation.measuring import evaluation, regret
from mixologist.evaluation.predictions import Predictions
from mixologist.evaluation.routing import RouterReport
from mixologist.evaluation.run import Evaluator
from mixologist.evaluation.sizes import sizes
from mixologist.evaluation.transfer import transfer
from mixologist.model.adapters import Bank
from mixologist.model.base import Base, folder_digest
from mixologist.model.checkpoint import adapter_digest, load_bank, read_adapter
from mixologist.model.generate import Generator
from mixologist.model.router import Router
from mixologist.recipe.schema import Recipe
from mixologist.records import Outcome
from mixologist.runfolder import CONTROL, RunFolder
from mixologist.tasks.task import Stage, Task


def load_adapters(
    base: Base,
    folder: RunFolder,
    record: Mapping[str, Any],
    recipe: Recipe,
    added: Mapping[str, Path] = MappingProxyType({}),
) -> Bank:
    """A run's adapters, as anyone would load them, and those that its evaluation compares them with; and ``added``."""
    single = {task: folder.adapter(name) for task, name in single_task(record).items()}
    kinds = [kind for kind in MERGES if kind in recipe.evaluation.baselines]
    merges = merged(base, single, kinds, folder.baselines) if kinds else []
    trained = [read_adapter(folder.any_adapter(name)) for name in (*record["adapters"], *record["controls"])]
    return load_bank(base, [*trained, *merges, *(read_adapter(place) for place in added.values())])


def single_task(record: Mapping[str, Any]) -> dict[str, str]:
    """Task -> the adapter that was trained on it alone, for those that have one."""
    return {facts["tasks"][0]: name for name, facts in record["adapters"].items() if len(facts["tasks"]) == 1}


def make_evaluator(
    recipe: Recipe,
    record: Mapping[str, Any],
    loaded: tuple[Base, Bank],
    encoder: Any,
    folder: RunFolder,
    added: Mapping[str, Path] = MappingProxyType({}),
) -> Evaluator:
    """The evaluator of a run's adapters; those ``added`` can be asked, too, and feed no task here."""
    base, bank = loaded
    # From the files, not from the record: an adapter that was changed by hand is another one.
    names = (*record["adapters"], *record["controls"])
    digests = {name: adapter_digest(folder.any_adapter(name)) for name in names} | {
        BASE: record["base_digest"]
    }
    digests |= {name: adapter_digest(folder.baselines / name) for name in bank.names if name in MERGES}
    digests |= {name: adapter_digest(place) for name, place in added.items()}
    generator = Generator(base, bank, encoder.end_ids, max_tokens=recipe.training.read_at_once)
    full = FullModels(
        {
            name: FullModel(folder.full_model(name), facts["tasks"])
            for name, facts in record.get("full", {}).items()
            if name.rpartition(CONTROL)[2] in recipe.evaluation.baselines
        },
        generator,
    )
    digests |= {name: folder_digest(model.folder) for name, model in full.models.items()}
    answerer = Answerer(generator, encoder, digests, Predictions(folder.predictions), full=full)
    feeds = {name: facts["tasks"] for name, facts in record["adapters"].items()}
    return Evaluator(answerer, feeds, recipe.evaluation, recipe.seed)


def evaluate_run(
    recipe: Recipe,
    record: Mapping[str, Any],
    loaded: tuple[Base, Bank],
    encoder: Any,
    folder: RunFolder,
    router: Router,
    tasks: Mapping[str, Task],
    general: Mapping[str, Task],
    split: str,
    stage: Stage,
) -> dict[str, Any]:
    """Evaluate every system of a run on a split."""
    base, bank = loaded
    report = RouterReport(base, bank, router, encoder, recipe)
    evaluator = make_evaluator(recipe, record, loaded, encoder, folder)
    replicates = record.get("replicates", [])
    work = evaluator.work(tasks, general, split) * (1 + len(replicates))
    evaluator.answerer.advance = stage("evaluating", work)
    served_by = record["served_by"]
    first = evaluator.outcomes(tasks, served_by, report, split)
    answers = {task: {system: [each] for system, each in found.items()} for task, found in first.items()}
    edges = {
        name: evaluator.edge_cases.of(task, split, answers[name], served_by[name], report)
        for name, task in tasks.items()
    }
    candidates = {name: evaluator.chosen_by(task) for name, task in tasks.items() if split == "test"}
    if recipe.evaluation.transfer:
        across = transfer(
            evaluator.answerer, tasks, single_task(record), recipe.evaluation, recipe.seed, split
        )
    if recipe.evaluation.forgetting:
        kept = forgetting(
            evaluator.answerer.generator, encoder, general, recipe.evaluation,
            recipe.training.max_tokens_per_batch, recipe.seed,
        )  # fmt: skip
    if evaluator.answerer.full:
        evaluator.answerer.full.release()
    add_replicates(answers, recipe, record, evaluator, encoder, folder, report, tasks, split)
    result = evaluation(tasks, answers, recipe.evaluation, recipe.seed, split)
    result["sizes"] = sizes(trained_for(evaluator, folder, tasks, served_by))
    for name, row in result["tasks"].items():
        row["served_by"] = served_by[name]
        row["examples"] = instructive(tasks[name], split, first[name])
        row.update(evaluator.shortened[name])
        row.update(edges[name])
        if answered := candidates.get(name):
            row["choice"] = choice(
                tasks[name], answered, served_by[name], first[name]["oracle"], recipe.evaluation, recipe.seed
            )
    if recipe.evaluation.forgetting:
        result["forgetting"] = kept
    if recipe.evaluation.transfer:
        result["transfer"] = across
    if usage := evaluator.rivals.usage():
        result["endpoints"] = usage
    result["router"] = report.report(tasks, general, split, evaluator.answerer.advance)
    result["router"] |= regret(tasks, answers, recipe.evaluation, recipe.seed)
    return result


def trained_for(
    evaluator: Evaluator, folder: RunFolder, tasks: Mapping[str, Task], served_by: Mapping[str, str]
) -> dict[str, list[Path]]:
    """System -> folders of what was trained for it: one for all tasks or one for each. Merges count as trained."""
    full, found = evaluator.answerer.full, dict[str, list[Path]]()
    for task in tasks:
        own = evaluator.systems(task) | {"oracle": served_by[task]}
        own |= evaluator.rivals.trained(tasks[task])
        for system, name in own.items():
            if name != BASE:
                place = full.models[name].folder if full and name in full.models else folder.any_adapter(name)
                place = folder.baselines / name if name in MERGES else place
                found.setdefault(system, []).append(place)
    return found


def add_replicates(
    answers: Mapping[str, dict[str, list[list[Outcome]]]],
    recipe: Recipe,
    record: Mapping[str, Any],
    evaluator: Evaluator,
    encoder: Any,
    folder: RunFolder,
    report: RouterReport,
    tasks: Mapping[str, Task],
    split: str,
) -> None:
    """Let the adapters of a run's other training seeds answer beside the first one's, one set in memory at a time.

    An adapter that was added later was trained once: the router may send a prompt to it in all of them.
    """
    generator, served_by = evaluator.answerer.generator, record["served_by"]
    base, bank = generator.base, generator.bank
    for number, replicate in enumerate(record.get("replicates", []), start=1):
        if bank is not None:
            bank.detach()
        own = dict(record) | {key: replicate.get(key, {}) for key in ("adapters", "controls", "full")}
        added = {name: folder.adapter(name) for name in record["adapters"] if name not in own["adapters"]}
        bank = load_adapters(base, folder.replicate(number), own, recipe, added)
        other = make_evaluator(recipe, own, (base, bank), encoder, folder.replicate(number), added)
        other.feeds = evaluator.feeds  # systems have the same names, whatever was added
        other.answerer.advance = evaluator.answerer.advance
        trained = {name: task for name, task in tasks.items() if served_by[name] in replicate["adapters"]}
        for name, found in other.outcomes(trained, served_by, report, split, alone=False).items():
            for system, outcomes in found.items():
                answers[name][system].append(outcomes)
