"""Which classes of tokens stand out among a neuron's effects (docs/methods.md#enrichment)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from swa.data.token_classes import CLASSES, TokenClasses
from swa.schemas.cards import Enrichment
from swa.stats import contrast_groups, false_discovery_rates

_MIN_MEMBERS = 5
_N_EXAMPLES = 5


def enrichment(effects: NDArray[np.float64], classes: TokenClasses) -> list[Enrichment]:
    """Compare the effects on each class with those on all other tokens; the largest share of variance first.

    Classes with fewer than five tokens, in or outside, are left out. There is nothing to compare where all effects are
    equal.

    Args:
        effects: Effect on each token, in the order of the classes' tokens.
        classes: Which token is in which class.
    """
    sizes = classes.members.sum(axis=1)
    large = np.flatnonzero((sizes >= _MIN_MEMBERS) & (sizes <= len(effects) - _MIN_MEMBERS))
    if not len(large) or np.ptp(effects) == 0:
        return []
    found = contrast_groups(effects, classes.members[large])
    q_values = false_discovery_rates(found.p)
    cards = [
        Enrichment.model_validate(
            {
                "class": CLASSES[row],
                "score": float(found.eta_squared[index]),
                "examples": _examples(effects, classes, int(row), upwards=bool(found.mean_difference[index] >= 0)),
                "mean_diff": float(found.mean_difference[index]),
                "n": int(found.n[index]),
                "t": float(found.t[index]),
                "q": float(q_values[index]),
            }
        )
        for index, row in enumerate(large)
    ]
    return sorted(cards, key=lambda card: -card.score)


def _examples(effects: NDArray[np.float64], classes: TokenClasses, row: int, *, upwards: bool) -> list[str]:
    members = np.flatnonzero(classes.members[row])
    order = np.argsort(-effects[members] if upwards else effects[members], kind="stable")
    return [classes.texts[index] for index in members[order[:_N_EXAMPLES]]]
