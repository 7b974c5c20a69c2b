import pytest

from mixologist.recipe.names import resolved_name
from mixologist.recipe.schema import ShareSpec, TaskSpec


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (TaskSpec(card="finance/fpb"), "fpb"),
        (TaskSpec(card="cards/mine.v2.yaml"), "mine.v2"),
        (TaskSpec(card="org/model-1.5"), "model-1.5"),
        (TaskSpec(name="own", card="finance/fpb"), "own"),
        (ShareSpec(path="data/faq.jsonl"), "faq"),
    ],
)
def test_a_name_comes_from_name_card_or_path(spec: TaskSpec, name: str) -> None:
    assert resolved_name(spec) == name
