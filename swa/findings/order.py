"""One order of damage: NaN is worse than infinity, infinity than any number.

A removal that breaks the model must never look harmless, and which of two is the worst never depends on their order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def badness(change: float) -> tuple[bool, float]:
    """A key to order changes by, the harmless first."""
    return (True, 0.0) if math.isnan(change) else (False, change)


def worst(items: Iterable[Item], change: Callable[[Item], float]) -> Item | None:
    """The item with the worst change, of several the first; `None` where there is no item.

    Args:
        items: What to choose from.
        change: How bad each is, larger is worse.
    """
    return max(items, key=lambda item: badness(change(item)), default=None)
