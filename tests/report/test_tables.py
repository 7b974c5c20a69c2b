"""The table of verdicts on a terminal of 80 columns, and the sentences below it."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mixologist.report.tables import cells, markdown, terminal
from mixologist.report.weights import weight_cells
from mixologist.report.words import caution, gain, routing
from tests.report.made import made_run, names


def evaluation(folder: Path, count: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made_run(folder, names(count)) / "evaluation.json").read_text())
    return found


def lines(found: dict[str, Any]) -> list[str]:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(terminal(found))
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize("count", [1, 5, 50])
def test_the_widest_table_fits_80_columns_and_loses_no_number(count: int, tmp_path: Path) -> None:
    found = evaluation(tmp_path, count)
    for task in found["tasks"].values():
        task["n"] = 12_345
        task["served_by"] = "some_adapter_with_a_name"
        for system in task["systems"].values():
            system |= {"value": 1.0, "low": 0.8, "high": 1.0, "format_failures": 9}
    shown = lines(found)
    assert max(map(len, shown)) <= 80
    values = 4 if count > 1 else 3
    assert sum(line.count("!100±10") for line in shown) == values * count
    if count > 1:
        assert "▲ helped" in " ".join(shown)
        assert "? few" in " ".join(shown)


def test_the_table_names_verdicts_by_sign_and_word(tmp_path: Path) -> None:
    shown = {line.split()[0]: line for line in lines(evaluation(tmp_path, 5)) if line.strip()}
    assert "-12 ▼ hurt" in shown["task_01"]
    assert "+1 ≈ unclear" in shown["task_02"]
    assert "mean" in shown


def test_one_task_has_no_column_for_verdicts(tmp_path: Path) -> None:
    found = evaluation(tmp_path, 1)
    shown = " ".join(lines(found))
    assert "sharing" not in shown
    assert "mean" not in shown
    assert gain(found).startswith("The adapters beat the plain base on its task")


def test_an_interval_above_zero_is_not_yet_a_win(tmp_path: Path) -> None:
    found = evaluation(tmp_path, 5)
    assert gain(found).startswith("The adapters beat the plain base on 5 of 5 tasks")
    for row in found["tasks"].values():
        assert row["paired"]["oracle - base"]["low"] > 0
        row["paired"]["oracle - base"]["p_holm"] = 0.06
    assert gain(found).startswith("The adapters beat the plain base on 0 of 5 tasks")


def test_other_splits_than_test_carry_a_warning(tmp_path: Path) -> None:
    found = evaluation(tmp_path, 2)
    assert caution(found) == ""
    assert "the adapters that serve" in caution(found | {"split": "validation"})
    assert "they were trained on" in caution(found | {"split": "train"})


def test_markdown_has_all_systems_and_words(tmp_path: Path) -> None:
    page = markdown(cells(evaluation(tmp_path, 5)))
    assert (
        "| task | metric | n | base | single_task | shared | oracle | routed | served by | sharing |" in page
    )
    assert "not distinguishable" in page


def test_what_each_system_weighs(tmp_path: Path) -> None:
    found = evaluation(tmp_path, 3)
    assert "| single_task | 3 | 1,892,352 | 7.61 MB |" in markdown(weight_cells(found))
    assert weight_cells({"tasks": {}}) == [], "nor of an evaluation made before they were weighed"


def test_a_run_without_a_router_has_no_sentence_on_it(tmp_path: Path) -> None:
    found = evaluation(tmp_path, 2)
    assert "99.0% as trained, 95.0% reworded, 80.0% raw text" in routing(found)
    del found["router"]
    assert routing(found) == ""


def test_a_mean_over_other_tasks_is_no_mean(tmp_path: Path) -> None:
    found = evaluation(tmp_path, 5)
    every, some = cells(found)[-1], next(iter(found["tasks"].values()))
    assert all(every[3 : cells(found)[0].index("served by")])
    del some["systems"]["base"]
    shown, header = cells(found)[-1], cells(found)[0]
    assert shown[header.index("base")] == ""
    assert shown[header.index("routed")] == every[header.index("routed")]
    mean = next(line for line in lines(found) if line.split()[:1] == ["mean"])
    assert (
        len(mean.split())
        == len(next(line for line in lines(evaluation(tmp_path, 5)) if "mean" in line).split()) - 1
    )


def test_answers_that_could_not_be_read_are_a_share_of_all_trainings(tmp_path: Path) -> None:
    found = evaluation(tmp_path, 2)
    task = next(iter(found["tasks"].values()))
    task["n"] = 300
    task["systems"]["base"] |= {"format_failures": 41, "seeds": 1}
    task["systems"]["shared"] |= {"format_failures": 41, "seeds": 3}
    header, row = cells(found)[:2]
    assert row[header.index("base")].endswith("!13.7%")
    assert row[header.index("shared")].endswith("!4.6%")
    task["systems"]["shared"] |= {"format_failures": 0}
    assert "!" not in cells(found)[1][header.index("shared")]
