"""What a few types need beyond the common small values, and structural variants of others."""

from __future__ import annotations

from typing import Any

from tests.support.tiny_values import D_MODEL, HEAD_DIM, N_ACTIVE, N_EXPERTS, N_HEADS, N_KEY_VALUE_HEADS, N_LAYERS

_LINEAR, _FULL = "linear_attention", "full_attention"
_ALTERNATING = [_LINEAR, _FULL, _LINEAR, _FULL]
_HYBRID = [_LINEAR, "hybrid", _LINEAR, "hybrid", _LINEAR]
_LATENT = {
    "num_attention_heads": N_HEADS,
    "num_key_value_heads": N_HEADS,
    "head_dim": 16,
    "kv_lora_rank": 16,
    "q_lora_rank": 24,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": HEAD_DIM,
}
_SLIDING_LATENT = {f"swa_{name}": value for name, value in _LATENT.items()} | {"swa_qk_rope_head_dim": 8}
_DOTS = {**_LATENT, **{name: value for name, value in _SLIDING_LATENT.items() if name != "swa_qk_rope_head_dim"}}
_INDEXER = {
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 16,
    "indexer_budget": 8,
    "indexer_compress_ratio": 4,
}
_JAMBA = {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1}
_ZAMBA2 = {"layers_block_type": _HYBRID, "num_hidden_layers": 5, "num_key_value_heads": N_HEADS, "n_mamba_heads": 8}

DROP: dict[str, set[str]] = {
    "zamba2": {
        *("head_dim", "attention_hidden_size", "attention_head_dim", "mamba_headdim", "kv_channels"),
        "num_query_groups",
    }
}
"""Small values that a type must not get."""

OVERRIDES: dict[str, dict[str, Any]] = {
    "jamba": _JAMBA,
    "bamba": {"attn_layer_indices": [1, 3]},
    "granitemoehybrid": {"layer_types": _ALTERNATING},
    "kimi_linear": {"layer_types": _ALTERNATING, "num_key_value_heads": N_HEADS},
    "bailing_hybrid": {"layer_group_size": 2, "num_key_value_heads": N_HEADS},
    "zamba": {
        "layers_block_type": _HYBRID,
        "num_hidden_layers": 5,
        "attention_hidden_size": 2 * D_MODEL,
        "attention_head_dim": 2 * D_MODEL // N_HEADS,
        "num_key_value_heads": N_HEADS,
    },
    "zamba2": _ZAMBA2,
    "lfm2_moe": {"layer_types": ["conv", _FULL, "conv", _FULL]},
    "zaya": {"num_experts_per_tok": 1},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "hunyuan_v1_dense": {"head_dim": HEAD_DIM},
    "hunyuan_v1_moe": {"head_dim": HEAD_DIM},
    "ministral": {"head_dim": HEAD_DIM},
    "nemotron": {"num_key_value_heads": N_KEY_VALUE_HEADS},
    "reformer": {
        "is_decoder": True,
        "attn_layers": ["local", "lsh", "local", "lsh"],
        "axial_pos_shape": (8, 8),
        "axial_pos_embds_dim": (32, 32),
        "num_buckets": 2,
        "lsh_attn_chunk_length": 8,
        "local_attn_chunk_length": 8,
        "hash_seed": 0,
    },
    "xmod": {"default_language": "en_XX"},
    "mamba2": {"head_dim": 32},
    "xlstm": {"chunk_size": 8, "hidden_size": 128, "embedding_dim": 128},
    "dbrx": {
        "attn_config": {"rope_theta": 1e4, "kv_n_heads": N_KEY_VALUE_HEADS, "clip_qkv": 8.0, "model_type": ""},
        "ffn_config": {"ffn_hidden_size": 48, "moe_num_experts": N_EXPERTS, "moe_top_k": N_ACTIVE, "model_type": ""},
    },
    "cohere_compass_text": {"rope_parameters": {_FULL: {"rope_type": "default", "rope_theta": 1e4}}},
    "qwen4_exp_text": _INDEXER,
    "qwen4_exp": {"text_config": _INDEXER},
    "roc_bert": {
        "pronunciation_embed_dim": 16,
        "pronunciation_vocab_size": 128,
        "shape_embed_dim": 16,
        "shape_vocab_size": 128,
    },
    "longcat_flash": {"head_dim": 8},
    "gemma3n_text": {"intermediate_size": [96] * N_LAYERS},
    "dots3_note": {
        "vision_config": {"per_layer_config": {}},
        "audio_config": {"per_layer_config": {}},
        "text_config": _DOTS,
    },
    "dots3_note_text": _DOTS,
}
"""Type → attributes; a nested dictionary goes to the nested configuration of that name."""

VARIANTS: dict[str, dict[str, Any]] = {
    "gpt_neox@sequential": {"use_parallel_residual": False},
    "falcon@new_decoder": {"new_decoder_architecture": True},
    "falcon@sequential": {"parallel_attn": False},
    "stablelm@parallel": {"use_parallel_residual": True},
    "gemma4_text@moe": {
        "enable_moe_block": True,
        "num_experts": N_EXPERTS,
        "top_k_experts": N_ACTIVE,
        "moe_intermediate_size": 48,
    },
    "gemma4_text@double_wide": {
        "use_double_wide_mlp": True,
        "num_kv_shared_layers": 2,
        "layer_types": ["sliding_attention", _FULL, "sliding_attention", _FULL],
    },
    "opt@post_norm": {"do_layer_norm_before": False, "word_embed_proj_dim": 32},
    "granitemoehybrid@dense": {"layer_types": _ALTERNATING, "num_local_experts": 0},
    "llama@mlp_bias": {"mlp_bias": True},
    "granite@mult": {"residual_multiplier": 0.22, "logits_scaling": 8.0, "embedding_multiplier": 12.0},
    "cohere2_moe@shared": {"num_shared_experts": 1, "first_k_dense_replace": 1},
    "qwen3_moe@hybrid": {"mlp_only_layers": [0], "decoder_sparse_step": 1},
    "deepseek_v3@groups": {"n_group": 2, "topk_group": 1},
    "glm4_moe@dense3": {"first_k_dense_replace": 3},
    "falcon_h1@mult": {"mlp_multipliers": [0.5, 0.25]},
    "jamba@dense": {**_JAMBA, "num_experts": 1},
    "longcat_flash@no_zero_experts": {"head_dim": 8, "zero_expert_num": 0},
    "llama4_text@dense_moe": {"interleave_moe_layer_step": 2},
    "ernie4_5_moe@no_shared": {"moe_num_shared_experts": 0},
    "nemotron_h@latent": {"moe_latent_size": 32},
    "zamba2@two_blocks": {
        **_ZAMBA2,
        "num_mem_blocks": 2,
        "layers_block_type": [_LINEAR, "hybrid", _LINEAR, "hybrid", "hybrid"],
        "use_shared_attention_adapter": True,
    },
}
"""Structural variants of a type."""
