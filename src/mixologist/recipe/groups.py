"""Plan ``groups``: every task in exactly one group, every group with a name and tasks."""

from __future__ import annotations

from collections.abc import Iterator

from mixologist.errors import UserError, nearest
from mixologist.recipe.names import reserved_name, resolved_name
from mixologist.recipe.schema import RESERVED_NAMES, Adapters, Recipe


def problems(recipe: Recipe) -> Iterator[UserError]:
    """Every mistake in ``adapters.groups``, or in giving it to another plan."""
    adapters = recipe.adapters
    names = [resolved_name(spec) for spec in recipe.tasks if spec.name or spec.card]
    if bool(adapters.groups) != (adapters.plan == "groups"):
        yield _mismatch(adapters, names)
    elif adapters.groups:
        for group, members in adapters.groups.items():
            yield from _group(group, members, names)
        yield from _coverage(adapters.groups, names)


def _mismatch(adapters: Adapters, names: list[str]) -> UserError:
    if adapters.groups:
        return UserError(
            "adapters.groups is given, and the plan does not use it",
            given=f"plan: {adapters.plan}",
            expected="plan: groups",
            do="write `plan: groups`, or leave groups out",
        )
    return UserError(
        "adapters.groups is missing",
        given="plan: groups",
        expected="for each adapter its name and the list of its tasks",
        do=f"add `groups: {{together: [{', '.join(names)}]}}`, or choose another plan",
    )


def _group(group: str, members: tuple[str, ...], names: list[str]) -> Iterator[UserError]:
    where = f"adapters.groups.{group}"
    if group.casefold() in RESERVED_NAMES:
        yield reserved_name(where, group)
    for name in names:
        if name.casefold() == group.casefold():
            yield UserError(
                f"{where} is called like a task",
                given=group,
                expected="a name of its own",
                do=f"rename the group, such as `{group}-group`",
            )
    if not members:
        yield UserError(
            f"{where} has no tasks", given="[]", expected="at least one task", do="add one or drop it"
        )
    for member in members:
        if member not in names:
            yield UserError(
                f"{where}: there is no task '{member}'",
                given=member,
                expected="the name of a task",
                do=nearest(member, names),
            )


def _coverage(groups: dict[str, tuple[str, ...]], names: list[str]) -> Iterator[UserError]:
    for name in dict.fromkeys(names):
        homes = [group for group, members in groups.items() for member in members if member == name]
        if len(homes) != 1:
            count = "no group" if not homes else f"groups {len(homes)} times"
            yield UserError(
                f"adapters.groups: task '{name}' stands in {count}",
                given=", ".join(homes),
                expected="every task in exactly one group",
                do=f"add {name} to one group" if not homes else f"keep {name} in one of them",
            )
