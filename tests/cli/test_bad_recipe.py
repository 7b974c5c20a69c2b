"""Mistakes in a recipe: its file, its keys, its values, what it asks of the base."""

import shutil

import pytest

from tests.cli.bad import Bad, Kind, Kinds, bad, check
from tests.cli.conftest import Cli, Place

kinds = Kinds()


@kinds
def missing_file(place: Place) -> Bad:
    place.recipe()
    return bad("plan", "mine.yaml", says=("there is no file mine.yaml", "did you mean 'my.yaml'?"))


@kinds
def missing_folder(place: Place) -> Bad:
    return bad("audit", "none/my.yaml", says=("there is no folder none", "none/my.yaml", "check the path"))


@kinds
def a_folder(place: Place) -> Bad:
    place.recipe()
    return bad("plan", ".", says=(". is a folder", "a recipe file", "my.yaml"))


@kinds
def a_folder_to_train(place: Place) -> Bad:
    place.recipe()
    return bad("train", "data", says=("train takes a recipe", "data", "a YAML file", "--resume"))


@kinds
def empty_file(place: Place) -> Bad:
    return bad("train", place.file("e.yaml", ""), says=("e.yaml is empty", "mixologist init"))


@kinds
def wrong_encoding(place: Place) -> Bad:
    path = place.file("latin.yaml", "seed: 0\n# caf\xe9\n".encode("latin-1"))
    return bad("plan", path, says=("latin.yaml is not UTF-8", "line 2", "0xe9", "save the file again"))


@kinds
def broken_yaml(place: Place) -> Bad:
    path = place.file("b.yaml", "seed: 0\ntasks: [a, b\noutput_dir: x\n")
    return bad("plan", path, says=("b.yaml, line 3, column", "mend that line"))


@kinds
def a_list(place: Place) -> Bad:
    return bad("plan", place.file("l.yaml", "- a\n- b\n"), says=("l.yaml is not a recipe", "a list", "init"))


@kinds
def key_twice(place: Place) -> Bad:
    path = place.file("t.yaml", "seed: 0\nseed: 1\n")
    return bad("plan", path, says=("t.yaml, line 2", "'seed' stands twice, first in line 1", "mend"))


@kinds
def unknown_key(place: Place) -> Bad:
    path = place.recipe(trainig={"learning_rate": 1e-4})
    return bad("train", path, says=("trainig: unknown key", "did you mean 'training'?"))


@kinds
def negative_rank(place: Place) -> Bad:
    path = place.recipe(adapters={"r": -4})
    return bad("train", path, says=("adapters.r: wrong value", "-4", "1", "change the value"))


@kinds
def text_for_a_number(place: Place) -> Bad:
    path = place.recipe(training={"num_train_epochs": "three"})
    return bad("plan", path, says=("training.num_train_epochs: wrong value", "'three'", "a number"))


@kinds
def unknown_schedule(place: Place) -> Bad:
    path = place.recipe(mixture={"schedule": "proportionel"})
    return bad("plan", path, says=("mixture.schedule", "proportionel", "did you mean 'proportional'?"))


@kinds
def clashing_names(place: Place) -> Bad:
    task = {"name": "queue", "path": str(place.data / "queue")}
    path = place.recipe(tasks=[task, task | {"name": "Queue"}])
    return bad("train", path, says=("tasks[1] and tasks[0] have the same name", "Queue", "name: Queue-2"))


@kinds
def reserved_name(place: Place) -> Bad:
    return bad("plan", place.task(name="base"), says=("tasks[0]", "base", "name"))


@kinds
def name_with_a_slash(place: Place) -> Bad:
    return bad("train", place.task(name="../queue"), says=("tasks[0].name", "../queue"))


@kinds
def no_tasks(place: Place) -> Bad:
    return bad("train", place.recipe(tasks=[]), says=("tasks", "[]"))


@kinds
def a_task_without_data(place: Place) -> Bad:
    path = place.recipe(tasks=[{"name": "queue"}])
    return bad("plan", path, says=("tasks[0] names no data", "card: finance/fpb", "add card or path"))


@kinds
def unknown_card(place: Place) -> Bad:
    path = place.recipe(tasks=[{"card": "finance/fbp"}])
    return bad("plan", path, says=("unknown card", "finance/fbp", "did you mean 'finance/fpb'?"))


@kinds
def card_offline(place: Place) -> Bad:
    path = place.recipe(tasks=[{"card": "finance/fpb"}])
    says = ("card finance/fpb: its data is not here", "MIXOLOGIST_DATA is not set", "set MIXOLOGIST_DATA to")
    return bad("train", path, says=says)


@kinds
def groups_that_miss_a_task(place: Place) -> Bad:
    path = place.recipe(adapters={"plan": "groups", "groups": {"desk": ["queue"]}})
    return bad("plan", path, says=("adapters.groups", "sentiment"))


@kinds
def too_much_general_data(place: Place) -> Bad:
    spec = {"path": str(place.data / "queue"), "share": 0.6}
    return bad(
        "plan",
        place.recipe(general=spec, math=spec),
        says=("general.share and math.share", "0.6 + 0.6", "lower"),
    )


@kinds
def several_mistakes(place: Place) -> Bad:
    path = place.recipe(seeds=1, adapters={"rang": 4}, output_dir="")
    says = ("seeds: unknown key", "evaluation.seeds", "adapters.rang: unknown key", "output_dir is empty")
    return bad("train", path, says=says)


@kinds
def override_without_a_value(place: Place) -> Bad:
    says = ("--set seed: there is no =", "write --set seed=VALUE")
    return bad("plan", place.recipe(), "--set", "seed", says=says)


@kinds
def override_of_nothing(place: Place) -> Bad:
    says = ("--set training.epochs: unknown key", "training.num_train_epochs")
    return bad("train", place.recipe(), "--set", "training.epochs=2", says=says)


@kinds
def trunk_too_deep(place: Place) -> Bad:
    path = place.recipe(adapters={"trunk": 99})
    return bad("plan", path, says=("adapters.trunk leaves no block", "0 to ", "lower it"))


@kinds
def router_too_deep(place: Place) -> Bad:
    path = place.recipe(router={"depth": 9})
    return bad("plan", path, says=("router.depth is deeper than the base", "9", "1 to ", "lower it"))


@kinds
def unknown_module(place: Place) -> Bad:
    path = place.recipe(adapters={"target_modules": ["q_prj"]})
    return bad("train", path, says=("adapters.target_modules", "q_prj", "did you mean 'q_proj'?"))


@kinds
def too_long_for_the_base(place: Place) -> Bad:
    path = place.recipe(training={"max_length": 4096})
    return bad("plan", path, says=("max_length", "4096", "at most 512 tokens", "training.max_length: 512"))


@kinds
def no_such_device(place: Place) -> Bad:
    training = {"device": "cuda:99", "max_length": 256}
    return bad("train", place.recipe(training=training), says=("training.device", "cuda:99", "device: auto"))


@kinds
def output_folder_in_use(place: Place) -> Bad:
    place.file("run/notes.txt", "mine")
    return bad(
        "train",
        place.recipe(),
        says=("output_dir is not empty", str(place.run), "name another", "output_dir="),
    )


@kinds
def output_folder_of_another_run(place: Place) -> Bad:
    shutil.copytree(place.finished, place.run)
    says = ("output_dir is not empty", str(place.run), "continue the run in it with --resume")
    return bad("train", place.recipe(), says=says)


@kinds
def output_folder_is_a_file(place: Place) -> Bad:
    place.file("run", "mine")
    return bad("train", place.recipe(), says=("output_dir is a file", str(place.run), "output_dir="))


@pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)
def test_one_clear_message(kind: Kind, place: Place, cli: Cli) -> None:
    check(kind, place, cli)
