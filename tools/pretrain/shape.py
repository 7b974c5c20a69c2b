"""The model: a Llama of a given shape, and attention that is quick on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM

ATTENTION = "pretrain_causal"
LONGEST_PRODUCT = 512
"""Window up to which attention weights are held whole on a CPU: the fused kernel's bfloat16 backward is slower."""


def causal_attention(
    module: Any,  # noqa: ARG001 - the interface's first argument
    query: Tensor,  # (B, H, T, D)
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001 - windows hold no padding
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Causal attention for Transformers' `AttentionInterface`; returns (B, T, H, D)."""
    batch, heads, length, size = query.shape
    if query.device.type != "cpu" or length > LONGEST_PRODUCT:
        output = functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
        return output.transpose(1, 2), None
    q, k, v = (states.reshape(batch * heads, length, size) for states in (query, key, value))
    future = torch.full((length, length), float("-inf"), dtype=query.dtype).triu(1)
    scores = torch.baddbmm(
        future.expand(batch * heads, -1, -1), q, k.transpose(1, 2), alpha=scaling or size**-0.5
    )
    return torch.bmm(scores.softmax(-1), v).view(batch, heads, length, size).transpose(1, 2), None


def build(
    hidden: int, blocks: int, heads: int, mlp: int, vocabulary: int, tied: bool, seed: int
) -> LlamaForCausalLM:
    """A fresh Llama. Weights N(0, 0.02), the last matrix of each residual branch smaller by sqrt(2 * blocks)."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        hidden_size=hidden, num_hidden_layers=blocks, num_attention_heads=heads, num_key_value_heads=heads,
        head_dim=hidden // heads, intermediate_size=mlp, vocab_size=vocabulary, tie_word_embeddings=tied,
        max_position_embeddings=2048, bos_token_id=0, eos_token_id=0, pad_token_id=1,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    for block in model.model.layers:
        for last in (block.self_attn.o_proj, block.mlp.down_proj):
            last.weight.data.div_((2 * blocks) ** 0.5)
    return model


def install(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """Let the model use `causal_attention`."""
    AttentionInterface.register(ATTENTION, causal_attention)
    model.set_attn_implementation(ATTENTION)
    return model
