import pytest

from mixologist.recipe import shape
from mixologist.recipe.foreign_keys import FOREIGN_KEYS
from mixologist.recipe.shape import Place


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("training", "learning_rate"), "a number above 0"),
        (("training", "warmup_ratio"), "a number at least 0 and below 1"),
        (("training", "max_steps"), "a whole number at least 1 or null"),
        (("training", "train_batch_size"), "a whole number at least 1"),
        (("adapters", "trunk"), "auto or a whole number at least 0"),
        (("adapters", "plan"), "one of auto, per_task, shared, groups"),
        (("adapters", "groups", "any"), f"a list, each item {shape.NAME}"),
        (("adapters", "target_modules", 0), "text"),
        (("tasks", 3, "columns", "any"), "text or a list, each item text"),
        (("general", "share"), "a number at least 0 and below 1"),
        (("general",), "a mapping of keys to values or null"),
        (("nowhere", "at", "all"), ""),
    ],
)
def test_what_is_expected_is_said_in_words(place: Place, words: str) -> None:
    assert shape.expected(place) == words


def test_keys_include_aliases_and_end_where_any_key_may_stand() -> None:
    assert {"r", "lora_r", "rank", "plan"} <= shape.keys(("adapters",))
    assert "share" in shape.keys(("math",))
    assert shape.keys(("adapters", "groups")) == set()
    assert shape.main_names(())["model_name_or_path"] == "base_model"


def test_homes_of_a_key() -> None:
    assert shape.homes("learning_rate") == ["router.learning_rate", "training.learning_rate"]
    assert shape.homes("lora_r") == ["adapters.lora_r"]
    assert shape.homes("path") == ["tasks[0].path"]
    assert shape.homes("share") == ["general.share", "math.share"]
    assert shape.homes("seed") == ["seed"]


def test_foreign_keys_are_foreign_and_their_advice_names_keys_that_exist() -> None:
    assert not [key for key in FOREIGN_KEYS if shape.homes(key)]
    sections = ("training", "adapters", "evaluation", "mixture")
    named = {
        word.strip(",.:")
        for advice in FOREIGN_KEYS.values()
        for word in advice.split()
        if word.startswith(tuple(f"{section}." for section in sections))
    }
    assert named
    assert all(key in shape.keys((section,)) for section, key in (name.split(".") for name in named))
