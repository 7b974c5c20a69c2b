"""Words that no verb knows, folders that cannot be written; and the real program, started as a person starts it."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.bad import Bad, Kind, Kinds, bad, check
from tests.cli.conftest import Cli, Place

kinds = Kinds()


@kinds
def unknown_verb(place: Place) -> Bad:
    return bad("trian", place.recipe(), says=("No such command 'trian'", "'train'", "see mixologist --help"))


@kinds
def missing_argument(place: Place) -> Bad:
    return bad("export", says=("Missing", "export [OPTIONS]", "see mixologist export --help"))


@kinds
def unknown_option(place: Place) -> Bad:
    says = ("No such option: --epochs", "plan [OPTIONS]", "see mixologist plan --help")
    return bad("plan", place.recipe(), "--epochs", "3", says=says)


@kinds
def option_of_another_kind(place: Place) -> Bad:
    says = ("--max-new-tokens", "integer", "see mixologist chat --help")
    return bad("chat", place.finished, "--max-new-tokens", "few", says=says)


@kinds
def unknown_bundle(place: Place) -> Bad:
    return bad("init", "finanse", says=("finanse", "did you mean 'finance'?"))


@kinds
def neither_bundle_nor_folder(place: Place) -> Bad:
    return bad("init", says=("finance", "--from-folder"))


@kinds
def no_folder_to_propose_from(place: Place) -> Bad:
    return bad("init", "--from-folder", "none", says=("no folder none", "name the folder"))


@kinds
def folder_with_nothing_to_learn(place: Place) -> Bad:
    place.file("empty/notes.md", "nothing here")
    return bad("init", "--from-folder", "empty", says=("no data in empty", "name the folder"))


@kinds
def output_below_a_file(place: Place) -> Bad:
    path = place.recipe(output_dir=place.file("notes.txt", "mine") + "/run")
    return bad(
        "train", path, says=("output_dir cannot be written", "notes.txt is a file", "--set output_dir=")
    )


@kinds
def report_over_a_folder(place: Place) -> Bad:
    (place.folder / "out").mkdir()
    says = ("the report cannot be written", "out: is a folder", "name a file with --out")
    return bad("report", place.finished, "--out", "out", says=says)


@kinds
def page_over_a_folder(place: Place) -> Bad:
    (place.folder / "out").mkdir()
    says = ("the page cannot be written", "out: is a folder", "name a file with --markdown")
    return bad("evaluate", place.finished, "--markdown", "out", says=says)


@kinds
def demo_in_a_folder_in_use(place: Place) -> Bad:
    place.file("own/recipe.yaml", "my: recipe")
    return bad("demo", "--folder", "own", says=("the demo's folder is not empty", "own", "--folder"))


@kinds
def export_below_a_file(place: Place) -> Bad:
    to = place.file("notes.txt", "mine") + "/out"
    says = ("the export folder cannot be written", "notes.txt is a file", "name another with --to")
    return bad("export", place.finished, "--to", to, says=says)


@pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)
def test_one_clear_message(kind: Kind, place: Place, cli: Cli) -> None:
    check(kind, place, cli)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk: no file can grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("merged", [[], ["--merged", "queue"]])
def test_a_disk_that_is_full_leaves_no_half_of_an_export(place: Place, cli: Cli, merged: list[str]) -> None:
    before = place.files()
    with files_of_at_most(4000):
        told = cli("export", place.finished, "--to", "out", *merged)
    assert (told.status, told.out) == (1, "")
    assert told.err.startswith("error: failed while running: ")
    assert "File too large" in told.err
    assert place.files() == before
    assert cli("export", place.finished, "--to", "out", *merged).status == 0


def test_a_disk_that_is_full_stops_a_training_that_then_goes_on(place: Place, cli: Cli) -> None:
    recipe = place.recipe()
    with files_of_at_most(30_000):
        told = cli("train", recipe, "--json")
    assert told.status == 1
    assert "File too large" in told.json["error"]["what"]
    assert "--resume" in told.json["error"]["do"]
    assert not [name for name in place.files() if "partial" in name]
    assert json.loads((place.run / "run.json").read_text())["status"] == "training"
    assert cli("train", place.run, "--resume", "--json").status == 0
    weights = "adapters/shared/adapter_model.safetensors"
    assert (place.run / weights).read_bytes() == (place.finished / weights).read_bytes()


def test_a_damaged_checkpoint_is_named(place: Place, cli: Cli) -> None:
    recipe = place.recipe()
    with files_of_at_most(30_000):
        cli("train", recipe)
    checkpoint = place.run / "checkpoints/step-00000003"
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.json").write_text("{")
    told = cli("train", recipe, "--resume")
    assert told.status == 2
    assert f"{checkpoint}/state.json is damaged" in told.err
    assert (checkpoint / "state.json").read_text() == "{"


def program(*words: object) -> subprocess.CompletedProcess[str]:
    """The installed program in a process of its own."""
    command = [str(Path(sys.executable).with_name("mixologist")), *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"}
    )


def test_the_program_says_it_in_words(place: Place) -> None:
    told = program("train", place.recipe(adapters={"r": -4}))
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("error: adapters.r: wrong value\n  given: -4\n  expected: ")
    assert not place.run.exists()


def test_the_program_says_it_in_json(place: Place) -> None:
    shutil.copytree(place.finished, place.run)
    weights = place.run / "adapters/queue/adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    told = program("route", place.run, "Hello", "--json")
    assert (told.returncode, told.stderr) == (2, "")
    assert json.loads(told.stdout)["error"]["what"] == "the adapter file is damaged"
