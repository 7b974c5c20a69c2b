"""Print a recipe: a tested bundle, or with --from-folder a proposal for your own data, every guess with its reason."""

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
    json: Json = False,
) -> None:
    """See the module."""
    if (bundle is None) == (from_folder is None):
        raise UserError(
            "init prints one recipe",
            given=f"{bundle} and --from-folder" if bundle else "neither a bundle nor --from-folder",
            expected=f"a bundle ({', '.join(starting.bundles())}), or --from-folder FOLDER with data of your own",
            do="mixologist init --from-folder data/ > my.yaml",
        )
    found = _proposed(from_folder) if from_folder else _bundled(str(bundle))
    if json:
        emit(found)
    else:
        sys.stdout.write(found["recipe"])


def _bundled(name: str) -> dict[str, Any]:
    text = starting.bundle(name)
    recipe = load(reading.parse(text, name))
    tasks = {resolved_name(spec): spec.model_dump(exclude_defaults=True) for spec in recipe.tasks}
    return {"recipe": text, "tasks": tasks}


def _proposed(folder: Path) -> dict[str, Any]:
    with following(f"mixologist init --from-folder {folder}") as follower:
        proposal = starting.propose(folder, follower.stage)
    for place, problem in proposal.left_out.items():
        err.print(starting.left_out(place, problem), markup=False, soft_wrap=True)
    return proposal.as_json()
