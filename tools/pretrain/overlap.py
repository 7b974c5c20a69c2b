"""How much of the pretraining text stands in a validation or test row, before and after cleaning.

    python -m tools.pretrain.overlap --work runs/pretrain

What counts as overlap stands in `ngrams`. Some three minutes on one core for 200 MB of text.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tools.pretrain.instructions import conversations
from tools.pretrain.ngrams import LONG, SHORT, Index, Kind
from tools.pretrain.sources import documents, held_out, task_inputs

__all__ = ["Index", "report", "table", "training_texts"]


def training_texts(index: Index, made: int) -> Iterator[tuple[str, str, str]]:
    """(source, text, what cleaning leaves of it) of all training text; a conversation is kept or dropped whole."""
    for document in itertools.chain(documents(), task_inputs()):
        if not held_out(document.text):
            yield document.source, document.text, index.clean(document.text)[0]
    kept = (document for document in documents() if not held_out(document.text))
    for messages in itertools.islice(conversations(kept, seed=0), made):
        text = "\n".join(message["content"] for message in messages)
        yield "instructions", text, "" if index.hits(text) else text


def report(read: Iterable[tuple[str, str, str]], index: Index) -> dict[str, Any]:
    """Hits by data set and split, short fields apart, and characters by source: before and after cleaning."""
    hits, sizes = (Counter[Kind](), Counter[Kind]()), (Counter[str](), Counter[str]())
    for source, *versions in read:
        for when, text in enumerate(versions):
            hits[when].update(hit.kind for hit in index.hits(text))
            sizes[when][source] += len(text)
    rows = [
        {"data_set": kind[0], "split": kind[1], "short_fields": kind[2], "n_grams": size}
        | {"before": hits[0][kind], "after": hits[1][kind]}
        for kind, size in index.sizes.items()
    ]
    characters = {source: {"before": n, "after": sizes[1][source]} for source, n in sizes[0].items()}
    return {"long": LONG, "short": SHORT, "splits": rows, "characters": characters}


def table(found: dict[str, Any]) -> Table:
    """Hits by split; 13-grams, then whole short fields."""
    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = ("data set", "split", "n-grams", "before", "after", "short", "before", "after")
    for n, column in enumerate(columns):
        shown.add_column(column, justify="left" if n < 2 else "right", no_wrap=n == 0)
    for long, short in zip(found["splits"][::2], found["splits"][1::2], strict=True):
        counts = [str(row[key]) for row in (long, short) for key in ("n_grams", "before", "after")]
        shown.add_row(long["data_set"], long["split"], *counts)
    return shown


PAGE = """# What the built-in base's training text shares with validation and test rows

`python -m tools.pretrain.overlap --page` counted, over all training text, the runs of {long} words that stand in a
validation or test row of any of {sets} data sets, and whole rows of {short} to {last} words; before and after the
passages were dropped. Splits with none before cleaning are left out: {clean} of {splits}. After cleaning there are
{left} in all.

| data set | split | {long}-grams in it | found before | after | short rows in it | found before | after |
|---|---|---:|---:|---:|---:|---:|---:|
{rows}"""


def page(found: dict[str, Any]) -> str:
    """The counts as Markdown, splits with none before cleaning left out."""
    pairs = list(zip(found["splits"][::2], found["splits"][1::2], strict=True))
    hit = [pair for pair in pairs if any(one["before"] for one in pair)]
    lines = []
    for long, short in hit:
        counts = [f"{one[key]:,}" for one in (long, short) for key in ("n_grams", "before", "after")]
        lines.append(f"| {' | '.join([long['data_set'], long['split'], *counts])} |\n")
    return PAGE.format(
        long=found["long"], short=found["short"], last=found["long"] - 1,
        sets=len({row["data_set"] for row in found["splits"]}),
        clean=len(pairs) - len(hit), splits=len(pairs), left=sum(row["after"] for row in found["splits"]),
        rows="".join(lines),
    )  # fmt: skip


def main() -> None:
    """Count, print, write ``overlap.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/pretrain"))
    parser.add_argument("--conversations", type=int, default=120_000, help="as in pack")
    parser.add_argument("--page", type=Path, help="Markdown with the counts that are not 0 before cleaning")
    given = parser.parse_args()
    index = Index.of()
    found = report(training_texts(index, given.conversations), index)
    Console().print(table(found))
    if given.page:
        given.page.write_text(page(found), encoding="utf-8")
    given.work.mkdir(parents=True, exist_ok=True)
    (given.work / "overlap.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
