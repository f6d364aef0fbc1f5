"""Tiny models with a tokenizer of letters: padded rows, special ids, norms that are no ones."""

from __future__ import annotations

import dataclasses
from functools import cache

import torch

from swa.models.discovery.discovery import discover_sites
from swa.models.loading.loaded import LoadedModel
from tests.support.direct_effect import vary_norms
from tests.support.tiny_checkpoint import letter_tokenizer
from tests.support.tiny_loaded import loaded_tiny
from tests.support.tiny_models import build

N_KNOWN = len(letter_tokenizer())
"""Ids of the tokenizer; the models have rows for 128."""
TEXT_IDS = [number for number in range(N_KNOWN) if number not in (0, 2)]
"""All but `<unk>` and `</s>`, which have a role; `<s>` is a token like another here."""


@cache
def speaking(name: str, dtype: torch.dtype = torch.float32) -> LoadedModel:
    """A model whose norms and biases are varied; tests leave its weights as they are."""
    return fresh(name, dtype)


def fresh(name: str, dtype: torch.dtype = torch.float32) -> LoadedModel:
    """The same, for a test that changes weights."""
    model = build(name).to(dtype)
    vary_norms(model)
    return dataclasses.replace(
        loaded_tiny(name), model=model, sites=discover_sites(model), tokenizer=letter_tokenizer(), dtype=dtype
    )
