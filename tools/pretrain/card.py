"""Put measured figures into the base's card, between its marks; all else in it is written by hand.

    python -m tools.pretrain.card --evaluation evaluation.json --compare compare.json

``evaluate`` and `compare` wrote these; of their models the first is the reference, the second the base of the card.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CARD = Path("src/mixologist/data/builtin/README.md")
NAMES = {
    "finance_legal": "finance and legal",
    "how_to": "how-to",
    "task_inputs": "task inputs",
    "mean": "**mean**",
}


def main() -> None:
    """Fill in."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--compare", type=Path, required=True)
    parser.add_argument("--card", type=Path, default=CARD)
    given = parser.parse_args()
    found, compared = (
        json.loads(path.read_text(encoding="utf-8")) for path in (given.evaluation, given.compare)
    )
    parts = {"bits": bits(found), "worth": worth(compared), "samples": samples(found)}
    given.card.write_text(filled(given.card.read_text(encoding="utf-8"), parts), encoding="utf-8")


def filled(card: str, parts: Mapping[str, str]) -> str:
    """The card with each part between its marks. Raises `ValueError` where it has no such marks."""
    for name, text in parts.items():
        before, mark, rest = card.partition(f"<!-- {name} -->\n")
        _old, end, after = rest.partition("\n<!-- end -->")
        if not mark or not end:
            raise ValueError(f"the card has no place for {name}")
        card = before + mark + text + end + after
    return card


def bits(found: Mapping[str, Any]) -> str:
    """Bits per byte by domain in short windows, and the mean in long ones."""
    short, long = found["windows"].values()
    reference, ours = list(short["mean"])
    rows = [["domain", "documents", "reference", "this", "change"], ["---", "---:", "---:", "---:", "---:"]]
    for domain, models in short.items():
        documents = found["held_out"].get(domain, {}).get("documents", "")
        rows.append([NAMES.get(domain, domain), str(documents), *_pair(models[reference], models[ours])])
    length = list(found["windows"])[1]
    rows.append(
        [f"mean, windows of {int(length):,}", "", *_pair(long["mean"][reference], long["mean"][ours])]
    )
    return table(rows)


def _pair(reference: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    change = [100 * (ours["ratio"][key] - 1) for key in ("value", "low", "high")]
    values = [f"{model['bits_per_byte']['value']:.3f}" for model in (reference, ours)]
    return [*values, "{:+.1f}% [{:+.1f}, {:+.1f}]".format(*change)]


def worth(compared: Mapping[str, Any]) -> str:
    """Macro-F1 after training, by task, for the first two bases and TF-IDF."""
    rows = [["task", *compared["mean"]["systems"]], ["---", *["---:"] * len(compared["mean"]["systems"])]]
    rows[0] = ["task", "TF-IDF", "reference", "this"]
    for task, row in [*compared["tasks"].items(), ("**mean**", compared["mean"])]:
        rows.append([task, *("{:.1f} [{:.1f}, {:.1f}]".format(*(100 * one[k] for k in ("value", "low", "high")))
                             for one in row["systems"].values())])  # fmt: skip
    return table(rows)


def samples(found: Mapping[str, Any]) -> str:
    """Prompts with both continuations, as they came."""
    found_samples = list(found["models"].values())[1]["samples"]
    rows = [[_cell(sample[key]) for key in ("prompt", "greedy", "sampled")] for sample in found_samples]
    return table([["prompt", "greedy", "at temperature 0.7"], ["---", "---", "---"], *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n\n", "<br>").replace("\n", "<br>").strip()


def table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
