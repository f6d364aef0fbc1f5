"""How bad a removal is, in words (docs/concepts.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from swa.schemas.evaluation import Severity

RATIO_BOUNDS: Mapping[Severity, float] = {"catastrophic": 10.0, "severe": 3.0, "moderate": 1.5, "mild": 1.1}
"""A perplexity ratio above the bound has the name; the first that holds counts."""
DROP_BOUNDS: Mapping[Severity, float] = {"catastrophic": 0.5, "severe": 0.2, "moderate": 0.1, "mild": 0.05}
"""The same for the drop of an accuracy."""


SEVERITIES: tuple[Severity, ...] = (*RATIO_BOUNDS, "minimal", "invalid")
"""All of them, the worst first; `invalid` is no number."""


def perplexity_severity(ratio: float) -> Severity:
    """Severity of a perplexity ratio, modified / baseline; infinite is catastrophic, NaN is invalid."""
    return _severity(ratio, RATIO_BOUNDS)


def accuracy_severity(drop: float) -> Severity:
    """Severity of an accuracy's drop, baseline − modified; an accuracy that rises is minimal, NaN is invalid."""
    return _severity(drop, DROP_BOUNDS)


def _severity(value: float, bounds: Mapping[Severity, float]) -> Severity:
    if math.isnan(value):
        return "invalid"
    return next((name for name, bound in bounds.items() if value > bound), "minimal")
