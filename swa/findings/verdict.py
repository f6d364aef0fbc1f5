"""What the numbers of a confirmation amount to (docs/concepts.md), and which scalars count as super weights."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import MISSING

from swa.schemas.detection import Confirmation, SuperWeight

MIN_RATIO = 1.05
"""Perplexity ratio below which a removal is no measurable damage."""
CONTROL_FACTOR = 3.0
"""How many times the damage of its controls a removal must cost."""


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
    if math.isnan(found.delta_loss):
        return "the loss is NaN"
    if not found.ci_low > 0:  # also where it is NaN
        return "interval includes 0"
    return "controls cost as much"


def is_confirmed(weight: SuperWeight) -> bool:
    """Whether removal confirmed it."""
    return weight.confirmation is not MISSING and weight.confirmation.confirmed


def is_refused(weight: SuperWeight) -> bool:
    """Whether it was removed, and not confirmed."""
    return weight.confirmation is not MISSING and not weight.confirmation.confirmed


def counts(weight: SuperWeight) -> bool:
    """Whether it counts as a super weight: confirmed, or chosen by somebody without a confirmation.

    Without one (`--super-weights`, `--no-confirm`) the user says what a super weight is.
    """
    return not is_refused(weight)


def are_tested(weights: Iterable[SuperWeight]) -> bool:
    """Whether any of them was removed to confirm it."""
    return any(weight.confirmation is not MISSING for weight in weights)


def n_confirmed(weights: Iterable[SuperWeight]) -> int:
    """How many removal confirmed."""
    return sum(map(is_confirmed, weights))


def is_beyond_control(delta_loss: float, control: float) -> bool:
    """Whether damage is measurable and more than that of the controls; NaN is.

    Args:
        delta_loss: Nats per token.
        control: The largest change of a control, nats per token.
    """
    return not delta_loss <= max(math.log(MIN_RATIO), CONTROL_FACTOR * abs(control))
