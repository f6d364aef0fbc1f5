"""Tiny checkpoints on disk, with a tokenizer of letters."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.support.tiny_models import build

LETTERS = string.ascii_letters + string.digits + " .,;:-'\"()%\n"


def letter_tokenizer() -> PreTrainedTokenizerFast:
    """One token a letter, ids below 128, no special tokens in front."""
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2} | {letter: 3 + i for i, letter in enumerate(LETTERS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")


def write_tiny_checkpoint(folder: Path, name: str = "llama", *, model: Any = None, tokenizer: bool = True) -> Any:
    """Save a tiny model of type `name` (or `model`) as safetensors; returns the model."""
    network = build(name) if model is None else model
    network.save_pretrained(folder)
    if tokenizer:
        letter_tokenizer().save_pretrained(folder)
    return network


def plant(model: Any, *, layer: int = 1, row: int = 5, value: float = 1e4) -> tuple[int, int, int]:
    """Make one scalar of a tiny llama loud on every text; returns layer, row and column."""
    down = model.model.layers[layer].mlp.down_proj
    seen: dict[str, torch.Tensor] = {}
    hook = down.register_forward_pre_hook(lambda _m, args: seen.update(x=args[0]))
    with torch.no_grad():
        model(input_ids=torch.arange(6, 40)[None], use_cache=False)
        hook.remove()
        col = int(seen["x"][0].abs().mean(dim=0).argmax())
        down.weight[row, col] = value
    return layer, row, col
