"""Coordinates as text."""

from __future__ import annotations

import pytest

from swa.errors import UsageError
from swa.schemas.coordinate import CoordinateText


@pytest.mark.parametrize(
    "text", ["L11.mlp.down_proj[507,1229]", "L3.mlp.experts.17.down_proj[5,9]", "decoder.layers.L3.fc2[0,1]"]
)
def test_prints_what_it_parsed(text):
    assert str(CoordinateText.parse(text)) == text


@pytest.mark.parametrize("text", ["", "L1", "L1.mlp[1]", "mlp.down_proj[1,2]", "L-1.mlp[1,2]", "L1.mlp[1,2]x"])
def test_refuses_what_is_none(text):
    with pytest.raises(UsageError, match="not a coordinate"):
        CoordinateText.parse(text)
