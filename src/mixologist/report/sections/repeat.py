"""All that one needs to do it again."""

from __future__ import annotations

from mixologist.report.blocks import Block, Code, Fold, Section, Table, Text, Words
from mixologist.report.reading import Run


def repeat(run: Run) -> Section:
    """Commands, versions, fingerprint, recipe."""
    record = run.record
    command = f"mixologist train {run.path / 'recipe.yaml'} --set output_dir={run.path}-again"
    rows: list[list[Text]] = [[name, number] for name, number in record.get("versions", {}).items()]
    rows += [["base", record.get("base_model", "?")], ["its weights", f"sha256 {record['base_digest'][:16]}"]]
    rows.append(["recipe and data", f"fingerprint {record['fingerprint'][:16]}"])
    blocks: list[Block] = [
        Code(command, "Command to repeat the run"),
        Words(
            "On the same CPU the same recipe, data and versions give the same weights; the seed is in the recipe."
        ),
        Table("What it was made with", ["", "version"], rows, words=("version",)),
    ]
    if run.recipe:
        blocks.append(Fold("The recipe, every default spelled out", [Code(run.recipe, "Recipe")]))
    return Section("repeat", "How to repeat it", blocks)
