"""Print a recipe: a tested bundle, or a proposal for your own data or the hub's, every guess with its reason."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mixologist import starting
from mixologist.cli.console import Json, emit, err, following
from mixologist.errors import UserError
from mixologist.recipe import reading
from mixologist.recipe.load import load
from mixologist.recipe.names import resolved_name


def run(
    bundle: Annotated[str | None, typer.Argument(help="A bundle's name.")] = None,
    from_folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Propose a recipe for the data in this folder.")
    ] = None,
    from_hub: Annotated[
        list[str],
        typer.Option(metavar="ID", help="Propose one for data sets of the hub: owner/name; may be repeated."),
    ] = [],  # noqa: B006 - typer copies it
    json: Json = False,
) -> None:
    """See the module."""
    given = {"a bundle": bundle, "--from-folder": from_folder, "--from-hub": from_hub}
    said = [name for name, value in given.items() if value]
    if len(said) != 1:
        raise UserError(
            "init prints one recipe",
            given=" and ".join(said) or "neither a bundle nor --from-folder nor --from-hub",
            expected=f"a bundle ({', '.join(starting.bundles())}), --from-folder FOLDER with data of your own, "
            "or --from-hub ID",
            do="mixologist init --from-folder data/ > my.yaml",
        )
    found = _bundled(bundle) if bundle else _proposed(from_folder, from_hub)
    if json:
        emit(found)
    else:
        sys.stdout.write(found["recipe"])


def _bundled(name: str) -> dict[str, Any]:
    text = starting.bundle(name)
    recipe = load(reading.parse(text, name))
    tasks = {resolved_name(spec): spec.model_dump(exclude_defaults=True) for spec in recipe.tasks}
    return {"recipe": text, "tasks": tasks}


def _proposed(folder: Path | None, ids: list[str]) -> dict[str, Any]:
    with following("mixologist init (the same command again)") as follower:
        proposal = (
            starting.propose(folder, follower.stage) if folder else starting.propose_hub(ids, follower.stage)
        )
    for place, problem in proposal.left_out.items():
        err.print(starting.left_out(place, problem), markup=False, soft_wrap=True)
    return proposal.as_json()
