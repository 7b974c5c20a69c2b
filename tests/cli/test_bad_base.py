"""A base that is none, cannot be had, or is damaged."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from tests.cli.bad import Bad, Kind, Kinds, bad, check
from tests.cli.conftest import Cli, Place
from tests.tiny import PECULIAR, SIZES

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


def refused(place: Place, config: dict[str, Any], lack: str) -> Bad:
    """A base of a family that is not served, and what the message says it lacks."""
    base = copied(place)
    (base / "config.json").write_text(json.dumps(config))
    says = (f"the family '{config['model_type']}', which is not supported: {lack}", "llama", "choose a base")
    return bad("plan", place.recipe(base_model=str(base)), says=says)


@kinds
def family_with_a_running_state(place: Place) -> Bad:
    return refused(place, {"model_type": "mamba"}, "its blocks have no attention that takes packed segments")


@kinds
def family_of_encoder_and_decoder(place: Place) -> Bad:
    return refused(place, {"model_type": "t5"}, "it is an encoder-decoder")


@kinds
def family_that_reads_images(place: Place) -> Bad:
    return refused(place, {"model_type": "gemma3"}, "it reads more than text")


@kinds
def family_without_a_head(place: Place) -> Bad:
    return refused(place, {"model_type": "vit"}, "it has no head that goes on from a prompt")


@kinds
def family_with_code_of_its_own(place: Place) -> Bad:
    config = {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config"}}
    return refused(place, config, "its code comes with its weights")


@kinds
def family_that_nobody_knows(place: Place) -> Bad:
    return refused(place, {"model_type": "lama"}, "Transformers has no model_type 'lama'")


@kinds
def family_that_nobody_tested(place: Place) -> Bad:
    return refused(place, {"model_type": "opt"}, "nobody has compared it")


@kinds
def soft_caps_in_float64(place: Place) -> Bad:
    base = copied(place)
    AutoConfig.for_model("gemma2", **(SIZES | PECULIAR["gemma2"])).save_pretrained(base)
    path = place.recipe(base_model=str(base), training={"dtype": "float64"})
    return bad("plan", path, says=("float64", "soft-capped", "write training.dtype: float32"))


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
