"""Sizes, thresholds, batch sizes, devices."""

from __future__ import annotations

import pytest
import typer

from swa.cli.declare import values


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("4GiB", 4 << 30), ("4G", 4 << 30), ("4GB", 4 * 10**9), ("1.5 MiB", 3 << 19), ("700kb", 700_000), ("512", 512)],
)
def test_sizes(text, n_bytes):
    assert values.parse_size(text) == n_bytes


@pytest.mark.parametrize("text", ["", "much", "-4GiB", "4XB", "0", "0GiB"])
def test_wrong_sizes(text):
    with pytest.raises(typer.BadParameter):
        values.size_text(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", ""])
def test_wrong_thresholds(text):
    with pytest.raises(typer.BadParameter):
        values.threshold_text(text)


def test_one_threshold_has_one_spelling():
    assert values.threshold_text("50") == values.threshold_text("5e1") == "50.0"
    assert values.parse_threshold(values.threshold_text("auto")) is None


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many"])
def test_wrong_batch_sizes(text):
    with pytest.raises(typer.BadParameter):
        values.batch_size_text(text)


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:x", "cpu:0", ""])
def test_wrong_devices(text):
    with pytest.raises(typer.BadParameter):
        values.device_text(text)


@pytest.mark.parametrize(("text", "factor"), [("0", 0.0), ("-0", 0.0), ("1e-3", 0.001), ("-.5", -0.5), ("3", 3.0)])
def test_factors(text, factor):
    assert str(values.parse_factor(text)) == str(factor)


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e400"])
def test_wrong_factors(text):
    with pytest.raises(typer.BadParameter):
        values.parse_factor(text)
