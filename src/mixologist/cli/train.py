"""Train a recipe: adapters, router, evaluation, in one run folder. --resume continues a stopped or killed run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mixologist.cli import results
from mixologist.cli.console import Json, Set, emit, err, following
from mixologist.cli.formatted import show_examples
from mixologist.errors import UserError
from mixologist.files import read_json
from mixologist.pipeline import execute
from mixologist.planning import resolve
from mixologist.recipe.load import load
from mixologist.recipe.schema import Recipe
from mixologist.runfolder import RunFolder


def run(
    recipe: Annotated[Path, typer.Argument(help="The recipe (YAML), or with --resume a run folder.")],
    set_: Set = [],  # noqa: B006 - typer copies it
    resume: Annotated[bool, typer.Option(help="Continue the run in output_dir.")] = False,
    allow_leakage: Annotated[
        bool, typer.Option(help="Go on where a row stands in train and in test.")
    ] = False,
    features: Annotated[bool, typer.Option(help="Keep the router's features, which `add` can use.")] = True,
    json: Json = False,
) -> None:
    """See the module."""
    loaded = _recipe(recipe, set_, resume)
    folder = RunFolder(Path(loaded.output_dir))
    if resume and folder.exists():
        allow_leakage = allow_leakage or folder.record()["allow_leakage"]
    if not (resume and folder.exists()):
        folder.check_free()  # before the data is read, which may take minutes
    again = again_command(recipe, set_, allow_leakage, features)
    with following(again) as follower:
        plan = resolve(loaded, allow_leakage=allow_leakage, stage=follower.stage)
        for warning in plan.warnings:
            err.print(f"warning: {warning}", markup=False, soft_wrap=True)
        show_examples(plan, err)
        record = execute(plan, resume=resume, keep_features=features, hooks=follower.hooks())
    if json:
        emit(
            {"run": str(folder.path)}
            | {key: record[key] for key in ("seconds", "tokens", "peak_memory_bytes")}
        )
        return
    results.show(folder, read_json(folder.evaluation), record)


def again_command(recipe: Path, overrides: list[str], allow_leakage: bool, features: bool) -> str:
    """What goes on with this training, also before its folder is there."""
    sets = [word for override in overrides for word in ("--set", override)]
    options = ["--allow-leakage"] * allow_leakage + ["--no-features"] * (not features)
    return shlex.join(["mixologist", "train", str(recipe), *sets, *options, "--resume"])


def _recipe(source: Path, overrides: list[str], resume: bool) -> Recipe:
    if not source.is_dir():
        return load(source, overrides)
    if not resume:
        raise UserError(
            "train takes a recipe",
            given=source,
            expected="a YAML file",
            do=f"to continue the run in this folder: mixologist train {source} --resume",
        )
    folder = RunFolder(source)
    folder.record()
    return load(folder.recipe, [*overrides, f"output_dir={source}"])
