"""Which items are evaluated: seeded, spread evenly over the tasks of a group (docs/methods.md#accuracy)."""

from __future__ import annotations

import random
from collections.abc import Sequence


def share_out(leaves: Sequence[str], *, n_items: int, seed: int, group: str) -> dict[str, int]:
    """How many items each task of a group gets.

    Each gets `n_items // len(leaves)`, the first of a seeded order one more; who gets none is left out.

    Args:
        leaves: Names of the tasks.
        n_items: Items of the whole group.
        seed: Seed of the order.
        group: Name that was asked for.

    Returns:
        Number of items by task, in the order of `leaves`, each at least 1.
    """
    each, rest = divmod(n_items, len(leaves))
    # of sorted names: the order in which lm-eval lists a group's tasks is nobody's choice
    favoured = set(random.Random(f"{seed}:{group}").sample(sorted(leaves), rest))
    shares = {leaf: each + (leaf in favoured) for leaf in leaves}
    return {leaf: share for leaf, share in shares.items() if share}


def choose_items(n_docs: int, *, n_items: int, seed: int, leaf: str) -> tuple[int, ...]:
    """Draw items of one task without repetition, ascending: lm-eval labels prompts by position, in order.

    Args:
        n_docs: Items that the task has.
        n_items: Items to draw; all where it has fewer.
        seed: Seed of the draw.
        leaf: Name of the task; other tasks of the run do not change the draw.

    Returns:
        Indices in the evaluated split.
    """
    return tuple(sorted(random.Random(f"{seed}:{leaf}").sample(range(n_docs), min(n_items, n_docs))))
