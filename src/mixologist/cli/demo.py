"""See it work, offline, in minutes: eight small generated tasks; sharing helps one of them and hurts another."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from mixologist import api
from mixologist.cli import results
from mixologist.cli.console import Json, emit, err, following, out
from mixologist.cli.route import why
from mixologist.demo.build import build
from mixologist.files import check_empty, check_writable, read_json
from mixologist.pipeline import execute
from mixologist.planning import resolve
from mixologist.recipe.load import load
from mixologist.runfolder import RunFolder

TEXTS = (
    "Which queue is this ticket for?\n\nMy parcel has been at the depot for a week and nobody calls back.",
    "The kettle I bought from you leaks on the counter, what a disappointment.",
    "Write a poem about the sea.",
)
"""A prompt as trained, a raw text without instruction, and something that no task is about."""


def run(
    folder: Annotated[
        Path | None, typer.Option(help="Where to write data and run; default: a new temporary folder.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of data and training.")] = 0,
    json: Json = False,
) -> None:
    """See the module."""
    place = (folder or Path(tempfile.mkdtemp(prefix="mixologist-demo-"))).resolve()
    _check_free(place)
    err.print(f"Writing eight small tasks to {place} ...", soft_wrap=True)
    recipe = build(place, seed)
    with following(f"mixologist train {recipe} --resume") as follower:
        record = execute(resolve(load(recipe), stage=follower.stage), hooks=follower.hooks())
    run_folder = RunFolder(place / "run")
    evaluation = read_json(run_folder.evaluation)
    if json:
        emit({"run": str(run_folder.path), "seconds": record["seconds"], "evaluation": evaluation})
        return
    results.show(run_folder, evaluation, record)
    _routes(run_folder)
    out.print(_next(run_folder.path), markup=False, soft_wrap=True)


def _check_free(place: Path) -> None:
    """Raise `UserError` where something of the user's lies in the place of the demo's data."""
    again = shlex.join(["mixologist", "train", str(place / "recipe.yaml"), "--resume"])
    begun = f"go on with: {again}, or " * RunFolder(place / "run").exists()
    check_empty(place, "the demo's folder", f"{begun}name another with --folder")
    check_writable(place / "recipe.yaml", "the demo's folder", "name another with --folder")


def _routes(folder: RunFolder) -> None:
    model = api.load(folder.path)
    out.print("\nThree texts and where they go:", style="bold")
    for text in TEXTS:
        route = model.route(text)
        answer = model.generate(text, max_new_tokens=24)
        out.print(
            f"  {text!r}\n    -> {why(route, model.router.settings.threshold)}; answer: {answer.text!r}",
            markup=False,
        )


def _next(run: Path) -> str:
    return f"""
Now you:
  mixologist chat {run}
      talk to it, routed turn by turn
  mixologist init --from-folder YOUR-DATA/ > my.yaml
      a recipe from a folder of your own files
  mixologist plan my.yaml
      what training would do
  mixologist train my.yaml
      do it"""
