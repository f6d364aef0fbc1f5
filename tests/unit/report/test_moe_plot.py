"""The figure of a mixture of experts: marks lie on the record's numbers, names are readable."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from swa.reports.plots.moe_analysis import draw
from swa.reports.plots.style import CANDIDATE, CONFIRMED, png
from tests.support.records import confirmation, super_weight
from tests.unit.report.drawn import legend_of, shown_texts, words_of
from tests.unit.report.moe_records import expert_weight, layer_routing, moe_detection

CAUSAL = {"impact_natural": 0.2, "impact_interventional": 1.9, "causal_agreement": 0.96}


def _points(axes, colour):
    """Positions of the marks with an edge (or face) of a colour."""
    found = []
    for marks in axes.collections:
        edge = marks.get_edgecolor() if len(marks.get_edgecolor()) else marks.get_facecolor()
        if len(edge) and to_hex(edge[0]) == colour and len(marks.get_offsets()):
            found += [tuple(map(float, place)) for place in marks.get_offsets()]
    return found


def _panel(record, title):
    (panel,) = [axes for axes in draw(record).axes if title in axes.get_title(loc="left")]
    return panel


@pytest.fixture
def record():
    routing = [layer_routing(1, 8, 2), layer_routing(2, 8, 2, super_experts=[5]), layer_routing(3, 4, 2)]
    weights = [
        expert_weight(2, 5, 1, confirmed=True, p_active=0.11, co_spike_score=0.83, **CAUSAL),
        expert_weight(3, 1, 2, confirmed=False, p_active=0.2, co_spike_score=0.05, impact_natural=-0.1),
        expert_weight(3, 1, 3, confirmed=False, p_active=0.2, co_spike_score=0.3, **CAUSAL),
        super_weight(4, 5, layer=0, confirmation=confirmation(0.3, confirmed=True), model="$x_1$ <b>"),
    ]
    return moe_detection(weights, routing, n_layers=4, model="$x_1$ <b>")


def test_hits_lie_on_layer_and_expert(record):
    axes = draw(record).axes[0]
    assert sorted(_points(axes, CANDIDATE)) == [(0, -1), (2, 5), (3, 1)]
    assert sorted(_points(axes, CONFIRMED)) == [(0, -1), (2, 5)]
    assert (2, 5) in _points(axes, "#2b6ca3")
    assert axes.get_yticklabels()[0].get_text() == "not\nrouted"
    sizes = next(marks for marks in axes.collections if len(marks.get_offsets()) == 3).get_sizes()
    assert len(set(sizes)) == 2  # one expert has two candidates


def test_the_map_shows_every_share_and_leaves_dense_layers_out(record):
    shown = draw(record).axes[1].images[0].get_array()
    assert shown.shape == (8, 4)
    assert np.ma.getmaskarray(shown)[:, 0].all()
    assert np.ma.getmaskarray(shown)[4:, 3].all()
    for layer in record.routing:
        assert shown[: layer.n_experts, layer.layer].tolist() == pytest.approx(layer.p_active)


def test_co_spike_scores_stand_against_the_threshold_and_the_floor(record):
    axes = _panel(record, "co-spike")
    assert sorted(_points(axes, CANDIDATE)) == [(0.2, 0.05), (0.2, 0.3)]
    assert _points(axes, CONFIRMED) == [(0.11, 0.83)]
    lines = [(set(line.get_xdata()), set(line.get_ydata())) for line in axes.get_lines()]
    assert any(y == {0.12} for _, y in lines)
    assert any(x == {0.01} for x, _ in lines)
    assert words_of(axes) == ["L2 e5"]


def test_impacts_are_drawn_where_both_were_measured(record):
    axes = _panel(record, "natural against")
    assert _points(axes, CONFIRMED) == [(1.9, 0.2)]
    assert _points(axes, CANDIDATE) == [(1.9, 0.2)]
    assert words_of(axes) == ["L2 e5"]


def test_without_causal_scores_there_are_three_panels():
    record = moe_detection([expert_weight(0, 1, 2, confirmed=True)], [layer_routing(0, 4, 1)], n_layers=1)
    titles = [axes.get_title(loc="left") for axes in draw(record).axes]
    assert [title for title in titles if "impact" in title] == []
    assert len([title for title in titles if title]) == 3


def test_experts_that_no_token_selects_are_grey_and_it_is_said():
    routing = [layer_routing(0, 4, 2, p_active=[0.0, 1.0, 0.5, 0.5])]
    axes = draw(moe_detection([], routing, n_layers=1)).axes
    image = axes[1].images[0]
    assert to_hex(image.cmap(image.norm(image.get_array()))[0, 0]) == "#d9d9d9"
    assert any("grey: none" in panel.get_ylabel() for panel in axes)


def test_equal_shares_infinite_impacts_and_no_candidates_can_be_drawn():
    routing = [layer_routing(0, 4, 1, p_active=[0.25] * 4)]
    broken = expert_weight(
        0, 1, 2, confirmed=True, impact_natural=float("inf"), impact_interventional=float("nan"), p_active=0.25
    )
    png(draw(moe_detection([broken], routing, n_layers=1)))
    png(draw(moe_detection([], routing, n_layers=1)))


def test_a_hundred_experts_in_sixty_layers_stay_readable():
    routing = [layer_routing(layer, 128, 8) for layer in range(60)]
    weights = [
        expert_weight(
            7 * number % 60,
            31 * number % 128,
            number,
            confirmed=number % 4 == 0,
            p_active=0.05 + number / 400,
            **CAUSAL,
        )
        for number in range(40)
    ]
    figure = draw(moe_detection(weights, routing, n_layers=60, model="deepseek-ai/DeepSeek-V3-Base"))
    width, height = figure.canvas.get_width_height()
    ticks = []
    for text, box in shown_texts(figure):
        assert box.x0 >= 0, text
        assert box.x1 <= width + 1, text
        assert box.y0 >= 0, text
        assert box.y1 <= height + 1, text
        if text.isdigit():
            ticks.append(box)
    for number, box in enumerate(ticks):
        assert not any(box.overlaps(other) for other in ticks[number + 1 :])
    assert "confirmed" in legend_of(figure)
    assert figure.axes[1].images[0].get_array().shape == (128, 60)


def test_names_stand_apart():
    weights = [
        expert_weight(0, number, number, confirmed=True, p_active=0.1 + 0.002 * number, co_spike_score=0.8)
        for number in range(4)
    ]
    axes = _panel(moe_detection(weights, [layer_routing(0, 4, 1)], n_layers=1), "co-spike")
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 4
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])
    assert not any(text.get_in_layout() for text in axes.texts)
