"""The documentation against the code: commands, keys with their defaults, examples, links."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

import mixologist
from mixologist.adding import read_task
from mixologist.cli.main import app
from mixologist.recipe import reading, schema, shape
from mixologist.recipe.load import load
from mixologist.tasks.card import Card
from mixologist.tasks.formats import FORMATS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
KEYS = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
SECTIONS: dict[str, tuple[type[schema.Section], set[str]]] = {
    "recipe": (schema.Recipe, set()),
    "tasks": (schema.TaskSpec, set()),
    "general and math": (schema.ShareSpec, set(schema.TaskSpec.model_fields)),
    "mixture": (schema.Mixture, set()),
    "adapters": (schema.Adapters, set()),
    "router": (schema.Router, set()),
    "training": (schema.Training, set()),
    "evaluation": (schema.Evaluation, set()),
    "endpoints": (schema.Endpoint, set()),
    "cards": (Card, set(schema.TaskSpec.model_fields)),
}
"""Heading in docs/recipe.md -> the model whose keys stand there, and those that stand elsewhere."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(language: str) -> list[Any]:
    """Every fenced block of a language in all pages."""
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [
        pytest.param(text, id=f"{name_of(page)}-{number}")
        for page in PAGES
        for number, text in enumerate(fence.findall(page.read_text("utf-8")))
    ]


def commands() -> list[str]:
    """Every line of a shell block that calls mixologist, without its comment."""
    lines = [line for block in blocks("sh") for line in block.values[0].splitlines()]
    return [line.split(" #")[0].strip() for line in lines if line.startswith("mixologist ")]


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """Key -> default and meaning, from the table below a heading of docs/recipe.md."""
    section = KEYS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return {
        key: (default, text)
        for key, default, text in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*)\|$", section, re.M)
    }


def keys() -> list[Any]:
    return [
        pytest.param(heading, key, field, id=f"{heading}.{key}")
        for heading, (model, elsewhere) in SECTIONS.items()
        for key, field in model.model_fields.items()
        if key not in elsewhere
    ]


def shown(field: FieldInfo) -> Any:
    """A default as the tables write it."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, schema.Section):
        return "section"
    if isinstance(default, tuple):
        return list(default)
    return "none" if default in (None, "") else default


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_format_stands_in_the_documentation_with_its_fields_and_metrics(name: str) -> None:
    table = KEYS.partition("\n## formats\n")[2].partition("\n## ")[0]
    (row,) = (line for line in table.splitlines() if f"`{name}`" in line.partition(" | ")[0])
    _, fields, _, metrics = row.strip("| ").split(" | ")
    assert all(field in fields for field in FORMATS[name].fields)
    assert metrics == ", ".join(FORMATS[name].metrics)


def test_the_readme_shows_commands() -> None:
    assert len(commands()) >= 10


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_documentation_is_accepted(command: str) -> None:
    verb, *words = shlex.split(command.split(" > ")[0])[1:]
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert verb in known
    known[verb].make_context(verb, words)  # raises for an unknown option or a missing argument


def test_no_page_names_a_verb_that_is_not_there() -> None:
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for page in PAGES:
        assert set(re.findall(r"`mixologist ([a-z]+)", page.read_text("utf-8"))) <= known, name_of(page)


@pytest.mark.parametrize(("heading", "key", "field"), keys())
def test_a_key_stands_in_the_documentation_with_its_default(heading: str, key: str, field: FieldInfo) -> None:
    default, text = rows(heading)[key]
    assert reading.parse(default, key) == shown(field)
    if isinstance(field.validation_alias, AliasChoices):
        aliases = {str(alias) for alias in field.validation_alias.choices} - {key}
        assert aliases <= set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize("heading", SECTIONS)
def test_no_key_is_documented_that_does_not_exist(heading: str) -> None:
    model, elsewhere = SECTIONS[heading]
    assert set(rows(heading)) == set(model.model_fields) - elsewhere


@pytest.mark.parametrize("heading", ["mixture", "adapters", "router", "training", "evaluation"])
def test_every_choice_of_a_key_is_named(heading: str) -> None:
    for key, (default, text) in rows(heading).items():
        for choice in shape.choices((heading, key)):
            assert choice == default or f"`{choice}`" in text, f"{heading}.{key}: {choice}"


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_in_the_documentation_is_accepted(text: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    assert load(path) if "\ntasks:" in f"\n{text}" else read_task(path)


@pytest.mark.parametrize("text", blocks("python"))
def test_python_in_the_documentation_uses_what_is_there(text: str) -> None:
    owners: dict[str, Any] = {"mixologist": mixologist, "model": mixologist.Model}
    used = [
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    ]
    assert used
    for owner, attribute in used:
        assert owner not in owners or hasattr(owners[owner], attribute), f"{owner}.{attribute}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
