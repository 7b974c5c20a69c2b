from typing import Any

import pytest

from mixologist.recipe.advice import warnings
from mixologist.recipe.schema import Recipe


def _warned(**sections: Any) -> list[str]:
    return warnings(Recipe.model_validate({"tasks": [{"card": "finance/fpb"}], **sections}))


def test_the_default_recipe_has_no_warning() -> None:
    assert _warned() == []


@pytest.mark.parametrize(
    ("key", "low", "high", "outside"),
    [
        ("learning_rate", 2e-4, 5e-4, (1.9e-4, 1e-3)),
        ("batch_size", 16, 64, (15, 65)),
        ("num_train_epochs", 3, 10, (2, 11)),
        ("weight_decay", 0.01, 0.1, (0.0, 0.2)),
    ],
)
def test_values_outside_published_ranges(
    key: str, low: float, high: float, outside: tuple[float, float]
) -> None:
    patience = {"early_stopping_patience": 3}
    for value in (low, high):
        assert _warned(training={key: value} | patience) == []
    for value in outside:
        (warning,) = _warned(training={key: value} | patience)
        assert warning.startswith(f"training.{key} is {value:g}, outside the usual {low:g} to {high:g}: ")


def test_epochs_do_not_matter_under_max_steps() -> None:
    assert _warned(training={"num_train_epochs": 1, "max_steps": 9}) == []


@pytest.mark.parametrize(
    ("sections", "start"),
    [
        (
            {"training": {"num_train_epochs": 8}},
            "training.num_train_epochs is 8 without early_stopping_patience",
        ),
        ({"adapters": {"r": 64}}, "adapters.r is 64 without use_rslora"),
        (
            {"adapters": {"target_modules": ["q_proj", "v_proj"]}},
            "adapters.target_modules has attention layers only",
        ),
        ({"general": {"path": "g", "share": 0.6}}, "general.share is 0.6"),
        ({"mixture": {"alpha": 0.3}}, "mixture.alpha has no effect on schedule proportional"),
        ({"mixture": {"schedule": "temperature", "toward": "harder"}}, "mixture.toward has no effect"),
    ],
)
def test_each_warning(sections: dict[str, Any], start: str) -> None:
    (warning,) = _warned(**sections)
    assert warning.startswith(start)


@pytest.mark.parametrize(
    "sections",
    [
        {"training": {"num_train_epochs": 8, "early_stopping_patience": 3}},
        {"adapters": {"r": 64, "use_rslora": True}},
        {"adapters": {"target_modules": ["q_proj", "up_proj"]}},
        {"general": {"path": "g", "share": 0.5}},
        {"mixture": {"schedule": "temperature", "alpha": 0.3}},
        {"mixture": {"schedule": "anneal", "toward": "harder", "strength": 0.9}},
    ],
)
def test_what_needs_no_warning(sections: dict[str, Any]) -> None:
    assert _warned(**sections) == []
