from typing import Any

import pytest

from mixologist.recipe.checks import problems
from mixologist.recipe.schema import RESERVED_NAMES, Recipe

FPB = {"card": "finance/fpb"}


def _found(*tasks: dict[str, Any], **sections: Any) -> list[str]:
    recipe = Recipe.model_validate({"tasks": tasks, **sections})
    return [problem.what for problem in problems(recipe)]


def test_a_sound_recipe() -> None:
    assert not _found(
        FPB,
        {"name": "twice", "card": "finance/fpb", "path": "data/other"},
        {"name": "tickets", "path": "data/tickets.jsonl", "text": "body", "columns": {"label": "queue"}},
        general={"path": "data/general.jsonl", "share": 0.6},
        math={"card": "math/gsm8k", "share": 0.3},
    )


def test_a_task_needs_data_and_a_path_needs_a_name() -> None:
    assert _found({"name": "a"}, {}, {"path": "data/my tickets.jsonl"}) == [
        "tasks[0] names no data",
        "tasks[1] names no data",
        "tasks[2] has a path and no name",
    ]
    (problem,) = problems(Recipe.model_validate({"tasks": [{"path": "data/my tickets.jsonl"}]}))
    assert "`name: my-tickets`" in problem.do


@pytest.mark.parametrize("section", ["general", "math"])
def test_general_and_math_need_data(section: str) -> None:
    assert _found(FPB, **{section: {"share": 0.1}}) == [f"{section} names no data"]


def test_names_that_clash() -> None:
    assert _found(FPB, FPB, {"name": "FPB", "path": "x"}) == [
        "tasks[1] and tasks[0] have the same name",
        "tasks[2] and tasks[0] have the same name",
    ]


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_reserved_names(name: str) -> None:
    what = f"tasks[0]: '{name}' has a meaning of its own"
    assert _found({"name": name, "path": "x"}) == [what]
    assert _found({"card": f"mine/{name}"}) == [what]


def test_a_card_whose_file_gives_no_name() -> None:
    assert _found({"card": "cards/my card.yaml"}) == ["tasks[0]: its card gives no usable name"]


def test_two_columns_for_one_field() -> None:
    assert _found(FPB | {"text": "body", "columns": {"text": "title"}}) == [
        "tasks[0] names two columns for text"
    ]


def test_empty_texts() -> None:
    assert _found(FPB, base_model=" ", output_dir="") == ["base_model is empty", "output_dir is empty"]


@pytest.mark.parametrize(
    ("general", "math", "sound"), [(0.6, 0.3, True), (0.34, 0.56, True), (0.6, 0.31, False)]
)
def test_shares_leave_a_tenth_for_the_tasks(general: float, math: float, *, sound: bool) -> None:
    found = _found(FPB, general={"path": "g", "share": general}, math={"path": "m", "share": math})
    assert found == ([] if sound else ["general.share and math.share leave too little for the tasks"])


@pytest.mark.parametrize(
    ("place", "silenced"),
    [
        (("tasks", 0, "path"), True),
        (("tasks", 0, "nme"), True),
        (("tasks", 0, "train_rows"), False),
        (("tasks", 1, "name"), False),
        (("training", "nme"), False),
    ],
)
def test_what_another_mistake_leaves_in_doubt_is_not_judged(
    place: tuple[str | int, ...], *, silenced: bool
) -> None:
    recipe = Recipe.model_validate({"tasks": [{"name": "a"}, FPB]})
    assert bool(list(problems(recipe, {place}))) is not silenced


def test_groups_are_not_judged_when_a_task_is_in_doubt() -> None:
    groups = {"plan": "groups", "groups": {"all": ["fpb", "a"]}}
    recipe = Recipe.model_validate({"tasks": [FPB, {"path": "x"}], "adapters": groups})
    assert not list(problems(recipe, {("tasks", 1, "nme")}))
    assert not list(problems(recipe, {("tasks", 1, "nme"), ("general",)}))


def test_a_label_stands_once() -> None:
    assert _found(FPB | {"labels": ["a", "b", "a"]}) == ["tasks[0].labels names a label twice"]
