"""A model that is ready to be analysed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from swa.models.discovery.sites import SiteMap
from swa.models.loading.reference import ModelReference


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in eval mode, its tokenizer and its down projections.

    Attributes:
        reference: What the user named.
        model: The transformers model (`Any`: transformers' classes are not typed for call and hooks).
        tokenizer: Its tokenizer.
        sites: Every down projection.
        fingerprint: sha256 over the configuration and the weight files' names, sizes, headers, first and last MiB.
        revision: The hub's commit, or `None` for local files.
        dtype: The type the weights have in memory.
        device: Where inputs go.
        offloaded: Whether some weights stay on disk; those cannot be edited in place and have no gradient.
        context_length: Longest input in tokens that the model takes.
    """

    reference: ModelReference
    model: Any
    tokenizer: PreTrainedTokenizerBase
    sites: SiteMap
    fingerprint: str
    revision: str | None
    dtype: torch.dtype
    device: torch.device
    offloaded: bool
    context_length: int

    @property
    def name(self) -> str:
        """The model as the user named it, for records and tables."""
        return self.reference.name
