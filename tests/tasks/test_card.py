from pathlib import Path

import pytest

from mixologist.errors import UserError
from mixologist.recipe.schema import Recipe, TaskSpec
from mixologist.tasks.card import find, merge, shipped_cards
from tests.tasks.conftest import Write

CARD = """
data: tickets
licence: CC BY 4.0
text: body
columns: {label: queue}
metric: accuracy
instruction: Sort it.
rewordings: ["Which team?"]
"""


@pytest.fixture
def card(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(CARD)
    return str(path)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sets" / "tickets").mkdir(parents=True)
    monkeypatch.setenv("MIXOLOGIST_DATA", str(tmp_path / "sets"))
    return tmp_path / "sets" / "tickets"


def test_an_unknown_card_names_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown card") as error:
        find("finance/fbp")
    assert error.value.do == "did you mean 'finance/fpb'?"


def test_card_data_lies_under_the_variable(card: str, local: Path) -> None:
    spec = merge(TaskSpec(card=card))
    assert (spec.name, spec.path, spec.licence) == ("mine", str(local), "CC BY 4.0")
    assert (spec.columns, spec.text, spec.label) == ({"text": "body", "label": "queue"}, None, None)


def test_the_recipe_overrides_the_card(card: str, local: Path) -> None:
    said = TaskSpec(card=card, name="other", path="here.csv", label="team", metric="macro_f1", train_rows=5)
    spec = merge(said)
    assert (spec.name, spec.path, spec.metric, spec.train_rows) == ("other", "here.csv", "macro_f1", 5)
    assert spec.columns == {"text": "body", "label": "team"}
    assert (spec.instruction, spec.rewordings) == ("Sort it.", ("Which team?",))


def test_a_recipe_with_all_defaults_spelled_out_means_the_same(card: str, local: Path) -> None:
    written = Recipe(tasks=(TaskSpec(card=card, train_rows=5),)).model_dump(mode="json")
    assert merge(Recipe.model_validate(written).tasks[0]) == merge(TaskSpec(card=card, train_rows=5))


def test_a_task_needs_no_card() -> None:
    spec = merge(TaskSpec(name="faq", path="faq.csv"), "general")
    assert (spec.name, spec.path, spec.licence) == ("general", "faq.csv", "not stated")


def test_offline_and_absent_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MIXOLOGIST_DATA", raising=False)
    with pytest.raises(UserError, match="card finance/twitter_fin_topic: its data is not here") as error:
        merge(TaskSpec(card="finance/twitter_fin_topic"))
    assert "MIXOLOGIST_DATA is not set, and HF_HUB_OFFLINE is" in error.value.given
    assert "set MIXOLOGIST_DATA to the folder that holds twitter_fin_topic/" in error.value.do
    assert "be online: the hub has zeroshot/twitter-financial-news-topic" in error.value.do
    monkeypatch.setenv("MIXOLOGIST_DATA", str(tmp_path))
    with pytest.raises(UserError) as here:
        merge(TaskSpec(card="finance/fpb"))
    assert f"MIXOLOGIST_DATA={tmp_path}, without fpb/" in here.value.given
    assert "online" not in here.value.do


def test_online_and_absent_goes_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIXOLOGIST_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert merge(TaskSpec(card="math/gsm8k")).path == "openai/gsm8k/main"


def test_a_cards_path_is_relative_to_the_card(tmp_path: Path, write: Write) -> None:
    data = write("cards/tickets.jsonl", [{"text": "a"}])
    (tmp_path / "cards" / "mine.yaml").write_text("path: tickets.jsonl\n")
    assert merge(TaskSpec(card=str(tmp_path / "cards" / "mine.yaml"))).path == str(data)


@pytest.mark.parametrize(
    ("text", "what", "do"),
    [
        ("data: x\nlicense: MIT\n", "unknown key", "did you mean 'licence'?"),
        ("data: x\ncard: finance/fpb\n", "unknown key", "known:"),
        ("data: x\nweight: -1\n", "weight: wrong value", ""),
        ("data: x\nslices: [{buy: label}]\n", "slices[0].buy: unknown key", "did you mean 'by'?"),
        (
            "data: x\nslices: [{by: label, edge: [5]}]\n",
            "slices[0].edge: unknown key",
            "did you mean 'edges'?",
        ),
        ("data: x\nchallenges: [typo]\n", "challenges[0]: wrong value", "did you mean 'typos'?"),
        ("licence: MIT\n", "does not say where the data lies", "add `path:`"),
        ("- data\n", "is not a card", ""),
        ("data: [\n", "line 2", ""),
    ],
)
def test_a_bad_card_file_names_the_mistake(tmp_path: Path, text: str, what: str, do: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        find(str(path))
    assert str(path) in error.value.what
    assert what in error.value.what
    assert do in error.value.do


def test_a_card_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"data: \xe9\n")
    for name in ("latin.yaml", "missing.yaml"):
        with pytest.raises(UserError, match=f"{name} cannot be read"):
            find(str(tmp_path / name))


def test_shipped_cards_are_all_found() -> None:
    assert {"finance/convfinqa", "general/dolly", "math/gsm8k"} < set(shipped_cards())
