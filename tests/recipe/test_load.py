from pathlib import Path
from typing import Any

import pytest
import yaml

from mixologist.errors import UserError, UserErrors
from mixologist.recipe.load import dump, load, resolved_name

RECIPE = """
model_name_or_path: org/some-base
tasks:
  - card: finance/fpb
    train_rows: 50
  - name: tickets
    path: tickets.jsonl
    format: classification
    labels: [yes, no, 1e3x]
general: {path: org/general, share: 0.2}
adapters: {lora_r: 8, target_modules: [q_proj, v_proj]}
training: {learning_rate: 1e-3, per_device_train_batch_size: 4}
"""


def _write(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_from_a_file_a_string_and_a_dictionary(tmp_path: Path) -> None:
    path = _write(tmp_path)
    recipe = load(path, ["training.num_train_epochs=1", "tasks.tickets.train_rows=7"])
    assert recipe == load(str(path), ["training.num_train_epochs=1", "tasks.1.train_rows=7"])
    assert (recipe.adapters.r, recipe.training.batch_size, recipe.training.learning_rate) == (8, 4, 1e-3)
    assert (recipe.training.num_train_epochs, recipe.tasks[1].train_rows) == (1, 7)
    assert recipe.tasks[1].labels == ("yes", "no", "1e3x")
    assert [resolved_name(task) for task in recipe.tasks] == ["fpb", "tickets"]
    assert load({"tasks": [{"card": "finance/fpb"}]}).tasks[0].card == "finance/fpb"


def test_a_dump_loads_back_equal_and_spells_every_default_out(tmp_path: Path) -> None:
    recipe = load(_write(tmp_path), ["adapters={plan: groups, groups: {z: [fpb], a: [tickets]}}"])
    text = dump(recipe)
    assert load(_write(tmp_path, text)) == recipe
    assert dump(load(_write(tmp_path, text))) == text
    plain = yaml.safe_load(text)
    assert list(plain)[:4] == ["base_model", "output_dir", "seed", "tasks"]
    assert plain["tasks"][1]["labels"] == ["yes", "no", "1e3x"]
    assert plain["training"]["weight_decay"] == 0.01
    assert list(plain["adapters"]["groups"]) == ["z", "a"]


def test_mistakes_of_every_kind_come_together(tmp_path: Path) -> None:
    text = RECIPE + "math: {path: m, share: 0.8}\nrouter: {dept: 2}\noutput_dir: 3\n"
    with pytest.raises(UserErrors) as caught:
        load(_write(tmp_path, text), ["sed=1", "adapters.groups={a: [fpb]}"])
    assert [problem.what for problem in caught.value.problems] == [
        "--set sed: unknown key",
        "output_dir: wrong value",
        "router.dept: unknown key",
        "general.share and math.share leave too little for the tasks",
        "adapters.groups is given, and the plan does not use it",
    ]
    assert caught.value.exit_code == 2


def test_one_mistake_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(_write(tmp_path, "tasks: []\n"))
    assert not isinstance(caught.value, UserErrors)
    with pytest.raises(UserError, match="there is no file"):
        load(tmp_path / "none.yaml")


def test_what_exists_becomes_absolute_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, working = tmp_path / "beside", tmp_path / "working"
    for folder in (beside / "base", working / "base", working / "builtin"):
        folder.mkdir(parents=True)
    for file in (beside / "a.jsonl", working / "a.jsonl", working / "g.jsonl", beside / "card.yaml"):
        file.touch()
    monkeypatch.chdir(working)
    document: dict[str, Any] = {
        "base_model": "base",
        "tasks": [{"name": "a", "path": "a.jsonl"}, {"card": "card.yaml"}, {"name": "h", "path": "org/set"}],
        "general": {"path": "g.jsonl", "share": 0.1},
    }
    recipe = load(_write(beside, yaml.safe_dump(document)))
    assert recipe.base_model == str(beside / "base")
    assert recipe.tasks[0].path == str(beside / "a.jsonl")
    assert recipe.tasks[1].card == str(beside / "card.yaml")
    assert recipe.tasks[2].path == "org/set"
    assert recipe.general is not None
    assert recipe.general.path == str(working / "g.jsonl")
    assert load(document).tasks[0].path == str(working / "a.jsonl")
    assert load({"tasks": [{"card": "x/fpb"}]}).base_model == "builtin"
