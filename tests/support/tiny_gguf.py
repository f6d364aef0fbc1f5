"""A tiny llama as a GGUF file, with a byte-level tokenizer of letters and digits."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

D_MODEL, D_FF, N_HEADS = 32, 64, 4
TOKENS = ["<unk>", "<s>", "</s>", *string.ascii_lowercase, *string.digits, "Ġ", "19", "99", "1999"]
MERGES = ["1 9", "9 9", "19 99"]


def write_tiny_gguf(path: Path, *, n_blocks: int = 2, pre: str = "smollm", n_stated: int | None = None) -> Path:
    """Write `n_blocks` layers of random weights; `n_stated` is what the metadata says, where that differs."""
    draw = np.random.default_rng(0)
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(D_MODEL)
    writer.add_block_count(n_stated or n_blocks)
    writer.add_feed_forward_length(D_FF)
    writer.add_head_count(N_HEADS)
    writer.add_head_count_kv(N_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(D_MODEL // N_HEADS)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3] + [1] * (len(TOKENS) - 3))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    shapes = {"token_embd": (len(TOKENS), D_MODEL), "output": (len(TOKENS), D_MODEL), "output_norm": (D_MODEL,)}
    for block in range(n_blocks):
        square = (D_MODEL, D_MODEL)
        inside = {"attn_norm": (D_MODEL,), "ffn_norm": (D_MODEL,), "ffn_down": (D_MODEL, D_FF)}
        inside |= dict.fromkeys(("ffn_gate", "ffn_up"), (D_FF, D_MODEL))
        inside |= dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), square)
        shapes |= {f"blk.{block}.{name}": shape for name, shape in inside.items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", draw.normal(0, 0.1, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
