"""Every family does everything: the table of docs/families.md, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mixologist.model.families import FAMILIES
from tests.families import matrix
from tests.families.checks import CHECKS


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_a_cell(family: str, check: Callable[[str, Path], None], tmp_path: Path) -> None:
    check(family, tmp_path)


def test_the_page_is_current_and_says_yes_everywhere() -> None:
    assert matrix.PAGE.read_text(encoding="utf-8") == matrix.page(lambda family, check: True)
