from typing import Any

import pytest
import yaml

from mixologist.recipe.fingerprint import recipe_fingerprint
from mixologist.recipe.load import dump, load

DOCUMENT: dict[str, Any] = {
    "tasks": [{"card": "finance/fpb"}, {"name": "tickets", "path": "here"}],
    "general": {"path": "g", "share": 0.1},
}
KNOWN = "1672951fc071cd7c8521cb03306e2d7e513ba536075b54f7b6c6341fbfbeeca1"
DIGESTS = {"fpb/train": "aa", "fpb/test": "bb", "tickets/train": "cc"}


def _print(*overrides: str, **digests: str) -> str:
    return recipe_fingerprint(load(DOCUMENT, overrides), DIGESTS | digests)


def test_it_is_the_same_wherever_and_however_the_recipe_is_written() -> None:
    recipe = load(DOCUMENT)
    assert len(_print()) == 64
    assert recipe_fingerprint(recipe, dict(reversed(DIGESTS.items()))) == _print()
    assert recipe_fingerprint(load(yaml.safe_load(dump(recipe))), DIGESTS) == _print()


@pytest.mark.parametrize(
    "override",
    [
        "output_dir=elsewhere",
        "training.report_to=[tensorboard]",
        "training.checkpoint_every=7",
        "training.max_tokens_per_batch=999",
        "training.num_train_epochs=3",
        "tasks.tickets.path=there",
        "general.path=there",
    ],
)
def test_what_changes_no_result_changes_nothing(override: str) -> None:
    assert _print(override) == _print()


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "base_model=org/base",
        "training.learning_rate=3e-4",
        "training.dtype=float32",
        "adapters.plan=shared",
        "evaluation.every=1",
        "tasks.fpb.train_rows=10",
        "tasks.fpb.card=finance/twitter",
        "tasks.tickets.instruction=Sort this.",
        "general.share=0.2",
        "general=",
    ],
)
def test_what_changes_results_changes_it(override: str) -> None:
    digests = {"twitter/train": "dd"} if "twitter" in override else {}
    assert _print(override, **digests) != _print(**digests)


def test_a_key_that_came_later_counts_once_it_is_set() -> None:
    """Runs from before it go on: `KNOWN` was made without it."""
    assert _print() == KNOWN
    assert _print("tasks.tickets.cluster=patient") != KNOWN


def test_contents_count() -> None:
    assert _print(**{"tickets/train": "dd"}) != _print()
    assert _print(base_model="dd") != _print()


def test_a_task_without_a_digest_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="no digest of task fpb"):
        recipe_fingerprint(load(DOCUMENT), {"tickets/train": "cc"})
