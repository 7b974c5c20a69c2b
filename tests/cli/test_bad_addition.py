"""What cannot be added to a run."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from mixologist.adding import read_task
from tests.cli.bad import Bad, Kind, Kinds, bad, check
from tests.cli.conftest import Cli, Place
from tests.cli.test_bad_run import copied, cut, edit

kinds = Kinds()


def task(place: Place, **changes: Any) -> str:
    """A YAML file with one task on good rows."""
    rows = [{"text": f"It broke after {n} days.", "label": ("yes", "no")[n % 2]} for n in range(100)]
    path = place.file("new.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return place.file("new.yaml", yaml.safe_dump({"name": "new", "path": path} | changes))


def adapter(place: Place) -> Path:
    """An adapter folder of one's own, to be damaged."""
    return Path(shutil.copytree(place.finished / "adapters/queue", place.folder / "mine"))


@kinds
def nothing(place: Place) -> Bad:
    return bad("add", copied(place), says=("nothing to add", "--adapter FOLDER", "give a YAML file"))


@kinds
def an_empty_task_file(place: Place) -> Bad:
    return bad(
        "add",
        copied(place),
        place.file("new.yaml", ""),
        says=("new.yaml holds no task", "nothing", "key: value"),
    )


@kinds
def missing_task_file(place: Place) -> Bad:
    task(place)
    return bad(
        "add", copied(place), "nwe.yaml", says=("there is no file nwe.yaml", "did you mean 'new.yaml'?")
    )


@kinds
def unknown_key(place: Place) -> Bad:
    path = task(place, lable="label")
    return bad("add", copied(place), path, says=("lable: unknown key", "did you mean 'label'?"))


@kinds
def two_tasks(place: Place) -> Bad:
    tasks = {"tasks": [{"name": "a", "path": "a.jsonl"}, {"name": "b", "path": "b.jsonl"}]}
    path = place.file("new.yaml", yaml.safe_dump(tasks))
    return bad(
        "add", copied(place), path, says=("one task at a time", "new.yaml with 2 tasks", "once for each")
    )


@kinds
def taken_name(place: Place) -> Bad:
    path = task(place, name="queue")
    return bad("add", copied(place), path, says=("already has", "queue", "give it another name"))


@kinds
def missing_data(place: Place) -> Bad:
    path = task(place, path=str(place.folder / "nwe.jsonl"))
    return bad("add", copied(place), path, says=("no file or folder", "nwe.jsonl", "did you mean"))


@kinds
def base_changed(place: Place) -> Bad:
    base = Path(shutil.copytree(place.base, place.folder / "base"))
    recipe = copied(place) / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(place.base), str(base)))
    edit(base / "config.json", rms_norm_eps=1e-3)
    return bad("add", place.run, task(place), says=("the base has changed", str(base), "restore"))


@kinds
def missing_adapter(place: Place) -> Bad:
    says = ("not an adapter folder", "none lacks adapter_config.json", "name a folder")
    return bad("add", copied(place), "--adapter", "none", says=says)


@kinds
def pickled_adapter(place: Place) -> Bad:
    folder = adapter(place)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    says = ("not an adapter folder", "lacks adapter_model.safetensors", "pickled", "safetensors")
    return bad("add", copied(place), "--adapter", folder, says=says)


@kinds
def damaged_adapter(place: Place) -> Bad:
    folder = adapter(place)
    cut(folder / "adapter_model.safetensors")
    says = ("the adapter file is damaged", "mine/adapter_model.safetensors", "restore the file")
    return bad("add", copied(place), "--adapter", folder, says=says)


@kinds
def adapter_that_is_not_lora(place: Place) -> Bad:
    folder = adapter(place)
    edit(folder / "adapter_config.json", peft_type="IA3")
    says = ("the adapter is not LoRA", "mine/adapter_config.json", "LoRA adapters only")
    return bad("add", copied(place), "--adapter", folder, says=says)


@kinds
def adapter_of_a_richer_kind(place: Place) -> Bad:
    folder = adapter(place)
    edit(folder / "adapter_config.json", use_dora=True)
    says = ("options of PEFT", "mine/adapter_config.json: use_dora", "plain LoRA", "merge it into its base")
    return bad("add", copied(place), task(place), "--adapter", folder, says=says)


@kinds
def adapter_without_a_rank(place: Place) -> Bad:
    folder = adapter(place)
    edit(folder / "adapter_config.json", r="four")
    says = ("mine/adapter_config.json", "four")
    return bad("add", copied(place), "--adapter", folder, says=says)


@kinds
def adapter_of_another_base(place: Place) -> Bad:
    folder = adapter(place)
    tensors = load_file(folder / "adapter_model.safetensors")
    wider = {name: torch.cat([t, t], 1) if "lora_A" in name else t for name, t in tensors.items()}
    save_file(wider, folder / "adapter_model.safetensors")
    says = (
        "adapter 'mine' does not fit the base",
        "linears in the blocks of",
        str(place.base),
        "use the base it was trained on",
    )
    return bad("add", copied(place), "--adapter", folder, says=says)


@kinds
def adapter_with_a_taken_name(place: Place) -> Bad:
    folder = adapter(place).rename(place.folder / "sentiment")
    return bad("add", copied(place), "--adapter", folder, says=("already has", "sentiment", "another name"))


@kinds
def adapter_whose_folder_is_no_name(place: Place) -> Bad:
    folder = adapter(place).rename(place.folder / "my own")
    return bad("add", copied(place), "--adapter", folder, says=("my own", "letters", "rename"))


@kinds
def adapter_named_as_the_folder_above(place: Place) -> Bad:
    folder = adapter(place)
    (folder / "below").mkdir()
    # Taken as a name, ".." would put the adapter in the place of the whole run.
    says = ("no usable name", "below/..", "letters", "rename the folder")
    return bad("add", copied(place), "--adapter", folder / "below" / "..", says=says)


@pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)
def test_one_clear_message(kind: Kind, place: Place, cli: Cli) -> None:
    check(kind, place, cli)


def test_paths_of_a_task_are_looked_up_beside_its_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.file("there/rows.jsonl", '{"text": "a", "label": "b"}\n')
    for number, text in enumerate(("name: new\npath: rows.jsonl\n", "- {name: new, path: rows.jsonl}\n")):
        file = place.file(f"there/new{number}.yaml", text)
        monkeypatch.chdir("/")
        assert read_task(Path(file)).path == str(place.folder / "there" / "rows.jsonl")
