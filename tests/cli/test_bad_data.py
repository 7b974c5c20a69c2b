"""Mistakes in the data: its files, its rows, its columns and how a task reads them. And a base that is none."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli.bad import Bad, Kind, Kinds, bad, check
from tests.cli.conftest import Cli, Place

kinds = Kinds()
GOOD = [{"text": f"It broke after {n} days.", "label": ("yes", "no")[n % 2]} for n in range(100)]


def lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@kinds
def missing_file(place: Place) -> Bad:
    path = place.task(path=str(place.data / "queu" / "train.jsonl"))
    return bad("train", path, says=("no file or folder", "queu/train.jsonl", "did you mean 'queue'?"))


@kinds
def empty_file(place: Place) -> Bad:
    return bad("train", place.rows(""), says=("rows.jsonl is empty", "no rows", "write the data again"))


@kinds
def broken_json(place: Place) -> Bad:
    path = place.rows(lines(GOOD[:6]) + '{"text": "half a ro\n' + lines(GOOD[6:]))
    return bad("train", path, says=("rows.jsonl, line 7, column 10: broken JSON", "mend the line"))


@kinds
def broken_array(place: Place) -> Bad:
    path = place.rows('[\n {"text": "a", "label": "x"},\n {"text": "b" "label": "y"}\n]\n', "rows.json")
    return bad("audit", path, says=("rows.json, line 3, column", "broken JSON", "mend the line"))


@kinds
def wrong_encoding(place: Place) -> Bad:
    rows = lines(GOOD).encode() + '{"text": "caf\xe9", "label": "yes"}\n'.encode("latin-1")
    return bad(
        "plan", place.rows(rows), says=("rows.jsonl, line 101: not UTF-8", "byte 0xe9", "iconv -f LATIN1")
    )


@kinds
def row_that_is_no_object(place: Place) -> Bad:
    path = place.rows(lines(GOOD[:3]) + '["text", "label"]\n')
    return bad("plan", path, says=("rows.jsonl, line 4: not a JSON object", "mend or remove the line"))


@kinds
def ragged_csv(place: Place) -> Bad:
    path = place.rows("text,label\ngood,yes\nbad, really,no\n", "rows.csv")
    return bad("plan", path, says=("rows.csv, line 3: 3 cells under 2 columns", "quotes"))


@kinds
def unclosed_quote(place: Place) -> Bad:
    path = place.rows('text,label\n"good,yes\nbad,no\n', "rows.csv")
    return bad("plan", path, says=("rows.csv, line 2", "a quote that is never closed"))


@kinds
def unknown_ending(place: Place) -> Bad:
    path = place.rows("text\tlabel\n", "rows.xlsx")
    return bad("plan", path, says=("rows.xlsx: unknown kind of file", ".xlsx", ".jsonl", "known"))


@kinds
def damaged_parquet(place: Place) -> Bad:
    path = place.rows(b"PAR1 and then nothing", "rows.parquet")
    return bad("plan", path, says=("rows.parquet could not be read", "write the file again"))


@kinds
def folder_without_train(place: Place) -> Bad:
    place.file("set/test.jsonl", lines(GOOD))
    place.file("set/more.jsonl", lines(GOOD))
    path = place.task(path=str(place.folder / "set"))
    return bad("plan", path, says=("set holds no train file", "more.jsonl, test.jsonl", "rename the file"))


@kinds
def label_outside_the_set(place: Place) -> Bad:
    place.file("set/train.jsonl", lines(GOOD))
    place.file(
        "set/test.jsonl",
        lines([{"text": f"New {n}.", "label": "maybe" if n == 2 else "yes"} for n in range(5)]),
    )
    path = place.task(path=str(place.folder / "set"), labels=["yes", "no"])
    return bad("train", path, says=("task 'queue', row 3 of test", "maybe", "one of yes, no", "`labels:`"))


@kinds
def row_without_text(place: Place) -> Bad:
    path = place.rows(lines([*GOOD, {"text": "  ", "label": "yes"}]))
    return bad("train", path, says=("task 'queue', row 101 of train", "'text'", "mend or remove the row"))


@kinds
def unknown_column(place: Place) -> Bad:
    path = place.task(label="lable")
    return bad("plan", path, says=("task 'queue': train has no column 'lable'", "did you mean 'label'?"))


@kinds
def unknown_field(place: Place) -> Bad:
    path = place.task(format="classification", columns={"txt": "text"})
    return bad(
        "plan", path, says=("task 'queue': format classification has no field 'txt'", "did you mean 'text'?")
    )


@kinds
def unknown_format(place: Place) -> Bad:
    path = place.task(format="clasification")
    return bad("plan", path, says=("unknown format", "clasification", "did you mean 'classification'?"))


@kinds
def columns_of_no_format(place: Place) -> Bad:
    path = place.rows(lines([{"a": "x", "b": "y"}] * 9))
    return bad(
        "plan", path, says=("task 'queue': the columns fit no format", "columns a, b", "write `format:`")
    )


@kinds
def metric_of_another_format(place: Place) -> Bad:
    path = place.task(metric="rouge_l")
    return bad("plan", path, says=("task 'queue': metric 'rouge_l' cannot judge", "macro_f1"))


@kinds
def one_label_only(place: Place) -> Bad:
    path = place.rows(lines([row | {"label": "yes"} for row in GOOD]))
    return bad("plan", path, says=("column 'label' holds no choice", "at least two", "`label:`"))


@kinds
def too_few_rows(place: Place) -> Bad:
    path = place.rows(lines(GOOD[:4]))
    return bad("train", path, says=("task 'queue'", "at least 3 in every split", "add rows"))


@kinds
def leaked_rows(place: Place) -> Bad:
    path = place.task()
    shutil.copyfile(place.data / "queue" / "test.jsonl", place.data / "queue" / "validation.jsonl")
    shutil.copyfile(place.data / "queue" / "train.jsonl", place.data / "queue" / "test.jsonl")
    return bad(
        "train",
        path,
        says=("task 'queue': 24 train rows also stand in its test", "train/0 = test/0", "--allow-leakage"),
    )


@kinds
def data_set_of_the_hub_offline(place: Place) -> Bad:
    path = place.task(path="nobody/nothing")
    return bad("train", path, says=("no data at 'nobody/nothing'", "hub", "check the path, or be online"))


@kinds
def answers_that_do_not_fit(place: Place) -> Bad:
    path = place.rows(lines([{"prompt": row["text"], "completion": "word " * 400} for row in GOOD]))
    return bad("train", path, says=("no answer of task 'queue' fits", "256", "raise max_length"))


@kinds
def semicolons(place: Place) -> Bad:
    path = place.task(path=place.file("rows.csv", "text;label\nLate.;a\nLost.;b\n"))
    return bad("plan", path, says=("rows.csv, line 1", "separated by semicolons", "save it with commas"))


@kinds
def utf_16(place: Place) -> Bad:
    (place.folder / "rows.csv").write_bytes("text,label\nLate.,a\n".encode("utf-16"))
    return bad("plan", place.task(path=str(place.folder / "rows.csv")), says=("not UTF-8", "iconv -f UTF-16"))


@kinds
def decimal_commas(place: Place) -> Bad:
    rows = [{"question": f"How much is {n}?", "answer": f"0,{n:02}"} for n in range(40)]
    path = place.task(path=place.file("rows.jsonl", lines(rows)), format="numeric_qa")
    return bad("plan", path, says=("task 'queue'", "0,0", "number"))


@kinds
def misspelt_folder_of_data(place: Place) -> Bad:
    """It has the shape of a hub id, and lies beside the recipe, which is elsewhere."""
    place.file("there/data/queue/train.jsonl", "")
    path = place.file("there/my.yaml", Path(place.task(path="data/queu")).read_text())
    return bad("plan", path, says=("no file or folder", "data/queu", "did you mean 'queue'?"))


@kinds
def no_update_in_the_training(place: Place) -> Bad:
    path = place.recipe(training={"num_train_epochs": 0.01, "batch_size": 64, "max_length": 256})
    return bad("plan", path, says=("no update", "raise training.num_train_epochs"))


@kinds
def which_task_it_is(place: Place) -> Bad:
    rows = [{"text": f"Row {n}.", "label": "same"} for n in range(40)]
    return bad(
        "plan",
        place.rows(lines(rows)),
        says=("task 'queue': column 'label' holds no choice", "two different"),
    )


@kinds
def which_task_it_is_though_every_message_has_its_letter(place: Place) -> Bad:
    rows = place.file("rows.jsonl", lines([{"text": f"Row {n}.", "label": "same"} for n in range(40)]))
    path = place.recipe(tasks=[{"name": "a", "path": rows}])
    return bad("plan", path, says=("task 'a': column 'label' holds no choice",))


@kinds
def no_row_to_audit(place: Place) -> Bad:
    rows = [{"text": f"Row {n}.", "label": ["ab"[n % 2]]} for n in range(40)]
    path = place.task(path=place.file("rows.jsonl", lines(rows)), format="classification")
    return bad(
        "audit", path, says=("task 'queue': no train row", "train row 1", "given ['a']", "mend the rows")
    )


@kinds
def mistakes_in_two_tasks(place: Place) -> Bad:
    place.recipe()
    tasks = [
        {"name": name, "path": place.file(f"{name}.jsonl", text)} for name, text in (("a", ""), ("b", "{\n"))
    ]
    return bad(
        "plan", place.recipe(tasks=tasks), says=("a.jsonl is empty", "b.jsonl, line 1, column 2: broken JSON")
    )


@pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)
def test_one_clear_message(kind: Kind, place: Place, cli: Cli) -> None:
    check(kind, place, cli)
