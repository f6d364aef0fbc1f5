"""Small values for configuration attributes, by meaning. The same attribute means the same in every type."""

from __future__ import annotations

D_MODEL, N_HEADS, N_KEY_VALUE_HEADS, HEAD_DIM, D_FF, N_LAYERS, VOCABULARY = 64, 4, 2, 16, 96, 4, 128
N_EXPERTS, N_ACTIVE, D_EXPERT, D_SHARED = 4, 2, 48, 40

_BY_VALUE: dict[int, str] = {
    D_MODEL: """hidden_size d_model n_embd dim_model emb_dim embedding_dim hidden_dim embed_dim lru_width
        attention_hidden_size word_embed_proj_dim embedding_size input_embedding_size output_embedding_size
        hidden_size_global max_position_embeddings n_positions n_ctx max_seq_len model_max_length context_length
        max_target_positions max_source_positions out_hidden_size vision_output_dim output_dim proj_dim
        backbone_hidden_size adapter_in_dim adapter_out_dim adapter_input_size ngram_vocab_size_base
        log_scaling_n_floor floor_scale""",
    N_HEADS: """num_attention_heads n_head num_heads n_heads decoder_attention_heads encoder_attention_heads
        num_decoder_attention_heads num_encoder_attention_heads attention_heads swa_num_attention_heads
        linear_num_value_heads linear_num_heads num_query_groups mamba_chunk_size chunk_size index_topk
        index_block_size patch_size gated_norm_rank prompt_types segment_types centroid_intermediate_top_k
        num_experts n_routed_experts num_local_experts moe_num_experts num_hidden_layers n_layer n_layers num_layers
        decoder_layers num_decoder_layers prompt_length""",
    N_KEY_VALUE_HEADS: """num_key_value_heads num_kv_heads kv_n_heads swa_num_key_value_heads
        num_global_key_value_heads linear_num_key_heads o_groups index_n_heads index_topk_blocks n_groups
        encoder_layers num_encoder_layers num_experts_per_tok num_experts_per_token moe_topk moe_top_k moe_k
        zero_expert_num max_window_layers n_layers_per_attn_res_block type_vocab_size depth temporal_patch_size
        spatial_merge_size""",
    HEAD_DIM: """head_dim swa_head_dim global_head_dim d_head dim_head kv_channels attention_head_size
        query_pre_attn_scalar d_kv v_head_dim attention_head_dim qk_head_dim kv_lora_rank o_lora_rank index_head_dim
        sliding_window sliding_window_size attention_window_size local_attention window_size keep_window_size
        mamba_d_head mamba_head_dim mamba_headdim linear_head_dim ple_embed_dim router_hidden_size image_size
        num_mel_bins num_position_embeddings num_centroids""",
    8: """qk_rope_head_dim qk_nope_head_dim mamba_d_state state_size ssm_state_size time_step_rank mamba_n_heads
        mamba_num_heads mamba_dt_rank linear_key_head_dim linear_value_head_dim rotary_dim laurel_rank adapter_rank
        d_rel hc_lowrank bottleneck hidden_size_per_layer_input""",
    D_FF: """intermediate_size n_inner ffn_dim dim_ff dff d_inner decoder_ffn_dim encoder_ffn_dim ffn_hidden_size d_ff
        intermediate_size_mlp dense_intermediate_size feed_forward_size mlp_dim""",
    D_EXPERT: "moe_intermediate_size expert_ffn_hidden_size",
    D_SHARED: """shared_expert_intermediate_size shared_intermediate_size moe_shared_expert_intermediate_size
        shared_experts_intermediate_size""",
    VOCABULARY: """vocab_size vocab_size_per_layer_input decoder_vocab_size encoder_hash_byte_group_vocab
        mamba_d_ssm""",
    1: """n_shared_experts num_shared_experts moe_num_shared_experts n_group topk_group num_expert_group topk_groups
        mamba_n_groups mamba_ngroups first_k_dense_replace num_dense_layers n_langs""",
    0: "num_kv_shared_layers num_nextn_predict_layers num_mtp_layers",
    24: "q_lora_rank",
    32: "rel_extent attention_chunk_size dim_model_base",
    3: "num_channels moe_layer_end_index",
    126: "unpadded_vocab_size",
}
EXTRA = {"mamba_d_conv": 4}

VALUES: dict[str, int] = {name: value for value, names in _BY_VALUE.items() for name in names.split()} | EXTRA
"""Attribute → small value."""

TOKEN_IDS: dict[str, int] = {
    **dict.fromkeys("pad_token_id pad_index lang_id".split(), 0),
    **dict.fromkeys("bos_token_id decoder_start_token_id".split(), 1),
    **dict.fromkeys("eos_token_id forced_eos_token_id eod_token_id".split(), 2),
    "sep_token_id": 3,
    "cls_token_id": 4,
    "mask_token_id": 5,
    "vision_start_token_id": 118,
    "vision_end_token_id": 119,
    **dict.fromkeys("image_token_id image_token_index".split(), 120),
    "video_token_id": 121,
    "audio_token_id": 122,
    **dict.fromkeys("boi_token_id boi_token_index".split(), 123),
    **dict.fromkeys("eoi_token_id eoi_token_index".split(), 124),
    "boa_token_id": 125,
    **dict.fromkeys("eoa_token_id eoa_token_index".split(), 126),
}
"""Special tokens have to lie inside the small vocabulary."""

KEEP_NONE = frozenset(
    """intermediate_size embedding_size n_inner num_key_value_heads head_dim first_k_dense_replace n_group topk_group
    sliding_window q_lora_rank hidden_dim max_seq_len zero_expert_num o_lora_rank num_experts moe_k
    num_global_key_value_heads global_head_dim time_step_rank embed_dim num_layers chunk_size attention_heads""".split()
)
"""Attributes whose `None` means "derived from others"; they keep it."""
KEEP_ZERO = frozenset("n_shared_experts num_shared_experts sliding_window num_kv_shared_layers head_dim".split())
"""Attributes whose 0 means "none"; they keep it."""
