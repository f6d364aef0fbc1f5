"""A tiny random model as the analyses take it, without files."""

from __future__ import annotations

import string
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import torch

from swa.models.discovery.discovery import discover_sites
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.reference import ModelReference
from tests.support.tiny_models import build


class WordTokenizer:
    """One token a letter; enough for prompts and windows, with no special tokens."""

    model_max_length = 64
    all_special_ids = ()
    added_tokens_decoder: ClassVar[dict] = {}

    def __call__(self, text, *, return_tensors=None, add_special_tokens=True, **_):
        ids = [6 + (ord(letter) * 7) % 97 for letter in text]
        return {"input_ids": torch.tensor([ids]) if return_tensors else ids}

    def get_vocab(self):
        return {letter: self(letter)["input_ids"][0] for letter in string.ascii_lowercase}

    def decode(self, ids, **_):
        letters = {number: letter for letter, number in self.get_vocab().items()}
        return "".join(letters.get(number, "?") for number in ids)

    def __len__(self):
        return 128


@cache
def _model(name: str, seed: int):
    return build(name, seed=seed)


def loaded_tiny(name: str, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> LoadedModel:
    """The tiny model `name`; in float32 it is built once a session, so tests must leave its weights as they were."""
    model = _model(name, seed) if dtype == torch.float32 else build(name, seed=seed).to(dtype)
    model.requires_grad_(False)
    return LoadedModel(
        reference=ModelReference(name=name, kind="folder", path=Path(name), revision=None),
        model=model,
        tokenizer=WordTokenizer(),
        sites=discover_sites(model),
        fingerprint="0" * 64,
        revision=None,
        dtype=dtype,
        device=torch.device("cpu"),
        offloaded=False,
        context_length=64,
    )


def text_of(n_letters: int, *, name: str = "letters") -> SimpleNamespace:
    """A text source of pseudo-random letters."""
    generator = torch.Generator().manual_seed(3)
    letters = "".join(chr(97 + int(i)) for i in torch.randint(26, (n_letters,), generator=generator))
    return SimpleNamespace(name=name, documents=(letters,), text=letters, fingerprint="1" * 64)
