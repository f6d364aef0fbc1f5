"""The Python API: the functions, whatever has been imported before."""

from __future__ import annotations

import pytest

import swa


def test_the_public_names_are_functions():
    import swa.detection.analysis

    assert swa.detect is swa.detection.analysis.detect
    assert all(callable(getattr(swa, name)) for name in swa.__all__)


def test_other_names_are_none_of_ours():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = swa.nothing


def test_a_detection_from_python():
    from swa.detection.options import DetectOptions
    from tests.support.tiny_loaded import loaded_tiny, text_of

    result = swa.detect(
        loaded_tiny("llama"), text_of(2000), options=DetectOptions(screen_top=3, max_iterations=2, prompts=("Apple",))
    )
    assert result.coverage.text == "examined 4/4 MLP sites"
    assert [weight.found_by for weight in result.super_weights] == [["gradient"]] * 3
    assert result.config["screen_top"] == 3
