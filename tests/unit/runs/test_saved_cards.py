"""Which saved cards still hold when more is known of a model."""

from __future__ import annotations

import pytest

from swa.runs.inputs.saved_cards import keeps_away
from tests.support.cards import card
from tests.support.records import super_weight

CARD = card(super_weight(), controls=((1, 2), (3, 4)))


@pytest.mark.parametrize(
    ("candidate", "holds"),
    [
        (super_weight(9, 9), True),
        (super_weight(9, 2), False),
        (super_weight(3, 9), False),
        (super_weight(3, 2, module="model.layers.10.mlp.down_proj"), True),
        (super_weight(3, 2, expert=1), True),
    ],
)
def test_controls_keep_away_from_every_candidate_of_their_matrix(candidate, holds):
    assert keeps_away(CARD, [super_weight(), candidate]) == holds
