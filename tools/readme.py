"""Put a run's table into the README, between its marks.

python -m tools.readme runs/finance
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixologist.report.numbers import interval
from mixologist.report.tables import markdown
from mixologist.report.words import KINDS, VERDICTS, cocktail, effects, sharing

README = Path("README.md")
BEGIN, END = "<!-- finance-table begin -->\n", "<!-- finance-table end -->"
COLUMNS = {
    "base": "base",
    "tfidf": "TF-IDF",
    "single_task": "own adapter",
    "shared": "shared adapter",
    "routed": "routed",
}


def main() -> None:
    """Fill in."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--readme", type=Path, default=README)
    given = parser.parse_args()
    found, record = (json.loads((given.run / name).read_text()) for name in ("evaluation.json", "run.json"))
    before, _, rest = given.readme.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    given.readme.write_text(f"{before}{BEGIN}{table(found, record)}{END}{after}", encoding="utf-8")


def table(found: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """What the run did, its table, and what it says."""
    verdicts, router = effects(found), found["router"]
    rows = [["task", "metric", "n", *COLUMNS.values(), "sharing"]]
    for name, task in found["tasks"].items():
        values = [interval(task["systems"][s]) if s in task["systems"] else "" for s in COLUMNS]
        verdict = VERDICTS[verdicts[name].verdict] if name in verdicts else ""
        rows.append([name, task["metric"], str(task["n"]), *values, verdict])
    kinds = [f"{100 * kind['accuracy']:.1f}% {KINDS[name]}" for name, kind in router["kinds"].items()]
    told = " ".join([*(mark.text for mark in sharing(found)), cocktail(found)])
    return (
        f"{len(rows) - 1} finance tasks, trained in one run of {record['seconds'] / 60:.0f} minutes on "
        f"{record['choices']['threads']} CPU threads (`mixologist train recipes/finance.yaml`);\n"
        "test rows, metric x 100 with its 95% interval. "
        f"[All of it, and what it means](docs/results/finance.md).\n\n{markdown(rows)}\n\n{told}\n\n"
        f"Prompts that reach the right adapter, mean over tasks: {', '.join(kinds)} (n = {router['n']:,}); against "
        f"always knowing the\ntask, the router costs {100 * router['regret']:.1f} points.\n"
    )


if __name__ == "__main__":
    main()
