import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import datasets
import pytest

from mixologist.cli import init
from mixologist.errors import UserError, UserErrors
from mixologist.planning import Plan, resolve
from mixologist.recipe.load import load
from mixologist.starting import Proposal, bundle, bundles, propose, propose_hub, recipe_text

WORDS = ("parcel", "invoice", "password", "refund", "printer", "account", "voucher", "delivery")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "my data"
    folder.mkdir()
    return folder


def text(i: int) -> str:
    return f"my {WORDS[i % 8]} number {i} is late"


def lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def labelled(path: Path, count: int = 60, labels: str = "ab", start: int = 0) -> None:
    rows = range(start, start + count)
    lines(path, [{"text": text(i), "label": labels[i % len(labels)]} for i in rows])


def planned(proposal: Proposal, folder: Path) -> Plan:
    """The proposal's text, through a file, to a plan on the built-in base."""
    path = folder.parent / "mine.yaml"
    path.write_text(recipe_text(proposal), encoding="utf-8")
    return resolve(load(path))


def write_jsonl(folder: Path) -> None:
    labelled(folder / "tickets.jsonl")


def write_odd_csv(folder: Path) -> None:
    with (folder / "export 2024.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["No.", "Betreff", "Warteschlange"])
        writer.writerows([i, text(i), ("Zoll, Steuer", "nein", "Küche")[i % 3]] for i in range(90))


def write_headless_csv(folder: Path) -> None:
    with (folder / "export.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([text(i), ("yes", "no")[i % 2]] for i in range(60))


def write_named_alike(folder: Path) -> None:
    for number, split in enumerate(("train", "dev", "test")):
        rows = "".join(f"{text(100 * number + i)}\t{'ab'[i % 2]}\n" for i in range(20))
        (folder / f"mails_{split}.tsv").write_text(f"body\ttopic\n{rows}", encoding="utf-8")


def write_tags(folder: Path) -> None:
    rows = [{"w": ["Ask", WORDS[i % 8].title(), f"number{i}"], "t": ["O", "B-ORG", "O"]} for i in range(60)]
    lines(folder / "names.jsonl", rows)


def write_alpaca(folder: Path) -> None:
    rows = [{"instruction": f"Repeat {i}", "input": text(i), "output": text(i)} for i in range(60)]
    (folder / "repeat.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def write_sharegpt(folder: Path) -> None:
    turns = [[{"from": "human", "value": text(i)}, {"from": "gpt", "value": f"Sorry {i}"}] for i in range(60)]
    lines(folder / "chat.jsonl", [{"conversations": chat} for chat in turns])


def write_messages(folder: Path) -> None:
    turns = [
        [{"role": "user", "content": text(i)}, {"role": "assistant", "content": f"Sorry {i}"}]
        for i in range(60)
    ]
    lines(folder / "helpdesk.jsonl", [{"conversations": chat} for chat in turns])


def write_parquet(folder: Path) -> None:
    columns = {"source": [text(i) for i in range(60)], "target": [f"Entschuldigung {i}x" for i in range(60)]}
    datasets.Dataset.from_dict(columns).to_parquet(folder / "german.parquet")


def write_pairs(folder: Path) -> None:
    lines(folder / "pairs.jsonl", [{"prompt": text(i), "completion": f"Sorry {i}"} for i in range(60)])


def write_numbers(folder: Path) -> None:
    rows = [{"question": f"What is {i} times {i + 1}?", "answer": i * (i + 1)} for i in range(120)]
    lines(folder / "times.jsonl", rows)


def write_worked(folder: Path) -> None:
    rows = [
        {"question": f"What is {i} plus 1?", "answer": f"One more than {i}. So {i + 1}"} for i in range(60)
    ]
    lines(folder / "worked.jsonl", rows)


def write_splits(folder: Path) -> None:
    for number, split in enumerate(("train", "validation", "test")):
        labelled(folder / "nested" / "reviews" / f"{split}.jsonl", 20, start=100 * number)


SHAPES = [
    (write_jsonl, "tickets", "classification", "sure", "macro_f1"),
    (write_odd_csv, "export-2024", "classification", "likely", "macro_f1"),
    (write_alpaca, "repeat", "alpaca", "sure", "rouge_l"),
    (write_sharegpt, "chat", "sharegpt", "sure", "rouge_l"),
    (write_messages, "helpdesk", "messages", "likely", "rouge_l"),
    (write_parquet, "german", "prompt_completion", "likely", "exact_match"),
    (write_pairs, "pairs", "prompt_completion", "sure", "rouge_l"),
    (write_numbers, "times", "numeric_qa", "sure", "numeric_match"),
    (write_worked, "worked", "prompt_completion", "likely", "numeric_match"),
    (write_splits, "reviews", "classification", "sure", "macro_f1"),
    (write_headless_csv, "export", "classification", "likely", "macro_f1"),
    (write_named_alike, "mails", "classification", "likely", "macro_f1"),
    (write_tags, "names", "extraction", "likely", "entity_f1"),
]
"""What writes a folder of data -> the task's name, format, how sure that is, and metric."""


@pytest.mark.parametrize(("write", "name", "format", "sure", "metric"), SHAPES)
def test_a_proposal_can_be_planned(
    data: Path, write: Any, name: str, format: str, sure: str, metric: str
) -> None:
    write(data)
    proposal = propose(data)
    assert [guess.candidate.sure for guess in proposal.tasks] == [sure]
    plan = planned(proposal, data)
    assert list(plan.tasks.tasks) == [name]
    task = plan.tasks.tasks[name]
    assert (task.format.name, task.metric) == (format, metric)
    assert task.labels == proposal.tasks[0].task.labels
    assert task.format.columns == proposal.tasks[0].task.format.columns


def test_comments_say_how_sure_it_is_and_why(data: Path) -> None:
    write_odd_csv(data)
    written = recipe_text(propose(data))
    assert "  # likely: 'Betreff' holds text, 'Warteschlange' few different values\n" in written
    train = len(propose(data).tasks[0].task.splits["train"])
    assert f"  # train {train}, validation " in written
    assert " drawn from train by a hash of the text\n" in written
    assert (
        "    text: Betreff\n    label: Warteschlange\n    labels:\n    - Küche\n    - Zoll, Steuer\n"
        in written
    )


def test_a_broken_file_among_good_ones_is_left_out_with_its_place(data: Path) -> None:
    write_jsonl(data)
    write_pairs(data)
    (data / "broken.jsonl").write_text('{"text": "a", "label": "b"}\n{"text": \x01\n', encoding="utf-8")
    (data / "readings.csv").write_text("sensor,value\n" + "".join(f"s{i},{i}.5\n" for i in range(50)))
    (data / "README.md").write_text("About this data.", encoding="utf-8")
    proposal = propose(data)
    assert [path.name for path in proposal.left_out] == ["broken.jsonl", "readings.csv"]
    assert list(planned(proposal, data).tasks.tasks) == ["pairs", "tickets"]
    comments = " ".join(recipe_text(proposal).replace("\n#  ", "").split())
    assert "broken.jsonl, line 2" in comments
    assert "cannot be told from the columns sensor, value" in comments


def test_a_file_without_header_has_numbered_columns(data: Path) -> None:
    write_headless_csv(data)
    task = propose(data).tasks[0].task
    assert dict(task.format.columns) == {"text": "column_1", "label": "column_2"}
    assert sum(map(len, task.splits.values())) == 60


def test_other_readings_are_comments(data: Path) -> None:
    columns = {"text": "a {} b", "label": "{}", "prompt": "say {}", "completion": "said {}"}
    rows = [
        {name: value.format(i % 2 if name == "label" else i) for name, value in columns.items()}
        for i in range(60)
    ]
    lines(data / "both.jsonl", rows)
    proposal = propose(data)
    assert proposal.tasks[0].others[0].format == "prompt_completion"
    assert "  # or, perhaps, format: prompt_completion\n" in recipe_text(proposal)


def test_data_sets_of_the_hub(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder owner/name in the working directory is what the datasets library takes for one of the hub, too."""
    monkeypatch.chdir(data)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    labelled(data / "owner" / "tickets" / "train.jsonl")
    proposal = propose_hub(["owner/tickets", "nobody/nothing"])
    assert [str(path) for path in proposal.left_out] == ["nobody/nothing"]
    assert "nor to be had from the hub" in proposal.left_out[Path("nobody/nothing")].given
    written = recipe_text(proposal)
    assert "# Proposed by: mixologist init --from-hub owner/tickets --from-hub nobody/nothing\n" in written
    assert "    path: owner/tickets\n" in written
    with pytest.raises(UserError, match="no data at 'nobody/nothing'"):
        propose_hub(["nobody/nothing"])


def test_general_instructions_become_general_data(data: Path) -> None:
    write_alpaca(data)
    (data / "repeat.json").rename(data / "Alpaca-small.json")
    alone = propose(data)
    assert (alone.general, [task.name for task in alone.tasks]) == (None, ["Alpaca-small"])
    write_numbers(data)
    plan = planned(propose(data), data)
    assert list(plan.tasks.tasks) == ["times"]
    assert plan.recipe.general is not None
    assert plan.recipe.general.share == 0.1
    assert plan.general["general"].format.name == "alpaca"


def test_labels_that_only_the_test_has_are_listed(data: Path) -> None:
    labelled(data / "tickets" / "train.jsonl")
    labelled(data / "tickets" / "test.jsonl", 20, labels="abc", start=500)
    proposal = propose(data)
    assert "# labels in no train row, only in validation or test: c\n" in recipe_text(proposal)
    assert planned(proposal, data).tasks.tasks["tickets"].labels == ("a", "b", "c")


def test_leakage_is_noted(data: Path) -> None:
    labelled(data / "tickets" / "train.jsonl")
    labelled(data / "tickets" / "validation.jsonl", 20, start=500)
    labelled(data / "tickets" / "test.jsonl", 20)
    assert "plan and train will stop: 20 train rows" in recipe_text(propose(data))


def test_nothing_understood_is_the_users_to_know(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no data in"):
        propose(data)
    with pytest.raises(UserError, match="no folder"):
        propose(tmp_path / "none")
    (data / "one.jsonl").write_text("[", encoding="utf-8")
    (data / "notes.txt").write_text("hello", encoding="utf-8")
    with pytest.raises(UserErrors) as error:
        propose(data)
    assert len(error.value.problems) == 2


def test_every_bundle_is_a_recipe(tmp_path: Path) -> None:
    assert "finance" in bundles()
    for name in bundles():
        path = tmp_path / f"{name}.yaml"
        path.write_text(bundle(name), encoding="utf-8")
        assert load(path).tasks


def test_an_unknown_bundle_names_the_nearest() -> None:
    with pytest.raises(UserError) as error:
        bundle("finanse")
    assert "did you mean 'finance'?" in error.value.do
    assert "finance" in error.value.expected


def test_the_verb_prints_the_recipe_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl(data)
    (data / "empty.jsonl").touch()
    init.run(from_folder=data)
    printed = capsys.readouterr()
    assert printed.out == recipe_text(propose(data))
    assert "left out: " in printed.err
    init.run("finance")
    assert capsys.readouterr().out == bundle("finance")


def test_the_verb_prints_one_object_with_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl(data)
    init.run(from_folder=data, json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["recipe"] == recipe_text(propose(data))
    assert found["tasks"]["tickets"]["labels"] == ["a", "b"]
    assert sum(found["tasks"]["tickets"]["rows"].values()) == 60
    init.run("finance", json=True)
    assert json.loads(capsys.readouterr().out)["tasks"]["fpb"]["card"] == "finance/fpb"


def test_the_verb_wants_a_bundle_or_a_folder(data: Path) -> None:
    for arguments in (
        {},
        {"bundle": "finance", "from_folder": data},
        {"from_folder": data, "from_hub": ["a/b"]},
    ):
        with pytest.raises(UserError) as error:
            init.run(**arguments)  # type: ignore[arg-type]
        assert "finance" in error.value.expected
        assert "--from-folder" in error.value.expected
