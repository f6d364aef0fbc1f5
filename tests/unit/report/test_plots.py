"""Figures: the marks lie on the numbers of the record, whatever the names."""

from __future__ import annotations

import pytest

from swa.reports.plots import detection_iterations, super_weight_distribution
from swa.reports.plots.style import CONFIRMED, png
from swa.schemas.detection import Iteration, SiteExtremes
from tests.support.records import confirmation, detection, super_weight


def _extremes(layer, x, y, *, module="model.layers.11.mlp.down_proj"):
    return SiteExtremes(
        layer=layer,
        module=module,
        site="mlp_out",
        expert=None,
        prompt=0,
        input_value=x,
        input_channel=1,
        input_position=0,
        output_value=y,
        output_channel=2,
        output_position=0,
        attributed_col=1,
        weight=0.5,
        share=0.9,
        added_value=y,
        residual_median=0.1,
        spikes=True,
    )


@pytest.fixture
def record():
    iterations = [
        Iteration(
            number=1, layers=[_extremes(0, 1.0, -2.0, module="a"), _extremes(11, -300.0, 4000.0)], new_candidates=[]
        ),
        Iteration(number=2, layers=[_extremes(0, 1.0, 2.0, module="a"), _extremes(11, 80.0, -60.0)], new_candidates=[]),
    ]
    weights = [
        super_weight(507, 1229, iteration=1, model="$x_1$ <b>"),
        super_weight(3, 4, iteration=2, model="$x_1$ <b>", confirmation=confirmation(0.001, confirmed=False)),
        super_weight(5, 6, model="$x_1$ <b>", found_by=["gradient"], input_value=0.0),
    ]
    return detection(weights, model="$x_1$ <b>", iterations=iterations)


def _stars(axes):
    return {
        (line.get_xdata()[0], line.get_ydata()[0]): line.get_markerfacecolor()
        for line in axes.get_lines()
        if line.get_marker() == "*"
    }


def test_stars_lie_on_the_detections_and_are_filled_when_confirmed(record):
    top, bottom = detection_iterations.draw(record).axes
    assert _stars(top) == {(11, 300.0): CONFIRMED, (11, 80.0): "none"}
    assert _stars(bottom) == {(11, 4000.0): CONFIRMED, (11, 60.0): "none"}


def test_one_line_an_iteration_on_a_log_scale_with_the_threshold(record):
    top, _ = detection_iterations.draw(record).axes
    lines = {line.get_label(): list(line.get_ydata()) for line in top.get_lines()}
    assert lines["iteration 1"] == [1.0, 300.0]
    assert lines["iteration 2"] == [1.0, 80.0]
    assert top.get_yscale() == "log"
    assert any(list(line.get_ydata()) == [50.0, 50.0] for line in top.get_lines())


def test_every_point_of_the_distribution_has_its_layer(record):
    axes = super_weight_distribution.draw(record).axes[0]
    texts = sorted(text.get_text() for text in axes.texts)
    assert texts == ["11", "L11"]  # a zero input has no place on a log scale
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


@pytest.mark.parametrize("module", [detection_iterations, super_weight_distribution])
def test_the_same_record_gives_the_same_bytes(module, record):
    one, two = (png(module.draw(record)) for _ in range(2))
    assert one == two
    assert one.startswith(b"\x89PNG")


@pytest.mark.parametrize("module", [detection_iterations, super_weight_distribution])
def test_nothing_found_can_be_drawn(module):
    assert png(module.draw(detection([], iterations=[])))


def test_the_callers_style_stays(record):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    detection_iterations.draw(record)
    assert dict(mpl.rcParams) == before
