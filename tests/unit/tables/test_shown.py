"""Records outside the command line: text, notebook, data frame."""

from __future__ import annotations

import pytest

import swa
from swa.schemas.run import EffectiveWindows
from tests.support.records import detection, super_weight


def test_a_detection_as_text_html_and_frame():
    weights = [super_weight(507, 1229), super_weight(3, 4)]
    shown = swa.show(detection(weights))
    assert [weight.coordinate in str(shown) for weight in weights] == [True, True]
    assert "×6.96" in str(shown)
    html = shown._repr_html_()
    assert html.count("<tr>") == 3
    frame = shown.to_frame()
    assert list(frame.index) == [weight.coordinate for weight in weights]
    assert list(frame["delta_loss"]) == [1.94, 1.94]


def test_texts_of_records_are_escaped():
    html = swa.show([super_weight(model="<script>", coordinate="L1.<b>[1,2]")])._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_what_has_no_table_is_said():
    windows = EffectiveWindows(tokens=1, tokens_scored=1, window_len=2, stride=1, n_windows=1, batch_size=1)
    with pytest.raises(TypeError, match="no table"):
        swa.show([windows])
