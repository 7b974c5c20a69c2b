from typing import Any

from mixologist.recipe.groups import problems
from mixologist.recipe.schema import Recipe


def _found(**adapters: Any) -> dict[str, str]:
    tasks = [{"card": "finance/fpb"}, {"card": "finance/finqa"}, {"name": "news", "path": "x"}]
    recipe = Recipe.model_validate({"tasks": tasks, "adapters": adapters})
    return {problem.what: problem.do for problem in problems(recipe)}


def _grouped(**groups: list[str]) -> dict[str, str]:
    return _found(plan="groups", groups=groups)


def test_every_task_in_exactly_one_group() -> None:
    assert not _grouped(words=["fpb", "news"], numbers=["finqa"])
    assert _grouped(words=["fpb", "news"], numbers=["fpb"]) == {
        "adapters.groups: task 'fpb' stands in groups 2 times": "keep fpb in one of them",
        "adapters.groups: task 'finqa' stands in no group": "add finqa to one group",
    }
    assert list(_grouped(words=["fpb", "news", "news"], numbers=["finqa"])) == [
        "adapters.groups: task 'news' stands in groups 2 times"
    ]


def test_an_unknown_task_names_the_nearest() -> None:
    found = _grouped(words=["fpb", "news", "finqa", "convfinqa"])
    assert found == {"adapters.groups.words: there is no task 'convfinqa'": "did you mean 'finqa'?"}


def test_names_of_groups() -> None:
    found = _grouped(News=["fpb", "news"], shared=["finqa"], empty=[])
    assert list(found) == [
        "adapters.groups.News is called like a task",
        "adapters.groups.shared: 'shared' has a meaning of its own",
        "adapters.groups.empty has no tasks",
    ]


def test_groups_and_plan_belong_together() -> None:
    assert list(_found(groups={"words": ["fpb"]})) == [
        "adapters.groups is given, and the plan does not use it"
    ]
    missing = _found(plan="groups")
    assert "together: [fpb, finqa, news]" in missing["adapters.groups is missing"]
