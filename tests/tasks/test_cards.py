"""The cards that come with the package, and the recipes that use them."""

import os
from pathlib import Path

import pytest

from mixologist.recipe.load import load
from mixologist.recipe.schema import Recipe, TaskSpec
from mixologist.tasks.card import find, merge, shipped_cards
from mixologist.tasks.formats import FORMATS, bind
from mixologist.tasks.scope import part
from mixologist.tasks.sources import open_source
from mixologist.tasks.task import load_tasks

DATA = os.environ.get("MIXOLOGIST_DATA")
RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))

needs_data = pytest.mark.skipif(
    DATA is None, reason="MIXOLOGIST_DATA does not name the folder with the data sets"
)


@pytest.mark.parametrize("name", shipped_cards())
def test_a_card_says_all_that_one_must_know(name: str) -> None:
    card = find(name)
    assert card.data == name.partition("/")[2]
    assert card.domain == name.partition("/")[0]
    assert card.licence != "not stated"
    assert card.citation
    assert card.traps
    assert card.metric in FORMATS[card.format or ""].metrics


@pytest.mark.parametrize("name", [name for name in shipped_cards() if name.startswith("finance/")])
def test_a_task_card_rewords_its_instruction(name: str) -> None:
    card = find(name)
    wordings = [card.instruction, *card.rewordings, *card.held_out_rewordings]
    assert len(set(wordings)) == len(wordings)
    assert len(card.rewordings) >= 4
    assert len(card.held_out_rewordings) >= 3


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_its_cards_exist(path: Path) -> None:
    recipe = load(path)
    for spec in (*recipe.tasks, *filter(None, (recipe.general, recipe.math))):
        assert spec.card is None or find(spec.card)


@needs_data
@pytest.mark.parametrize("name", shipped_cards())
def test_real_data_gives_sensible_examples(name: str) -> None:
    spec = TaskSpec(card=name, train_rows=40, validation_rows=20, test_rows=20)
    (task,) = load_tasks(Recipe(tasks=(spec,))).tasks.values()
    assert min(map(len, task.splits.values())) >= 20
    for split in task.splits.values():
        for example in split:
            assert example.context in "\n".join(message["content"] for message in example.messages)
            assert example.completion not in (example.text, "")
            parsed = task.format.parse(example.completion)
            if task.metric == "numeric_match":
                assert parsed == pytest.approx(example.reference, rel=1e-4, abs=1e-6)
            else:
                assert parsed == example.reference


@needs_data
def test_labels_of_cards_are_those_of_the_data() -> None:
    for name in shipped_cards():
        spec = merge(TaskSpec(card=name))
        if spec.labels:
            source = open_source(spec.path)
            own, _ = part(source, spec.out_of_scope, name)
            source = {split: rows.select(own[split]) for split, rows in source.items()}
            format = bind(source, task=name, columns=spec.columns, format=spec.format, labels=spec.labels)
            for rows in source.values():
                assert set(format.find_labels(rows, format.columns)) <= set(spec.labels)
            assert set(format.find_labels(source["train"], format.columns)) == set(spec.labels)
