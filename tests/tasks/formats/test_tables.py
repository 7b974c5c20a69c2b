from typing import Any

import pytest

from mixologist.tasks.formats.tables import render_table


def test_rows() -> None:
    assert render_table([["", "2009"], ["sales ", 3.0], ["tax", None]]) == "| 2009\nsales | 3\ntax | "[:-1]


def test_columns_of_rows() -> None:
    table = {"2009": {"sales": 3.5, "tax": 1.0}, "2008": {"sales": 2.0, "costs": 4.0}}
    assert render_table(table) == "| 2009 | 2008\nsales | 3.5 | 2\ntax | 1 | \ncosts |  | 4"


def test_cells_that_arrow_filled_in_were_never_there() -> None:
    table = {"2009": {"sales": 3.0, "rent": None}, "1999": {"sales": None}, "1998": None}
    assert render_table(table) == "| 2009\nsales | 3"


def test_text_and_nothing() -> None:
    assert render_table(" a | b ") == "a | b"
    assert render_table(None) == ""
    assert render_table({}) == ""


@pytest.mark.parametrize("table", [3, ["a", "b"], {"a": 1}, [{"a": 1}]])
def test_all_else_is_refused(table: Any) -> None:
    with pytest.raises(ValueError, match="not a table"):
        render_table(table)
