"""What a vocabulary analysis gives for one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.summaries import ModelSummary


class Cards(NamedTuple):
    """What a vocabulary analysis gives for one model.

    Attributes:
        super_weights: The cards that were asked for.
        neurons: The cards that were asked for.
        summary: Of all cards in the folder.
    """

    super_weights: Sequence[SuperWeightCard]
    neurons: Sequence[NeuronCard]
    summary: ModelSummary

    @property
    def cards(self) -> list[SuperWeightCard | NeuronCard]:
        """All of them."""
        return [*self.super_weights, *self.neurons]
