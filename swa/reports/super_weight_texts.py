"""What a super weight is called where people read it."""

from __future__ import annotations

from pydantic import MISSING

from swa.schemas.cards import SuperWeightCard


def place_text(card: SuperWeightCard) -> str:
    """The coordinate; of a card that does not hold one, what its keys say."""
    if card.coordinate is not MISSING:
        return card.coordinate
    expert = "" if card.expert is None else f".{card.expert}"
    return f"L{card.layer}.{card.tensor}{expert}[{card.row},{card.col}]"
