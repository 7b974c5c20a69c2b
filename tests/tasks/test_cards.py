"""The cards that come with the package, and the recipes that use them."""

import os
import re
from pathlib import Path

import pytest

from mixologist.evaluation.metrics import make
from mixologist.recipe.load import load
from mixologist.recipe.schema import Recipe, TaskSpec
from mixologist.records import Outcome
from mixologist.tasks.card import find, merge, shipped_cards
from mixologist.tasks.formats import FORMATS, bind
from mixologist.tasks.formats.base import label_text
from mixologist.tasks.formats.classification import Classification
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


@pytest.mark.parametrize("name", [name for name in shipped_cards() if find(name).instruction])
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
def test_real_rows_go_there_and_back(name: str) -> None:
    """What is written of an answer reads back as the answer, and scores as right as can be."""
    spec = TaskSpec(card=name, train_rows=20, validation_rows=14, test_rows=14)
    (task,) = load_tasks(Recipe(tasks=(spec,))).tasks.values()
    metric = make(task.metric, labels=task.labels, tolerance=task.tolerance)
    for split in task.splits.values():
        assert len(split) >= 14
        outcomes = []
        for example in split:
            prompt = "\n".join(message["content"] for message in example.messages)
            assert all(text.strip() for text in (prompt, example.text, example.completion))
            assert example.context in prompt
            assert example.completion != example.text
            parsed = task.format.parse(example.completion)
            if isinstance(parsed, float):
                assert parsed == pytest.approx(example.reference, rel=1e-4, abs=1e-6)
            else:
                assert parsed == example.reference
            if task.metric != "rouge_l" or re.search(
                "[a-z0-9]", example.completion.lower()
            ):  # else ROUGE sees no word
                outcomes.append(Outcome(example.id, parsed, example.reference, example.completion))
        assert float(metric.value(metric.counts(outcomes).sum(0))) == pytest.approx(1, abs=1e-6)


@needs_data
def test_every_set_with_train_rows_has_a_card() -> None:
    sets = {path.parent.name for path in Path(DATA or "").glob("*/train.jsonl")}
    assert sets <= {find(name).data for name in shipped_cards()}


@needs_data
@pytest.mark.parametrize("name", [name for name in shipped_cards() if find(name).labels])
def test_labels_of_cards_are_those_of_the_data(name: str) -> None:
    spec = merge(TaskSpec(card=name))
    tables = open_source(spec.path, spec.join)
    own, _ = part(tables, spec.out_of_scope, name)
    source = {split: rows.select(own[split]) for split, rows in tables.items()}
    format = bind(source, task=name, columns=spec.columns, format=spec.format, labels=spec.labels)
    if spec.format == "extraction":
        for rows in source.values():
            assert set(format.find_labels(rows, format.columns)) <= set(format.labels)
        return
    assert isinstance(format, Classification)
    cells = {label_text(cell) for rows in source.values() for cell in rows[format.columns["label"]]}
    assert {format.label(cell, "label", name) for cell in cells} == set(format.labels)
