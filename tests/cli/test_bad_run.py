"""A run folder that is none, not finished, of another version or damaged; and questions that it cannot answer."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.bad import Bad, Kind, Kinds, bad, check
from tests.cli.conftest import Cli, Place

kinds = Kinds()


def copied(place: Place) -> Path:
    """A finished run of one's own, to be damaged."""
    return Path(shutil.copytree(place.finished, place.run))


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None removes one."""
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


def cut(path: Path) -> None:
    """Leave the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@kinds
def no_folder(place: Place) -> Bad:
    return bad("evaluate", "runs/none", says=("not a run folder", "runs/none has no run.json", "train first"))


@kinds
def a_recipe_for_a_run(place: Place) -> Bad:
    return bad("route", place.recipe(), "Hello", says=("not a run folder", "my.yaml", "check the path"))


@kinds
def no_harness(place: Place) -> Bad:
    if find_spec("lm_eval"):
        says = ("the harness has no such task", "queue_choise", "lm_eval ls tasks")
    else:
        says = ("lm-evaluation-harness is not installed", "lm_eval", "pip install 'mixologist[harness]'")
    return bad("evaluate", place.finished, "--harness", "queue_choise", says=says)


@kinds
def seeds_of_no_curve(place: Place) -> Bad:
    says = ("--curve-seeds goes with --learning-curve", "--curve-seeds 5 alone", "leave --curve-seeds out")
    return bad("evaluate", place.finished, "--curve-seeds", 5, says=says)


@kinds
def a_limit_of_no_harness(place: Place) -> Bad:
    says = ("--harness-limit goes with --harness", "add --harness TASK")
    return bad("evaluate", place.finished, "--harness-limit", 5, says=says)


@kinds
def another_version(place: Place) -> Bad:
    edit(copied(place) / "run.json", version=99)
    says = ("another version", "run.json: 99", "version 1", "the mixologist that made it")
    return bad("export", place.run, "--to", "out", says=says)


@kinds
def broken_record(place: Place) -> Bad:
    cut(copied(place) / "run.json")
    return bad("evaluate", place.run, says=("run.json is damaged", "line", "train the run again"))


@kinds
def record_without_its_keys(place: Place) -> Bad:
    edit(copied(place) / "run.json", adapters=None)
    return bad("route", place.run, "Hello", says=("run.json is damaged", "adapters", "train the run again"))


@kinds
def data_that_has_changed(place: Place) -> Bad:
    """Its train rows stand in the test file now."""
    place.recipe()
    recipe = copied(place) / "recipe.yaml"
    known = yaml.safe_load(recipe.read_text())
    data = Path(
        shutil.copytree(Path(known["tasks"][0]["path"]).parent, place.folder / "data", dirs_exist_ok=True)
    )
    for task in known["tasks"]:
        task["path"] = str(data / Path(task["path"]).name)
    recipe.write_text(yaml.safe_dump(known))
    name = known["tasks"][0]["name"]
    shutil.copyfile(data / name / "train.jsonl", data / name / "test.jsonl")
    says = ("the run's data has changed", f"test of {name}", "restore them, or train again")
    return bad("evaluate", place.run, says=says)


@kinds
def recipe_cut_short(place: Place) -> Bad:
    (copied(place) / "recipe.yaml").write_text("tasks: [a: {")
    return bad("report", place.run, says=("recipe.yaml, line 1", "YAML"))


@kinds
def evaluation_without_tasks(place: Place) -> Bad:
    (copied(place) / "evaluation.json").write_text("{}")
    return bad("report", place.run, says=("evaluation.json is damaged", "no tasks", "mixologist evaluate"))


@kinds
def metrics_that_are_no_json(place: Place) -> Bad:
    metrics = copied(place) / "metrics.jsonl"
    metrics.write_text("junk\n" + metrics.read_text())
    return bad("report", place.run, says=("metrics.jsonl is damaged", "restore it"))


@kinds
def question_that_is_no_utf8(place: Place) -> Bad:
    says = ("message 1 has no content that is text", "udce9", "check the terminal's encoding")
    return bad("route", place.finished, "caf\udce9", says=says)


@kinds
def unfinished(place: Place) -> Bad:
    edit(copied(place) / "run.json", status="training")
    says = ("the run is not finished", "at stage 'training'", f"mixologist train {place.run} --resume")
    return bad("evaluate", place.run, says=says)


@kinds
def no_recipe(place: Place) -> Bad:
    (copied(place) / "recipe.yaml").unlink()
    return bad("evaluate", place.run, says=("there is no file", "run/recipe.yaml"))


@kinds
def base_changed(place: Place) -> Bad:
    base = Path(shutil.copytree(place.base, place.folder / "base"))
    recipe = copied(place) / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(place.base), str(base)))
    edit(base / "config.json", rms_norm_eps=1e-3)
    return bad("evaluate", place.run, says=("the base has changed", str(base), "restore the base's files"))


@kinds
def base_changed_before_a_question(place: Place) -> Bad:
    wrong = base_changed(place)
    return bad("route", place.run, "Hello", says=wrong.says)


@kinds
def base_changed_before_export(place: Place) -> Bad:
    wrong = base_changed(place)
    return bad("export", place.run, "--to", "out", "--merged", "queue", says=wrong.says)


@kinds
def damaged_adapter(place: Place) -> Bad:
    cut(copied(place) / "adapters/queue/adapter_model.safetensors")
    says = ("the adapter file is damaged", "queue/adapter_model.safetensors", "restore the file")
    return bad("route", place.run, "Hello", says=says)


@kinds
def damaged_adapter_to_export(place: Place) -> Bad:
    cut(copied(place) / "adapters/queue/adapter_model.safetensors")
    says = ("the adapter file is damaged", "queue/adapter_model.safetensors", "restore the file")
    return bad("export", place.run, "--to", "out", says=says)


@kinds
def missing_adapter(place: Place) -> Bad:
    shutil.rmtree(copied(place) / "adapters/queue")
    says = ("not an adapter folder", "adapters/queue lacks adapter_config.json")
    return bad("export", place.run, "--to", "out", says=says)


@kinds
def adapter_of_another_shape(place: Place) -> Bad:
    edit(copied(place) / "adapters/queue/adapter_config.json", r=8)
    says = ("does not fit its configuration", "adapters/queue", "lora_A (8, d_in)", "restore the folder")
    return bad("evaluate", place.run, says=says)


@kinds
def damaged_router(place: Place) -> Bad:
    cut(copied(place) / "router/router.safetensors")
    says = ("the router file is damaged", "router/router.safetensors", "restore the file")
    return bad("route", place.run, "Hello", says=says)


@kinds
def router_of_another_size(place: Place) -> Bad:
    edit(copied(place) / "router/router.json", hidden_size=7)
    says = ("the router file is damaged", "router/router.safetensors", "fit router.json")
    return bad("chat", place.run, says=says)


@kinds
def router_of_another_version(place: Place) -> Bad:
    edit(copied(place) / "router/router.json", version=99)
    return bad(
        "route", place.run, "Hello", says=("the router is of another version", "router.json: 99", "train")
    )


@kinds
def router_without_its_keys(place: Place) -> Bad:
    edit(copied(place) / "router/router.json", depth=None)
    return bad("route", place.run, "Hello", says=("router.json", "depth", "restore the file"))


@kinds
def no_router(place: Place) -> Bad:
    shutil.rmtree(copied(place) / "router")
    return bad("route", place.run, "Hello", says=("the run has no router", "lacks router.json", "--resume"))


@kinds
def unknown_split(place: Place) -> Bad:
    return bad(
        "evaluate", copied(place), "--split", "tst", says=("unknown split", "tst", "did you mean 'test'?")
    )


@kinds
def data_gone(place: Place) -> Bad:
    recipe = copied(place) / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("data/queue", "data/gone"))
    return bad("evaluate", place.run, says=("no file or folder", "data/gone"))


@kinds
def empty_text(place: Place) -> Bad:
    return bad("route", copied(place), "  ", says=("there is no question to answer", "add a user message"))


@kinds
def unknown_adapter_to_chat_with(place: Place) -> Bad:
    says = ("the run has no such adapter", "quue", "did you mean 'queue'?")
    return bad("chat", copied(place), "--adapter", "quue", says=says)


@kinds
def unknown_adapter_to_merge(place: Place) -> Bad:
    says = ("the run has no such adapter", "quue", "did you mean 'queue'?")
    return bad("export", copied(place), "--to", "out", "--merged", "quue", says=says)


@kinds
def export_folder_in_use(place: Place) -> Bad:
    place.file("out/notes.txt", "mine")
    says = ("the export folder is not empty", "out", "name another with --to")
    return bad("export", copied(place), "--to", "out", says=says)


@kinds
def changed_recipe_to_resume(place: Place) -> Bad:
    copied(place)
    says = ("the recipe or its data changed", f"{place.run}: seed", "fingerprint", "another output_dir")
    return bad("train", place.recipe(seed=1), "--resume", says=says)


@pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)
def test_one_clear_message(kind: Kind, place: Place, cli: Cli) -> None:
    check(kind, place, cli)
