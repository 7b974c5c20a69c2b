"""The verbs as a program calls them: help, and the shapes on stdout."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
import torch

from mixologist.cli import main
from mixologist.cli.main import app
from mixologist.cli.train import again_command
from tests.cli.conftest import Cli, Place
from tests.conftest import SIZES, TASKS

ARGUMENTS = {
    "init": ["bundle", "--from-folder", "--from-hub", "--json"],
    "audit": ["recipe", "--fix", "--set", "--json"],
    "plan": ["recipe", "--set", "--allow-leakage", "--json"],
    "train": ["recipe", "--set", "--resume", "--allow-leakage", "--json"],
    "evaluate": ["run", "--split", "--markdown", "--json"],
    "route": ["run", "text", "--json"],
    "chat": ["run", "--adapter", "--max-new-tokens", "--temperature"],
    "add": ["run", "task", "--adapter", "--json"],
    "export": ["run", "--to", "--merged", "--json"],
    "report": ["run", "--out", "--json"],
    "demo": ["--folder", "--seed", "--json"],
}


def test_no_verb_is_forgotten_here() -> None:
    assert [command.name for command in app.registered_commands] == list(ARGUMENTS)


@pytest.mark.parametrize("verb", ARGUMENTS)
def test_help_names_the_arguments(verb: str, cli: Cli) -> None:
    told = cli(verb, "--help")
    assert (told.status, told.err) == (0, "")
    assert f"mixologist {verb}" in told.out
    for name in ARGUMENTS[verb]:
        assert name in told.out.casefold()


def test_help_lists_the_verbs_and_is_what_no_words_come_to(cli: Cli) -> None:
    told = cli("--help")
    assert told.status == 0
    assert all(f"\n  {verb} " in told.out for verb in ARGUMENTS)
    assert cli() == told


def test_plan(place: Place, cli: Cli) -> None:
    before = place.recipe()
    told = cli("plan", before, "--json")
    plan = told.json
    assert told.status == 0
    assert set(plan["tasks"]) == set(TASKS)
    for task in plan["tasks"].values():
        assert task["train_rows"] == SIZES["train"]
        assert task["tokens"] > 0
        assert task["licence"] == "not stated"
    assert plan["schedule"] == [{"epoch": 1, "shares": {"queue": 0.5, "sentiment": 0.5}}]
    assert plan["steps"] == 6
    assert plan["memory_bytes"] > 0
    assert any("num_train_epochs is 1" in warning for warning in plan["warnings"])
    assert not place.run.exists()


def test_overrides(place: Place, cli: Cli) -> None:
    words = ["--set", "training.num_train_epochs=2", "--set", "tasks.queue.train_rows=12"]
    plan = cli("plan", place.recipe(), *words, "--json").json
    assert plan["tasks"]["queue"]["train_rows"] == 12
    assert [epoch["epoch"] for epoch in plan["schedule"]] == [1, 2]
    assert plan["steps"] == 9


def test_plan_and_audit_in_words(place: Place, cli: Cli) -> None:
    recipe = place.recipe()
    told = cli("plan", recipe)
    assert told.status == 0
    assert "6 steps" in told.out
    assert "⟦cards<|end|>⟧" in told.out
    assert "warning: training.batch_size is 8" in told.err
    told = cli("audit", recipe)
    assert told.status == 0
    assert all(task in told.out for task in TASKS)


def test_a_licence_that_forbids_commercial_use_is_shown_and_recorded(place: Place, cli: Cli) -> None:
    about = (
        f"path: {place.data / 'queue'}\nformat: classification\nlicence: CC BY-NC 4.0\nnoncommercial: true\n"
    )
    recipe = place.recipe(tasks=[{"card": place.file("queue.yaml", about)}])
    warning = "queue: not for commercial use, as far as known (licence: CC BY-NC 4.0)"
    plan = cli("plan", recipe)
    assert "licence CC BY-NC 4.0, not for commercial use: queue" in plan.out
    assert warning in plan.err
    assert warning in cli("train", recipe).err
    record = json.loads((place.run / "run.json").read_text())
    assert warning in record["warnings"]
    assert (record["tasks"]["queue"]["licence"], record["tasks"]["queue"]["noncommercial"]) == (
        "CC BY-NC 4.0",
        True,
    )


def test_audit_says_with_its_status_whether_train_would_stop(place: Place, cli: Cli) -> None:
    recipe = place.recipe()
    assert cli("audit", recipe, "--json").status == 0
    test = (place.data / "queue" / "test.jsonl").read_text().splitlines()[0]
    with (place.data / "queue" / "train.jsonl").open("a") as train:
        train.write(f"{test}\n")
    told = cli("audit", recipe)
    assert told.status == 2
    assert "Findings" in told.out
    assert "error: train would stop for the data of queue" in told.err
    told = cli("audit", recipe, "--json")
    assert told.status == 2
    assert told.json["tasks"]["queue"]["findings"]["leak"]["places"] == ["train row 25 = test row 1"]
    assert told.json["error"].keys() == {"what", "given", "expected", "do"}
    told = cli("audit", recipe, "--fix", "clean", "--json")
    assert (told.status, told.json["fixed"]) == (0, {"recipe": "clean/recipe.yaml", "changes": 1})
    assert cli("audit", "clean/recipe.yaml").status == 0
    assert "is already there" in cli("audit", recipe, "--fix", "clean").err


def test_train(place: Place, cli: Cli) -> None:
    told = cli("train", place.recipe(), "--json")
    assert told.status == 0
    assert told.json.keys() == {"run", "seconds", "tokens", "peak_memory_bytes"}
    assert told.json["run"] == str(place.run)
    assert all(told.json[key] > 0 for key in ("seconds", "tokens", "peak_memory_bytes"))
    assert json.loads((place.run / "run.json").read_text())["status"] == "complete"
    assert {path.name for path in (place.run / "adapters").iterdir()} == {*TASKS, "shared"}


def test_evaluate(place: Place, cli: Cli) -> None:
    shutil.copytree(place.finished, place.run)
    evaluation = cli("evaluate", place.run, "--json").json
    assert evaluation["split"] == "test"
    assert set(evaluation["tasks"]) == set(TASKS)
    for task in evaluation["tasks"].values():
        assert (task["metric"], task["n"]) == ("macro_f1", SIZES["test"])
        assert task["served_by"] in {*TASKS, "shared"}
        assert set(task["systems"]) >= {"base", "single_task", "shared", "oracle", "routed"}
        for system in task["systems"].values():
            assert {"value", "low", "high", "seeds", "format_failures", "verdict"} <= system.keys()
        assert task["systems"]["shared"]["verdict"] == "not_enough_data"
    assert evaluation["router"].keys() >= {"accuracy", "n"}
    assert evaluation == json.loads((place.run / "evaluation.json").read_text())


def test_evaluate_another_split_and_a_page(place: Place, cli: Cli) -> None:
    shutil.copytree(place.finished, place.run)
    told = cli("evaluate", place.run, "--split", "validation", "--markdown", "page.md", "--title", "Mine")
    assert told.status == 0
    assert "validation rows" in told.out
    assert (place.folder / "page.md").read_text().startswith("# Mine")
    assert (place.run / "evaluation-validation.json").exists()


def test_route(place: Place, cli: Cli) -> None:
    told = cli("route", place.finished, "My new PIN is refused.", "--json")
    route = told.json
    assert (told.status, told.err) == (0, "")
    assert route["adapter"] in {*route["probabilities"], "base"}
    assert sum(route["probabilities"].values()) == pytest.approx(1)
    assert 0 <= route["base_score"] <= 1
    assert route["abstained"] is (route["adapter"] == "base")
    assert "it reads like" in cli("route", place.finished, "My new PIN is refused.").out or route["abstained"]


def test_export(place: Place, cli: Cli) -> None:
    told = cli("export", place.finished, "--to", "out", "--json")
    written = {Path(path).name for path in told.json["written"]}
    assert written == {path.name for path in (place.folder / "out").iterdir()} == {*TASKS, "shared"}
    assert cli("export", place.finished, "--to", "merged", "--merged", "queue").status == 0
    assert (place.folder / "merged/config.json").exists()


def test_the_command_that_is_printed_on_a_stop_also_begins(place: Place, cli: Cli) -> None:
    recipe = Path(place.recipe())
    named = recipe.rename(recipe.with_name("my own.yaml"))
    again = again_command(named, ["training.max_steps=2"], allow_leakage=False, features=False)
    assert cli(*shlex.split(again)[1:]).status == 0
    assert json.loads((place.run / "run.json").read_text())["keep_features"] is False
    assert not (place.run / "router" / "features.safetensors").exists()


def test_what_nobody_foresaw_is_one_message_and_a_file(
    place: Place, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "app", lambda *_, **__: 1 / 0)
    told = cli("plan", place.recipe())
    assert (told.status, told.out) == (1, "")
    assert told.err.startswith("error: a mistake in mixologist itself: ZeroDivisionError: division by zero")
    file = Path(told.err.split("report it with ")[1].strip())
    assert "Traceback" in file.read_text()
    file.unlink()


def test_a_plan_for_a_gpu_can_be_made_without_one(place: Place, cli: Cli) -> None:
    for dtype in ("float32", "auto"):
        settings = (f"training.{key}" for key in ("device=cuda", f"dtype={dtype}"))
        told = cli("plan", place.recipe(), *(part for one in settings for part in ("--set", one)), "--json")
        assert told.status == 0, told.err
    assert (told.json["seconds"] is None) == (not torch.cuda.is_available()), (
        "no other machine's time is told"
    )
