"""What models, super weights and neurons of records are called, also of records that do not say it."""

from __future__ import annotations

from pydantic import MISSING

from swa.schemas.cards import NeuronCard, SuperWeightCard
from swa.schemas.evaluation import ImpactRecord, ModelAnalysis


def model_name(analysis: ModelAnalysis) -> str:
    """The model as it was named."""
    return "unnamed model" if analysis.model is MISSING else analysis.model


def edited_name(impact: ImpactRecord) -> str:
    """The coordinate of a variant that edits one scalar, else the variant's own name."""
    return impact.coordinates[0] if len(impact.coordinates) == 1 else impact.variant


def place_of(card: SuperWeightCard) -> str:
    """The coordinate; of a card that does not hold one, what its keys say."""
    if card.coordinate is not MISSING:
        return card.coordinate
    expert = "" if card.expert is None else f".experts.{card.expert}"
    return f"L{card.layer}.{card.tensor}{expert}[{card.row},{card.col}]"


def neuron_name(card: NeuronCard) -> str:
    """As `--neurons` takes it: `11:1229`, of an expert `3:e17:42`."""
    expert = "" if card.expert is None else f"e{card.expert}:"
    return f"{card.layer}:{expert}{card.neuron}"
