"""Model families: which are served, what one lacks that is not, and where a model keeps its blocks and linears.

A family is data. What can be asked of the model itself is asked: its blocks are the one list of modules in its
decoder, an adapter goes on every linear in them, and attention comes through Transformers' interface with each block's
own scale, window and soft cap. So a line of the table is a promise that tests/families holds, and nothing else.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.pytorch_utils import Conv1D

ATTENTION_ONLY = "experts and their router stay frozen: adapters go on the attention's linears"
FAMILIES = {
    "llama": "",
    "mistral": "",
    "qwen2": "",
    "qwen3": "",
    "phi3": "with LongRoPE, texts up to `original_max_position_embeddings`",
    "gemma2": "no float64; soft-capped attention has no fused kernel: memory grows with the square of a text's length",
    "gemma3_text": "text models only",
    "gpt_neox": "",
    "gpt2": "",
    "mixtral": ATTENTION_ONLY,
    "qwen3_moe": ATTENTION_ONLY,
}
"""``model_type`` -> its limit, if any. Others are refused with a message, not tried and hoped for."""


def blocks(model: Any) -> nn.ModuleList:
    """The decoder blocks, bottom first."""
    (found,) = (module for module in model.get_decoder().children() if isinstance(module, nn.ModuleList))
    return found


def linears(model: Any) -> dict[str, nn.Module]:
    """Every linear in the blocks by its module name: what can carry adapters. The output head is not among them."""
    within = blocks(model)
    prefix = next(name for name, module in model.named_modules() if module is within)
    return {f"{prefix}.{name}": m for name, m in within.named_modules() if isinstance(m, nn.Linear | Conv1D)}


def after_attention(block: nn.Module) -> list[nn.Module]:
    """The modules of a block that come after attention and look at one token at a time, but for norms."""
    ends = {"o_proj", "dense", "c_proj"}  # what attention's output linear is called
    (output,) = (
        m
        for name, m in block.named_modules()
        if "attn" in name.lower() or "attention" in name.lower()
        if name.rpartition(".")[2] in ends
    )
    return [output, cast(nn.Module, block.mlp)]


def sizes(linear: nn.Module) -> tuple[int, int]:
    """(d_in, d_out) of a linear, however its weight lies."""
    if transposed(linear):
        d_in, d_out = cast(nn.Parameter, linear.weight).shape
        return d_in, d_out
    assert isinstance(linear, nn.Linear)
    return linear.in_features, linear.out_features


def weight(linear: nn.Module) -> Tensor:
    """Its weight (d_out, d_in), whichever way it lies; one of four bits is made anew at each call."""
    packed = cast(nn.Parameter, linear.weight)
    if (state := getattr(packed, "quant_state", None)) is not None:
        from bitsandbytes.functional import dequantize_4bit

        return cast(Tensor, dequantize_4bit(packed.data, state))
    return packed.T if transposed(linear) else packed


def transposed(linear: nn.Module) -> bool:
    """Whether its weight is (d_in, d_out), which PEFT calls ``fan_in_fan_out``; else it is (d_out, d_in)."""
    return isinstance(linear, Conv1D)


def logits(model: Any, hidden: Tensor) -> Tensor:
    """What the model's head makes of the decoder's last hidden states: (..., d) -> (..., V)."""
    found = cast(Tensor, model.get_output_embeddings()(hidden))
    cap = getattr(model.config, "final_logit_softcapping", None)
    return found if cap is None else cap * torch.tanh(found / cap)


def longest(config: Any) -> int:
    """Tokens that a text may have, as it is read in a pack.

    LongRoPE (arXiv 2402.13753) turns by other angles once *any* text beside it is longer than the original
    context, so that a short one would depend on its neighbours: its texts end there.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") == "longrope":
        return int(rope["original_max_position_embeddings"])
    return int(config.max_position_embeddings)


def unknown(raw: dict[str, Any]) -> str | None:
    """Why a config.json is of no family that Transformers itself has; None where it is of one."""
    if raw.get("model_type") in CONFIG_MAPPING_NAMES:
        return None
    if "auto_map" in raw:
        return "its code comes with its weights (auto_map), and no code of a repository is run"
    return f"Transformers has no model_type '{raw.get('model_type')}'"


def lacks(config: Any) -> str | None:
    """What a family lacks to be served; None where it is."""
    if getattr(config, "use_bidirectional_attention", False):
        return "its attention looks ahead, so that it does not go on from a prompt"
    if config.model_type in FAMILIES:
        return None
    if config.is_encoder_decoder:
        return "it is an encoder-decoder, and a pack has no place for a second sequence to attend to"
    if config.sub_configs:
        return "it reads more than text, and only text models are served"
    architecture = AutoModelForCausalLM._model_mapping.get(type(config), None)
    if architecture is None:
        return "it has no head that goes on from a prompt"
    if architecture._is_stateful or not architecture._supports_attention_backend:
        return "its blocks have no attention that takes packed segments"
    return "nobody has compared it with Transformers and PEFT yet (docs/families.md)"
