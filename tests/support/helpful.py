"""A tiny model that reads better for one loud scalar: through it alone the logits hold how frequent each letter is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import torch

from swa.data.sources import load_text
from tests.support.tiny_checkpoint import letter_tokenizer, write_tiny_checkpoint
from tests.support.tiny_models import build

LAYER, ROW, COL = 1, 5, 9
COORDINATE = f"L{LAYER}.mlp.c_proj[{ROW},{COL}]"


def write_helpful_checkpoint(folder: Path) -> Any:
    """Save a tiny GPT-2 whose `COORDINATE` spikes at every token, and without which it guesses on the built-in text."""
    model = build("gpt2")
    tokens = letter_tokenizer()("\n\n".join(load_text("builtin").documents))["input_ids"]
    embedding = model.transformer.wte.weight
    counts = torch.ones(len(embedding))
    for number, count in Counter(tokens).items():
        counts[number] += count
    mlp = model.transformer.h[LAYER].mlp
    with torch.no_grad():
        mlp.c_fc.bias[COL] = 80.0
        mlp.c_proj.weight[COL, ROW] = 10.0  # the residual is 800 · e_row, the final norm's output √d · e_row
        embedding[:, ROW] = (counts / counts.sum()).log() / embedding.shape[1] ** 0.5
    return write_tiny_checkpoint(folder, model=model)
