"""What the numbers of a confirmation amount to, in a word."""

from __future__ import annotations

from pydantic import MISSING

from swa.schemas.detection import Confirmation, SuperWeight

MIN_RATIO = 1.05
"""Perplexity ratio below which a removal is no measurable damage (2-methods 2.2)."""


def verdict(weight: SuperWeight) -> str:
    """`confirmed`, `negligible`, `improves`, or why not confirmed; `candidate` where nothing was removed."""
    found = weight.confirmation
    if found is MISSING:
        return "candidate"
    if found.confirmed:
        return "confirmed"
    if found.edit_inactive is not MISSING:
        return f"not confirmed: {found.edit_inactive}"
    if found.improves:
        return "improves"
    return "negligible" if found.perplexity_ratio < MIN_RATIO else f"not confirmed: {_reason(found)}"


def _reason(found: Confirmation) -> str:
    if not found.ci_low > 0:  # also where it is NaN
        return "interval includes 0"
    return "controls cost as much"


def is_confirmed(weight: SuperWeight) -> bool:
    """Whether removal confirmed it."""
    return weight.confirmation is not MISSING and weight.confirmation.confirmed
