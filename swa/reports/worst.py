"""Which of several changes is the worst."""

from __future__ import annotations

import math


def badness(change: float) -> float:
    """A key to order by; NaN is beyond all others: a removal that breaks the model must not look harmless."""
    return math.inf if math.isnan(change) else change
