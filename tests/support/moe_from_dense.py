"""A mixture of experts made from a real dense model: every MLP is copied into E experts, and a router is drawn.

The result is a Mixtral model. Its routing weights add up to 1, so with equal experts it computes what the dense model
computes, whatever the router says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import MixtralConfig, MixtralForCausalLM

from swa.models.discovery.discovery import discover_sites
from swa.models.loading.loaded import LoadedModel

SUPER_WEIGHT = (11, 507, 1229)
"""Layer, row and column of the worst super weight of the demo model."""


def mixture_from(dense: LoadedModel, *, n_experts: int = 4, k: int = 2, seed: int = 0) -> LoadedModel:
    """The llama model of `dense` with each MLP in `n_experts` equal copies; norms and embeddings are shared with it."""
    source = dense.model
    config = source.config
    mixture = MixtralForCausalLM(
        MixtralConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.num_hidden_layers,
            num_attention_heads=config.num_attention_heads,
            num_key_value_heads=config.num_key_value_heads,
            head_dim=config.head_dim,
            max_position_embeddings=config.max_position_embeddings,
            rms_norm_eps=config.rms_norm_eps,
            rope_parameters=dict(config.rope_parameters),
            tie_word_embeddings=True,
            num_local_experts=n_experts,
            num_experts_per_tok=k,
            sliding_window=None,
        )
    ).eval()
    mixture.requires_grad_(False)
    draw = torch.Generator().manual_seed(seed)
    mixture.model.embed_tokens = source.model.embed_tokens
    mixture.lm_head.weight = mixture.model.embed_tokens.weight
    mixture.model.norm = source.model.norm
    for layer, original in zip(mixture.model.layers, source.model.layers, strict=True):
        layer.self_attn.load_state_dict(original.self_attn.state_dict())
        layer.input_layernorm = original.input_layernorm
        layer.post_attention_layernorm = original.post_attention_layernorm
        up = torch.cat([original.mlp.gate_proj.weight, original.mlp.up_proj.weight])
        layer.mlp.experts.gate_up_proj.data.copy_(up.expand(n_experts, -1, -1))
        layer.mlp.experts.down_proj.data.copy_(original.mlp.down_proj.weight.expand(n_experts, -1, -1))
        layer.mlp.gate.weight.data.normal_(std=0.05, generator=draw)
    return dataclasses.replace(dense, model=mixture, sites=discover_sites(mixture))


@contextmanager
def kept_in_one_expert(mixture: LoadedModel, expert: int) -> Iterator[str]:
    """Set the super weight to 0 in all other experts for the time of the context; gives its coordinate."""
    layer, row, col = SUPER_WEIGHT
    down = mixture.model.model.layers[layer].mlp.experts.down_proj.data
    before = down[:, row, col].clone()
    down[:, row, col] = 0
    down[expert, row, col] = before[expert]
    try:
        yield f"L{layer}.mlp.experts.{expert}.down_proj[{row},{col}]"
    finally:
        down[:, row, col] = before
