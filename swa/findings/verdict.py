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


def refused_among(weights: Iterable[SuperWeight]) -> frozenset[str]:
    """Coordinates of those that removal did not confirm."""
    return frozenset(weight.coordinate for weight in weights if is_refused(weight))


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


def is_beyond_controls(delta_loss: float, control: float) -> bool:
    """Whether a removal costs more than three times what its controls cost; controls that help cost nothing.

    Args:
        delta_loss: Nats per token.
        control: The largest change of a control, nats per token.
    """
    return delta_loss > CONTROL_FACTOR * max(0.0, control)


def is_damage(delta_loss: float, control: float) -> bool:
    """Whether a removal makes the loss NaN, or costs what can be measured and far more than its controls.

    Args:
        delta_loss: Nats per token.
        control: The largest change of a control, nats per token.
    """
    is_measurable = delta_loss > math.log(MIN_RATIO)
    return math.isnan(delta_loss) or (is_measurable and is_beyond_controls(delta_loss, control))
