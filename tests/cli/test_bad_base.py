"""A base that is none, cannot be had, or is damaged."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.bad import Bad, Kind, Kinds, bad, check
from tests.cli.conftest import Cli, Place

kinds = Kinds()


def copied(place: Place) -> Path:
    """A base of one's own, to be damaged."""
    return Path(shutil.copytree(place.base, place.folder / "base"))


@kinds
def missing_folder(place: Place) -> Bad:
    path = place.recipe(base_model="./models/none")
    return bad("plan", path, says=("base_model not found", "./models/none", "check the path"))


@kinds
def not_a_model(place: Place) -> Bad:
    path = place.recipe(base_model=str(place.data))
    return bad("train", path, says=("not a model", f"{place.data} lacks config.json", "name the folder"))


@kinds
def pickled_weights_only(place: Place) -> Bad:
    base = copied(place)
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    says = ("not a model", "*.safetensors (pickled .bin weights are not read)", "name the folder")
    return bad("train", place.recipe(base_model=str(base)), says=says)


@kinds
def hub_id_offline(place: Place) -> Bad:
    path = place.recipe(base_model="nobody/nothing")
    return bad("train", path, says=("hub", "nobody/nothing", "HF_HUB_OFFLINE is set", "base_model: builtin"))


@kinds
def another_family(place: Place) -> Bad:
    base = copied(place)
    config = json.loads((base / "config.json").read_text()) | {"model_type": "gpt2"}
    (base / "config.json").write_text(json.dumps(config))
    says = ("the family 'gpt2', which is not supported", "llama", "choose a base")
    return bad("plan", place.recipe(base_model=str(base)), says=says)


@kinds
def broken_config(place: Place) -> Bad:
    base = copied(place)
    (base / "config.json").write_text('{"model_type": "llama"')
    says = ("base_model cannot be read", "base", "save the model again")
    return bad("plan", place.recipe(base_model=str(base)), says=says)


@kinds
def impossible_config(place: Place) -> Bad:
    base = copied(place)
    config = json.loads((base / "config.json").read_text()) | {"num_hidden_layers": "three"}
    (base / "config.json").write_text(json.dumps(config))
    says = ("base_model cannot be read", "num_hidden_layers", "save the model again")
    return bad("plan", place.recipe(base_model=str(base)), says=says)


@kinds
def broken_tokenizer(place: Place) -> Bad:
    base = copied(place)
    (base / "tokenizer.json").write_text("{}")
    says = ("base_model cannot be read", str(base), "save the model again")
    return bad("plan", place.recipe(base_model=str(base)), says=says)


@kinds
def cut_weights(place: Place) -> Bad:
    base = copied(place)
    weights = (base / "model.safetensors").read_bytes()
    (base / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    says = ("the base's weights cannot be read", str(base), "fetch or save the model again")
    return bad("train", place.recipe(base_model=str(base)), says=says)


@kinds
def weights_of_another_size(place: Place) -> Bad:
    base = copied(place)
    config = json.loads((base / "config.json").read_text()) | {"intermediate_size": 40}
    (base / "config.json").write_text(json.dumps(config))
    says = ("the base's weights cannot be read", str(base), "fetch or save the model again")
    return bad("train", place.recipe(base_model=str(base)), says=says)


@kinds
def weights_that_lack_a_block(place: Place) -> Bad:
    base = copied(place)
    config = json.loads((base / "config.json").read_text()) | {"num_hidden_layers": 4}
    (base / "config.json").write_text(json.dumps(config))
    says = ("the base's weights cannot be read", str(base), "fetch or save the model again")
    return bad("train", place.recipe(base_model=str(base)), says=says)


@pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)
def test_one_clear_message(kind: Kind, place: Place, cli: Cli) -> None:
    check(kind, place, cli)
