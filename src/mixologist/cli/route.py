"""Which adapter a text goes to, and why: probabilities, base score, abstained or not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mixologist import api
from mixologist.cli.console import Json, emit, out
from mixologist.model.router import Route


def run(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    text: Annotated[str, typer.Argument(help="What a user would write.")],
    json: Json = False,
) -> None:
    """See the module."""
    model = api.load(run)
    route = model.route(text)
    if json:
        emit(asdict(route))
        return
    out.print(why(route, model.router.settings.threshold), markup=False)
    for name, p in sorted(route.probabilities.items(), key=lambda item: -item[1]):
        out.print(f"  {100 * p:5.1f}%  {name}", markup=False)


def why(route: Route, threshold: float) -> str:
    """The decision in one sentence."""
    likeliest = max(route.tasks, key=route.tasks.__getitem__)
    if route.abstained:
        return f"base: nothing fits (base score {route.base_score:.2f} above {threshold:.2f}; nearest task {likeliest})"
    return f"{route.adapter}: it reads like {likeliest} (base score {route.base_score:.2f}, below {threshold:.2f})"
