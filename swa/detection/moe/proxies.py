"""Cheap companions of the loss: probability mass on function words, energy of one residual channel.

See docs/moe.md#the-moe-block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from swa.engine.measures.reducers import LogitsChunk, LossReducer, RowLoss, targets_of, token_losses
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import Variant
from swa.engine.variants.recording import LayerCall, hidden_of
from swa.models.loading.loaded import LoadedModel
from swa.models.unit import Address


class LossAndMass(NamedTuple):
    """Sums over each row's scored targets.

    Attributes:
        loss: Negative log-likelihoods.
        mass: `(n_rows,)` float64: probability of the function words.
    """

    loss: RowLoss
    mass: Tensor


class LossAndMassReducer:
    """Loss and mass on function words of each row.

    Args:
        stopword_ids: `(n,)` ids of function words; without any the mass is 0.
    """

    def __init__(self, stopword_ids: Tensor | None) -> None:
        self._ids = torch.zeros(0, dtype=torch.int64) if stopword_ids is None else stopword_ids

    def reduce(self, chunks: Iterable[LogitsChunk], batch: TokenBatch) -> LossAndMass:
        """See `Reducer.reduce`."""
        losses, masses = [], []
        for chunk in chunks:
            p = torch.softmax(chunk.logits, dim=-1, dtype=torch.float32)
            masses.append(p[:, self._ids.to(p.device)].sum(dim=-1))
            losses.append(token_losses(chunk.logits, targets_of(chunk, batch)))
        rows = batch.rows.cpu()
        sums = [
            torch.zeros(len(batch), dtype=torch.float64).index_add_(0, rows, torch.cat(values).double().cpu())
            for values in (losses, masses)
        ]
        return LossAndMass(RowLoss(sums[0], torch.bincount(rows, minlength=len(batch))), sums[1])

    def join(self, parts: Sequence[LossAndMass]) -> LossAndMass:
        """See `Reducer.join`."""
        loss = LossReducer().join([part.loss for part in parts])
        return LossAndMass(loss, torch.cat([part.mass for part in parts]))


class Energy(NamedTuple):
    """Sums of h[t, row]² over tokens, with their number.

    Attributes:
        before: Of the intact model.
        after: With the scalar removed.
        n_tokens: Tokens.
    """

    before: float
    after: float
    n_tokens: int

    @property
    def reduction(self) -> float:
        """Mean over tokens, before − after: positive where removal takes energy out of the channel."""
        return (self.before - self.after) / self.n_tokens

    @classmethod
    def joined(cls, parts: Iterable[Energy]) -> Energy:
        """Over the tokens of all parts."""
        return cls(*(sum(column) for column in zip(*parts, strict=True)))


class EnergyReader:
    """Reads the residual channel of each variant's scalar after its layer, in float32.

    Args:
        loaded: The model.
        addresses: By variant's name.
    """

    def __init__(self, loaded: LoadedModel, addresses: Mapping[str, Address]) -> None:
        self._model = loaded.model
        self._addresses = addresses

    def wants(self, variant: Variant) -> bool:
        """See `LayerReader.wants`."""
        return variant.name in self._addresses

    def read(
        self, variant: Variant, intact: Sequence[LayerCall], calls: Sequence[LayerCall], batch: TokenBatch
    ) -> Energy:
        """See `LayerReader.read`; no tokens where the layer returns other channels than its experts write."""
        site, row, _ = self._addresses[variant.name]
        layer = self._model.get_submodule(f"{site.stack}.{site.layer}")
        energies = []
        for several in (intact, calls):
            hidden = [hidden_of(call.output) for call in several if call.layer is layer]
            channels = [h[..., row].float().flatten() for h in hidden if h.shape[-1] == site.d_model]
            energies.append(torch.cat(channels).double().square() if channels else torch.zeros(0))
        return Energy(float(energies[0].sum()), float(energies[1].sum()), len(energies[0]))

    def join(self, parts: Sequence[Energy]) -> Energy:
        """See `LayerReader.join`."""
        return Energy.joined(parts)
