"""A model's vocabulary as directions: the rows of U' that get effects, and what is measured of them once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from swa.data.tokens import known_ids, text_ids
from swa.errors import UnsupportedModelError
from swa.models.discovery.sites import Site
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import matrix_of
from swa.models.readout.unembedding import Unembedding, find_unembedding

_MIN_TOKENS = 8
"""Fewer tokens have no moments worth the name."""


@dataclass(frozen=True, eq=False)
class VocabularySpace:
    """The rows of U' of all tokens that stand for text, with their statistics.

    Attributes:
        loaded: The model.
        unembedding: Where the rows come from.
        norms: Length of each row, `(n_tokens,)`, float64.
        mean: Mean row `(d_model,)`, float64; not zero, because special tokens took part in the mean that U' is less.
        mean_unit: Mean of the rows at length 1, `(d_model,)`, float64; rows of zeros stay zero.
    """

    loaded: LoadedModel
    unembedding: Unembedding
    norms: Tensor
    mean: Tensor
    mean_unit: Tensor

    @property
    def token_ids(self) -> list[int]:
        """Ids of the tokens, ascending."""
        ids: list[int] = self.unembedding.ids.tolist()
        return ids

    @cached_property
    def digest(self) -> str:
        """sha256 of the tokenizer's pieces and of which of them stand for text, for the keys of items."""
        pieces = sorted(self.loaded.tokenizer.get_vocab().items(), key=lambda piece: piece[1])
        return hashlib.sha256(repr((pieces, self.token_ids)).encode()).hexdigest()

    def directions(self, site: Site, cols: Sequence[int] | slice, *, dtype: torch.dtype) -> Tensor:
        """What U' reads of some columns of a down projection, `(d_model, n)`.

        Raises:
            UnsupportedModelError: The site does not write into the residual stream that is read out.
        """
        columns = matrix_of(self.loaded.model, site)[:, cols if isinstance(cols, slice) else list(cols)]
        if dtype == torch.float64 and columns.device.type == "mps":  # which has no float64
            columns = columns.cpu()
        return self.unembedding.directions(site, columns.to(dtype))

    def effects(self, directions: Tensor) -> Tensor:
        """`e = U' w` of directions `(d_model, n)`: `(n, n_tokens)` in float64 on the CPU.

        All of them in one pass over the unembedding, whose blocks are turned into float64 one at a time.
        """
        effects = torch.empty((directions.shape[1], len(self.unembedding)), dtype=torch.float64)
        for some, rows in self.unembedding.blocks(dtype=torch.float64):
            effects[:, some] = (rows @ directions.to(rows)).T.cpu()
        return effects


def vocabulary_space(loaded: LoadedModel) -> VocabularySpace:
    """Measure the way from the down projections to the logits, and the rows of U'.

    Raises:
        UnsupportedModelError: Vocabulary effects are not defined for this model.
    """
    n_logits = loaded.model.get_output_embeddings().weight.shape[0]
    ids = text_ids(loaded.tokenizer, n_logits)
    if len(ids) < _MIN_TOKENS:
        raise UnsupportedModelError(f"The vocabulary has {len(ids)} tokens of text; effects need {_MIN_TOKENS}.")
    unembedding = find_unembedding(loaded, ids=ids, known=known_ids(loaded.tokenizer, n_logits))
    norms = torch.empty(len(ids), dtype=torch.float64)
    total, total_unit = (torch.zeros(unembedding.d_model, dtype=torch.float64) for _ in range(2))
    for some, rows in unembedding.blocks(dtype=torch.float64):
        lengths = torch.linalg.vector_norm(rows, dim=1)
        norms[some] = lengths.cpu()
        total += rows.sum(dim=0).cpu()
        total_unit += (rows * inverse(lengths)[:, None]).sum(dim=0).cpu()
    return VocabularySpace(loaded, unembedding, norms, total / len(ids), total_unit / len(ids))


def inverse(lengths: Tensor) -> Tensor:
    """1 / length, and 0 where the length is 0: a vector of zeros has no cosine with anything."""
    return torch.where(lengths > 0, 1 / torch.where(lengths > 0, lengths, 1.0), 0.0)
