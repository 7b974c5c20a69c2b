from typing import Any

import pytest

from mixologist.errors import UserError
from mixologist.recipe.load import load
from mixologist.recipe.mistakes import validate
from mixologist.recipe.shape import show

TASK = {"card": "finance/fpb"}


def _report(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What is wrong, then: given, do."""
    recipe, mistakes = validate(document)
    assert recipe is None or mistakes
    return {problem.what: (problem.given, problem.do) for problem in mistakes.values()}


def test_a_recipe_without_mistakes() -> None:
    recipe, mistakes = validate({"tasks": [TASK], "training": {"learning_rate": "1e-3"}})
    assert not mistakes
    assert recipe is not None
    assert recipe.training.learning_rate == 1e-3


def test_all_mistakes_come_at_once_each_with_place_value_and_remedy() -> None:
    document = {
        "tasks": [{"card": "finance/fpb", "train_rows": 0, "lables": ["a"]}],
        "adapters": {"r": -8, "plan": "sharde", "trunk": "deep", "target_modules": [1]},
        "training": {"learning_rate": "fast", "report_to": "tensorboard", "num_train_epochs": None},
        "general": [],
    }
    default = "change the value, or leave the key out for its default"
    assert _report(document) == {
        "tasks[0].train_rows: wrong value": ("0", default),
        "tasks[0].lables: unknown key": ("lables: ['a']", "did you mean 'labels'?"),
        "adapters.r: wrong value": ("-8", default),
        "adapters.plan: wrong value": ("'sharde'", "did you mean 'shared'?"),
        "adapters.trunk: wrong value": ("'deep'", default),
        "adapters.target_modules: wrong value": ("[1]", default),
        "training.learning_rate: wrong value": ("'fast'", default),
        "training.report_to: wrong value": ("'tensorboard'", "write a list: [tensorboard]"),
        "training.num_train_epochs: wrong value": (
            "nothing (null)",
            "give a value, or leave the key out for its default",
        ),
        "general: wrong value": ("[]", "give a value, or leave the key out for its default"),
    }


def test_mistakes_inside_a_tasks_edge_cases_name_the_nearest() -> None:
    edges = {
        "out_of_scope": {"colum": "label", "values": []},
        "slices": [{"by": "label", "edge": [1]}, {"by": "length", "edges": 50}],
        "challenges": ["typo"],
    }
    assert _report({"tasks": [TASK | edges], "router": {"out_of_scop": False}}) == {
        "tasks[0].out_of_scope.column is missing": ("", "add tasks[0].out_of_scope.column to the recipe"),
        "tasks[0].out_of_scope.colum: unknown key": ("colum: 'label'", "did you mean 'column'?"),
        "tasks[0].out_of_scope.values: wrong value": (
            "[]",
            "give a value, or leave the key out for its default",
        ),
        "tasks[0].slices[0].edge: unknown key": ("edge: [1]", "did you mean 'edges'?"),
        "tasks[0].slices[1].edges: wrong value": ("50", "write a list: [50]"),
        "tasks[0].challenges[0]: wrong value": ("'typo'", "did you mean 'typos'?"),
        "router.out_of_scop: unknown key": ("out_of_scop: False", "did you mean 'out_of_scope'?"),
    }


@pytest.mark.parametrize(
    ("section", "key", "do"),
    [
        ("training", "lerning_rate", "did you mean 'learning_rate'?"),
        ("training", "per_device_train_batch_siz", "did you mean 'per_device_train_batch_size'?"),
        ("training", "lora_r", "it belongs elsewhere: adapters.lora_r"),
        ("adapters", "learning_rate", "it belongs elsewhere: router.learning_rate or training.learning_rate"),
        ("training", "gradient_accumulation_steps", "training.batch_size is the examples per update"),
        ("training", "bf16", "training.dtype"),
        ("training", "max_seq_length", "training.max_length"),
        ("adapters", "lora_target_modules", "adapters.target_modules"),
        ("training", "dataset", "under tasks"),
    ],
)
def test_an_unknown_key_says_what_to_use_here(section: str, key: str, do: str) -> None:
    report = _report({"tasks": [TASK], section: {key: 1}})
    assert list(report) == [f"{section}.{key}: unknown key"]
    assert do in report[f"{section}.{key}: unknown key"][1]


@pytest.mark.parametrize(
    ("section", "keys", "main"),
    [
        ("training", ("batch_size", "per_device_train_batch_size"), "batch_size"),
        ("training", ("train_batch_size", "per_device_train_batch_size"), "batch_size"),
        ("adapters", ("lora_r", "r"), "r"),
    ],
)
def test_one_thing_given_under_two_names(section: str, keys: tuple[str, str], main: str) -> None:
    report = _report({"tasks": [TASK], section: dict.fromkeys(keys, 16)})
    assert report == {
        f"{section}.{main} is given twice, under two names": (", ".join(keys), f"keep {main} alone")
    }


def test_a_bad_value_under_an_alias_is_shown_as_typed() -> None:
    assert "training.train_batch_size: wrong value" in _report(
        {"tasks": [TASK], "training": {"train_batch_size": 0}}
    )


@pytest.mark.parametrize("document", [{}, {"base_model": "builtin"}])
def test_missing_tasks(document: dict[str, Any]) -> None:
    assert list(_report(document)) == ["tasks is missing"]


def test_a_wrong_item_takes_its_list_along_so_that_no_index_moves() -> None:
    recipe, mistakes = validate({"tasks": ["finance/fpb", TASK]})
    assert recipe is None
    assert [show(place) for place in mistakes] == ["tasks[0]"]


@pytest.mark.parametrize("tasks", [[], None, {"fpb": TASK}, "finance/fpb"])
def test_tasks_that_are_no_list(tasks: object) -> None:
    recipe, mistakes = validate({"tasks": tasks})
    assert recipe is None
    (problem,) = mistakes.values()
    assert problem.what == "tasks: wrong value"
    assert "`- `" in problem.do


def test_a_card_in_place_of_a_task() -> None:
    report = _report({"tasks": ["finance/fpb"]})
    assert "`- card: finance/fpb`" in report["tasks[0]: wrong value"][1]


def test_labels_that_yaml_reads_as_numbers_want_quotes() -> None:
    report = _report({"tasks": [{"card": "a", "labels": [1, True, "x"]}]})
    assert report["tasks[0].labels[0]: wrong value"] == ("1", 'put it in quotes: "1"')
    assert report["tasks[0].labels[1]: wrong value"] == ("True", 'put it in quotes: "true"')


@pytest.mark.parametrize(
    ("section", "key"), [("adapters", "r"), ("training", "learning_rate"), ("router", "depth")]
)
def test_true_is_no_number(section: str, key: str) -> None:
    assert list(_report({"tasks": [TASK], section: {key: True}})) == [f"{section}.{key}: wrong value"]


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_numbers_are_finite(value: float) -> None:
    assert list(_report({"tasks": [TASK], "training": {"learning_rate": value}})) == [
        "training.learning_rate: wrong value"
    ]


def test_a_group_with_no_name_for_a_folder() -> None:
    report = _report({"tasks": [TASK], "adapters": {"groups": {"a/b": ["fpb"]}}})
    assert list(report) == ["adapters.groups.a/b: not a name"]


def test_what_remains_without_the_mistakes_can_be_checked_further() -> None:
    document = {"tasks": [TASK | {"train_rows": -1}, {"name": "b", "nme": 1}], "seed": "x", "training": []}
    recipe, mistakes = validate(document)
    assert recipe is not None
    assert [task.card for task in recipe.tasks] == ["finance/fpb", None]
    assert {show(place) for place in mistakes} == {"tasks[0].train_rows", "tasks[1].nme", "seed", "training"}
    assert document["seed"] == "x"


def test_a_long_value_is_shortened() -> None:
    ((given, _),) = _report({"tasks": [TASK], "seed": "x" * 500}).values()
    assert len(given) == 80


@pytest.mark.parametrize(
    ("baseline", "says"),
    [
        ("few_shots", "did you mean 'few_shot'?"),
        ({"endpoint": "host", "model": "m"}, "an address such as https://host/v1"),
        ({"endpoint": "https://host/v1", "modle": "m"}, "did you mean 'model'?"),
        ({"endpoint": "https://host/v1"}, "add evaluation.baselines[1].model"),
        ({"endpoint": "https://host/v1", "model": "tfidf"}, "give it a `name:` of its own"),
    ],
)
def test_a_baseline_is_a_name_or_an_endpoint(baseline: object, says: str) -> None:
    with pytest.raises(UserError) as caught:
        load({"tasks": [{"name": "a", "path": "x"}], "evaluation": {"baselines": ["base", baseline]}})
    assert "evaluation.baselines[1]" in caught.value.what
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"), [("device", "meta"), ("device", "cuda:"), ("device", "gpu"), ("trunk_cache_gb", 1e300)]
)
def test_a_device_or_a_disk_that_there_cannot_be(key: str, value: object) -> None:
    assert list(_report({"tasks": [TASK], "training": {key: value}})) == [f"training.{key}: wrong value"]
    recipe, mistakes = validate({"tasks": [TASK], "training": {"device": "cuda:1", "trunk_cache_gb": 0}})
    assert recipe
    assert not mistakes
