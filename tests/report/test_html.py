"""The page of a run: what it says in each state, that it is one safe file, and that pictures come with numbers."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.files import write_json
from mixologist.report.html import write_comparison, write_report
from mixologist.report.reading import read_run
from mixologist.report.words import sharing, state
from tests.report.made import TEXT, changed, event, made_run, names

VOID = {"meta", "link", "br"}


class Reader(HTMLParser):
    """Headings, text, tags; every tag that is opened must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.feed(page)
        self.close()
        assert not self.open

    def table(self, caption: str) -> dict[str, dict[str, str]]:
        """First cell of a row -> header -> cell, of the table with this caption."""
        header, *rows = next(rows for title, rows in self.tables if title.startswith(caption))
        return {row[0]: dict(zip(header, row, strict=True)) for row in rows}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append(("", []))
        elif tag == "tr":
            self.tables[-1][1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][1][-1].append("")
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "caption" in self.open:
            self.tables[-1] = (self.tables[-1][0] + data, self.tables[-1][1])
        elif "td" in self.open or "th" in self.open:
            self.tables[-1][1][-1][-1] += data

    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.tags if "id" in attrs]


def report(folder: Path) -> Reader:
    return Reader(write_report(folder).read_text("utf-8"))


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run(tmp_path_factory.mktemp("five") / "desk", names(5))


def test_the_parts_of_a_complete_run(five: Path) -> None:
    page = report(five)
    parts = {"summary", "verdicts", "scores", "router", "training", "examples", "data", "cost", "repeat"}
    assert parts <= set(page.ids())
    assert "transfer" not in page.ids()  # no records of it
    assert "Complete." in page.text
    assert "task_04 +15.0 points [+9, +21]." in page.text
    assert "Sharing hurt 1 of 5 tasks: task_01 -12.0 points [-18, -6]." in page.text
    assert "Non-commercial data was trained on: a_rather_long_task_name_number_00 (CC BY-NC 4.0)" in page.text
    assert "would take 105 MB" in page.text  # five times the base
    assert "mixologist train" in page.text


def test_limits_and_the_mean_effect_of_sharing(five: Path) -> None:
    page = report(five)
    assert (
        "Over 5 tasks sharing changed what their own adapters reach by +2.1 [+1.1, +3.1] points" in page.text
    )
    assert "worst was task_04" in page.text
    assert page.table("Parts of the test rows")["a_rather_long_task_name_number_00"]["n"] == "20*"
    assert "* fewer than 30 rows" in page.text
    assert (
        page.table("General ability")["task_01"]["plain text, bits a byte (n=59)"]
        == "+0.200 [+0.100, +0.300]"
    )
    assert page.table("What each system needs")["shared adapter"] == {
        "system": "shared adapter", "models": "1", "parameters": "630,784", "bytes": "2.54 MB",
    }  # fmt: skip


def test_every_cell_stands_below_its_header(five: Path) -> None:
    page = report(five)
    assert page.table("Rows, what the audit")["a_rather_long_task_name_number_00"] == {
        "task": "a_rather_long_task_name_number_00", "licence": "CC BY-NC 4.0, non-commercial", "train": "1,200",
        "validation": "100", "test": "200", "tokens": "99,999", "shortened": "7", "duplicates": "3", "leaked": "4",
        "near": "1", "removed": "2",
    }  # fmt: skip
    assert page.table("the effect of sharing")["task_01"] == {
        "task": "task_01", "verdict": "hurt", "effect in points": "-12.0 [-18.0, -6.0]", "p (Holm)": "0.040",
        "n": "200", "served by": "shared",
    }  # fmt: skip
    scores = page.table("every system on every task")["task_01"]
    assert (scores["metric"], scores["n"], scores["base, no adapter"]) == (
        "macro_f1",
        "200",
        "10.0 [4, 16], 0.5% unread",
    )
    curve = page.table("validation losses")["task_01"]  # of its two rows the later: the shared adapter
    assert (curve["adapter"], curve["base"], curve["end"]) == ("shared adapter", "4.000", "ran to the end")
    assert page.table("Texts of no task")["general"] == {
        "texts": "general", "go to the base": "98.0%", "AUROC": "", "n": "200",
    }  # fmt: skip
    assert page.table("routing accuracy")["task_01"]["raw text"] == "80.0"
    confused = page.table("prompts by task and adapter")["task_01"]
    assert (confused["shared"], confused["base"], confused["task_02"]) == ("190", "10", "0")
    drawn = page.table("share of the draws")
    assert sum(float(row["3"]) for row in drawn.values()) == pytest.approx(100, abs=0.3)


def test_leaks_are_told_at_the_top(five: Path) -> None:
    assert "so the scores flatter it: a_rather_long_task_name_number_00 (4 rows)." in report(five).text


def test_the_level_of_the_intervals_is_the_recipes(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", names(2))
    assert "is its 95% interval" in report(folder).text
    (folder / "recipe.yaml").write_text("evaluation: {confidence: 0.9}\n")
    assert "is its 90% interval" in report(folder).text


def test_one_file_without_scripts_or_network(five: Path) -> None:
    text = write_report(five).read_text("utf-8")
    page = Reader(text)
    assert "script" not in {tag for tag, _ in page.tags}
    outside = re.compile(r"""(?:src|href)=["'](?!#|data:)|url\((?!#)|@import""")
    assert not outside.findall(text)
    assert len(text) < 400_000


def test_every_picture_is_named_and_has_its_numbers(five: Path) -> None:
    page = report(five)
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(pictures) >= 2 * 6 + 5
    assert all(attrs["role"] == "img" and len(attrs["aria-label"] or "") > 15 for attrs in pictures)
    assert len(set(page.ids())) == len(page.ids())
    figures = sum(tag == "figure" for tag, _ in page.tags)
    assert page.text.count("The numbers: ") == figures == 9


def test_what_users_wrote_is_shown_and_never_run(five: Path) -> None:
    page = report(five)
    assert page.text.count(TEXT) == 10
    assert "<b>yes</b>" in page.text


def test_colours_are_variables_of_the_page(five: Path) -> None:
    text = write_report(five).read_text("utf-8")
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    used = set(re.findall(r"var\(--([\w-]+)\)", drawn))
    assert {"ink", "muted", "helped", "hurt", "accent", "series-1"} <= used
    assert used <= set(re.findall(r"--([\w-]+):", text))
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
    assert "font-family" not in drawn


def test_one_task_has_no_verdict_and_says_why(tmp_path: Path) -> None:
    page = report(made_run(tmp_path / "one", ["only"]))
    assert "One task shares with nobody" in page.text
    assert "1 task on the base" in page.text
    assert "The adapters beat the plain base on its task" in page.text


def test_fifty_tasks_are_told_briefly(tmp_path: Path) -> None:
    run = read_run(made_run(tmp_path / "fifty", names(50)))
    assert run.evaluation is not None
    sentences = sharing(run.evaluation)
    assert len(sentences) == 4
    assert all(re.search(r" \d+ of 50 tasks: .* and \d+ more\.$", sentence.text) for sentence in sentences)
    page = report(run.path)
    assert "38 more tasks" in page.text
    assert page.text.count("The first 12 of 50 rows; the table has all.") == 3
    assert len(write_report(run.path).read_bytes()) < 2_000_000


@pytest.mark.parametrize(
    ("history", "told"),
    [
        ([("failed", "training", "no space left")], "Failed while training, after step 400 (epoch 3.00): no space"),
        ([("interrupted", "training", "")], "Interrupted by its user while training"),
        ([("interrupted", "training", ""), ("resumed", "training", "")], "Not finished: still running, or killed"),
        ([], "Not finished: still running, or killed"),
    ],
)  # fmt: skip
def test_a_run_that_did_not_finish_says_so(history: list[Any], told: str, tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", names(3), status="training")
    changed(folder, history=[event("began", "preparing"), *(event(*one) for one in history)])
    page = report(folder)
    assert told in page.text
    assert f"mixologist train {folder} --resume" in page.text
    assert "No verdicts yet" in page.text
    assert "scores" not in page.ids()


def test_a_resumed_run_says_so(five: Path) -> None:
    run = read_run(five)
    history = [event("began", "preparing"), event("resumed", "training"), event("complete", "evaluating")]
    object.__setattr__(run, "record", {**run.record, "history": history})
    assert state(run).text == "Complete. It was resumed once."


def test_a_run_that_has_only_begun_and_a_half_written_line(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", names(2), status="training")
    (folder / "metrics.jsonl").write_text('{"step": 0, "epo')
    (folder / "recipe.yaml").unlink()
    assert "training has written nothing yet" in report(folder).text


def test_a_record_of_an_older_version_is_read(five: Path, tmp_path: Path) -> None:
    folder = made_run(tmp_path / "old", names(2))
    record = json.loads((folder / "run.json").read_text())
    for key in ("history", "base_bytes", "warnings", "audit"):
        del record[key]
    (folder / "run.json").write_text(json.dumps(record))
    assert "Complete." in report(folder).text


def test_transfer_where_the_run_has_it(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "run", names(3))
    evaluation = json.loads((folder / "evaluation.json").read_text())
    gain = {"value": 0.1, "low": 0.05, "high": 0.15}
    first, *_ = names(3)
    evaluation["transfer"] = {
        task: {asked: {"minus_base": gain | {"p_holm": 0.01 if task == first else 0.3}} for asked in names(3)}
        for task in names(3)
    }
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    page = report(folder)
    assert "transfer" in page.ids()
    assert "3 of 9 cells differ" in page.text
    found = page.table("points against the base with their 95% intervals, trained on (row), asked (column)")
    assert [row[first] for row in found.values()] == ["+10.0 [+5.0, +15.0] *"] + ["+10.0 [+5.0, +15.0]"] * 2


def test_agreement_where_training_looked(tmp_path: Path) -> None:
    folder = made_run(tmp_path, ["a", "b"])
    looks = [{"a": {"a": 0.5, "b": -0.2}, "b": {"b": 0.1}}, {"b": {"a": -0.4}}, {"a": {"b": 0.3}}]
    lines = [
        {"step": n, "epoch": n, "split": "train", "adapter": "shared", "agreement": look}
        for n, look in enumerate(looks)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_report(folder)
    page = (folder / "report.html").read_text()
    assert "Gradient agreement" not in page, "no curves, no section"
    with (folder / "metrics.jsonl").open("a") as file:
        loss = {"step": 1, "epoch": 1, "split": "validation", "adapter": "shared", "task": "a", "loss": 1.0}
        file.write(json.dumps(loss) + "\n")
    write_report(folder)
    found = Reader((folder / "report.html").read_text()).table("cosines of gradients")
    assert found["a, b"] == {
        "tasks": "a, b", "mean cosine": "-0.10 ± 0.90", "in conflict": "67%", "updates": "3", "early": "-0.20",
        "midway": "-0.40", "late": "+0.30",
    }  # fmt: skip
    assert found["a with itself"]["midway"] == ""


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run folder"):
        write_report(tmp_path)


def test_runs_side_by_side(five: Path, tmp_path: Path) -> None:
    other = made_run(tmp_path / "other", names(6), seed=1)
    begun = made_run(tmp_path / "begun", names(5), status="training")
    page = Reader(write_comparison([five, other, begun], tmp_path / "c.html").read_text("utf-8"))
    assert "2 of 3 complete." in page.text
    assert "training.learning_rate0.0010.0020.001" in page.text
    assert "not measured alike" not in page.text
    evaluation = json.loads((other / "evaluation.json").read_text())
    evaluation["tasks"]["task_01"]["n"] = 100
    (other / "evaluation.json").write_text(json.dumps(evaluation))
    text = write_comparison([five, other], tmp_path / "c.html").read_text("utf-8")
    assert "task_01 was not measured alike (macro_f1 of 100 rows and macro_f1 of 200 rows)" in text


def test_rows_of_the_harness_stand_in_the_report_until_the_adapters_change(tmp_path: Path) -> None:
    run = made_run(tmp_path / "run", ["queue", "urgent"])
    adapters = dict.fromkeys(("queue", "urgent", "shared"), "old")
    facts = json.loads((run / "run.json").read_text())["adapters"]
    changed(run, adapters={name: facts[name] | {"digest": "old"} for name in facts})
    change = {"value": 0.125, "low": 0.05, "high": 0.2}
    systems = {"base": {"value": 0.5, "n": 40}, "routed": {"value": 0.625, "n": 40, "minus_base": change}}
    row = {"task": "<arc>", "metric": "acc", "higher_is_better": True, "systems": systems}
    lone = {"task": "words", "metric": "word_perplexity", "higher_is_better": False,
            "systems": {"base": {"value": 31.25, "n": 7}, "routed": {"value": 30.5, "n": 7}}}  # fmt: skip
    write_json(run / "harness.json", {"lm_eval": "1", "adapters": adapters, "rows": [row, lone]})
    cells = Reader(write_report(run).read_text()).table("lm-evaluation-harness")
    assert list(cells["<arc>"].values()) == [
        "<arc>",
        "acc ↑",
        "40",
        "0.5",
        "0.625",
        "+0.125 [+0.050, +0.200]",
    ]
    assert list(cells["words"].values()) == ["words", "word_perplexity ↓", "7", "31.25", "30.5", ""]
    changed(run, adapters={name: facts[name] | {"digest": "new"} for name in facts})
    assert "lm-evaluation-harness" not in write_report(run).read_text()
