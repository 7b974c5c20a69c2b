"""docs/families.md: every check run on every family, and written down by `python -m tests.families.matrix`."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from transformers import AutoConfig

from mixologist.model.estimate import skeleton
from mixologist.model.families import FAMILIES
from tests.families.checks import CHECKS
from tests.tiny import PECULIAR, SIZES

PAGE = Path(__file__).parents[2] / "docs" / "families.md"
TEXT = """# Model families

Written by `python -m tests.families.matrix`, which runs every check of `tests/families/checks.py` on a tiny random
model of every family. The same checks are tests, and a test holds this page against them.

{table}

Every name among the linears may stand in `adapters.target_modules`; `all-linear` is all of them, the linears that PEFT
takes too. The models under test have short windows, soft caps, head sizes and rope settings of their own, so that
leaving one out fails a cell.

{legend}

A base of another family is refused before its weights are read, with what it lacks: attention that takes packed
segments (Mamba and other models with a running state), a decoder by itself (T5), text alone (models that read images),
code that Transformers itself has. A family that lacks nothing but its test is one line in `model/families.py`, one in
`tests/tiny.py`, and a green row here.
"""


def linears(family: str) -> str:
    """Last names of the linears in a family's blocks, in the order of the model."""
    names = skeleton(AutoConfig.for_model(family, **(SIZES | PECULIAR[family]))).linears
    return ", ".join(dict.fromkeys(f"`{name.rpartition('.')[2]}`" for name in names))


def page(passed: Callable[[str, str], bool]) -> str:
    """The whole page; ``passed(family, check)`` fills a cell."""
    head = ["family", *CHECKS, "linears", "limit"]
    rows = [
        [
            f"`{family}`",
            *("yes" if passed(family, check) else "**no**" for check in CHECKS),
            linears(family),
            limit,
        ]
        for family, limit in FAMILIES.items()
    ]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    legend = [f"- **{name}**: {' '.join((check.__doc__ or '').split())}" for name, check in CHECKS.items()]
    return TEXT.format(table="\n".join(lines), legend="\n".join(legend))


def _passed(family: str, check: str) -> bool:
    try:
        with tempfile.TemporaryDirectory() as folder:
            CHECKS[check](family, Path(folder))
    except Exception:  # whatever it is, the cell says no
        traceback.print_exc(limit=-3)
        return False
    return True


if __name__ == "__main__":
    PAGE.write_text(page(_passed), encoding="utf-8")
