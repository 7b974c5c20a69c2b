"""How deep must the router read, and what do rows out of scope teach it? Routers anew on a finished run's adapters.

    python -m benchmarks.routing runs/service [--depths 1 2 3] [--page docs/results/routing-service.md]

One router for each depth (blocks read before it decides) and, where the run's data marks rows out of scope, with and
without those of train and validation. Adapters, prompts and served adapters are the run's own; test prompts are routed
in all wordings. Prints one JSON object. Minutes of one core a depth: all prompts are read once more.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from mixologist.adding import run_recipe
from mixologist.drawing import router_features
from mixologist.evaluating import load_adapters
from mixologist.evaluation.routing import RouterReport
from mixologist.model.base import load_base
from mixologist.planning import Plan, resolve
from mixologist.report.tables import markdown
from mixologist.runfolder import RunFolder
from mixologist.training.routing import fit_router

PAGE = """# How deep the router reads, and rows out of scope

`{command}` wrote this page. Share of test prompts (n = {n:,}) that reach the adapter serving their task, in percent, by
the blocks that the router reads; mean over tasks. *general to base*: share of general, math prompts left to the base.
AUROC: how well the base score tells texts out of scope (n = {outside}) from the task's own test prompts, with its 95%
interval; *seen*: others of the kind were among the router's training prompts.

{table}
"""


def main() -> None:
    """Fit, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--depths", type=int, nargs="+", help="blocks; the run's own when left out")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    folder = RunFolder(given.run)
    record, recipe = folder.complete_record(), run_recipe(folder)
    plan = resolve(recipe, allow_leakage=True)
    base = load_base(recipe.base_model, dtype=record["choices"]["dtype"], device=record["choices"]["device"])
    bank = load_adapters(base, folder, record, recipe)
    marked = any(task.out_of_scope for task in plan.tasks.tasks.values())
    found = [
        {"depth": depth, "seen": seen} | routed(plan, depth, seen, base, bank, record["served_by"])
        for depth in given.depths or [plan.depth]
        for seen in ((True, False) if marked else (False,))
    ]
    if given.page:
        given.page.write_text(page(found, f"python -m benchmarks.routing {given.run}"), encoding="utf-8")
    print(json.dumps(found))


def routed(
    plan: Plan, depth: int, seen: bool, base: Any, bank: Any, served_by: dict[str, str]
) -> dict[str, Any]:
    """The router report of a router that reads ``depth`` blocks, with out-of-scope rows ``seen`` or not."""
    options = plan.recipe.router.model_copy(update={"out_of_scope": seen})
    recipe = plan.recipe.model_copy(update={"router": options})
    plan = replace(plan, recipe=recipe, depth=depth)
    features = router_features(plan, base, bank, lambda count: None)
    router = fit_router(
        features,
        tuple(plan.tasks.tasks),
        served_by,
        options,
        depth=depth,
        base_digest=base.digest,
        seed=recipe.seed,
    )
    report = RouterReport(base, bank, router, plan.encoder, recipe)
    return report.report(plan.tasks.tasks, plan.general, "test")


def page(found: list[dict[str, Any]], command: str) -> str:
    """A Markdown page of all routers."""
    kinds = list(found[0]["kinds"])
    rows = [
        [
            "blocks read",
            "seen",
            *kinds,
            "general to base",
            "AUROC, as trained",
            "AUROC, raw",
            "out of scope to base",
        ]
    ]
    for one in found:
        accuracies = [f"{100 * one['kinds'][kind]['accuracy']:.1f}" for kind in kinds]
        general = " / ".join(f"{100 * part['to_base']:.0f}" for part in one["general"].values())
        outside = list(one["out_of_scope"].values())
        told = [f"{o['auroc']:.3f} [{o['low']:.3f}, {o['high']:.3f}]" for o in outside]
        raw = [f"{o['kinds']['raw']['auroc']:.3f}" for o in outside]
        base = [f"{100 * o['to_base']:.0f}" for o in outside]
        rows.append([str(one["depth"]), "yes" if one["seen"] else "no", *accuracies, general,
                     *("; ".join(part) for part in (told, raw, base))])  # fmt: skip
    outside = sum(o["n"] for o in found[0]["out_of_scope"].values())
    return PAGE.format(command=command, n=found[0]["n"], outside=outside, table=markdown(rows))


if __name__ == "__main__":
    main()
