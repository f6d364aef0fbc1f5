"""Figures of super weights: what they show, and that they can be read whatever the record holds."""

from __future__ import annotations

import math

import pytest
from pydantic import MISSING

from swa.reports.plots import cascade, intervention_deltas, token_shifts
from swa.reports.plots.cascade import ResidualRow
from swa.reports.plots.style import png
from swa.schemas.cards import CascadeBlock, Metrics
from tests.support.cards import METRICS, block, card, interval, metrics, shift
from tests.support.records import super_weight
from tests.unit.report.drawn import (
    check_layout,
    colours_of,
    crosses_of,
    ends_of,
    intervals_of,
    legend_of,
    rows_of,
    words_of,
)
from tests.unit.report.evaluation_records import INF, LONG, NAN

WEIGHT = super_weight()
BOOTSTRAP = {name: interval(number) for number, name in enumerate(METRICS[:4], start=1)}
CARD = card(WEIGHT, coordinate=WEIGHT.coordinate, bootstrap=BOOTSTRAP)
HOSTILE = [
    " the",
    "$x$",
    "$\\frac{1}{0}$",
    "<script>alert(1)</script>",
    "\x1b[31m",
    "\n",
    "中国",
    "a" * 60,
    "",
    "_^{}%&#",
]


def many(n: int, *, model: str = LONG):
    def end(sign: float):
        return [shift(i, HOSTILE[i % len(HOSTILE)], sign * 0.1 / (i + 1)) for i in range(n)]

    shifts = {"up": end(1.0), "down": end(-1.0), "total_variation": 0.3}
    return card(super_weight(model=model), coordinate="L3.mlp.experts.127.down_proj[12345,54321]", token_shifts=shifts)


def changed(**fields):
    return CARD.model_copy(update=fields)


class TestDeltas:
    def test_every_metric_has_its_own_panel_with_the_intact_value(self):
        panels = intervention_deltas.draw(CARD).axes
        titles = ["loss, nats a token", "entropy, nats", "top-2 margin", "function-word mass"]
        assert [axes.get_title(loc="left") for axes in panels] == titles
        assert [axes.get_xlabel() for axes in panels] == [
            f"baseline {text}" for text in ("3.05", "1.52", "−0.305", "−0.0610")
        ]
        limits = [axes.get_xlim() for axes in panels]
        assert len(set(limits)) == 4
        assert rows_of(panels[0]) == ["scalar removed", "control scalars (3)", "neuron zeroed"]

    def test_bars_end_at_the_deltas_and_intervals_are_those_of_the_record(self):
        loss, entropy, margin, _ = intervention_deltas.draw(CARD).axes
        assert ends_of(loss) == pytest.approx({0: 1.94, 1: 0.0011, 2: 2.134})
        assert ends_of(entropy) == pytest.approx({0: 0.97, 1: 0.00055, 2: 1.067})
        assert intervals_of(loss) == {0: pytest.approx((0.8, 1.2)), 1: pytest.approx((0.0004, 0.0018))}
        assert words_of(loss) == ["+1.94", "+0.00110", "+2.13"]
        assert margin.get_xlim()[0] < 0 <= margin.get_xlim()[1]
        assert len(set(colours_of(loss))) == 3

    def test_the_largest_control_is_a_diamond(self):
        diamonds = [line for line in intervention_deltas.draw(CARD).axes[0].get_lines() if line.get_marker() == "D"]
        assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in diamonds] == [(0.0021, 1)]

    def test_the_legend_says_what_is_there(self):
        assert "95 % interval over 58 windows" in legend_of(intervention_deltas.draw(CARD))
        bare = changed(
            bootstrap=MISSING,
            controls=CARD.controls.model_copy(update={"random_coord_std": MISSING, "random_coord_max": MISSING}),
        )
        assert legend_of(intervention_deltas.draw(bare)) == ""
        assert set(intervals_of(intervention_deltas.draw(bare).axes[0])) == set()

    @pytest.mark.parametrize(
        ("value", "text"), [(INF, "+∞"), (-INF, "−∞"), (NAN, "NaN"), (0.0, "0"), (1e300, "+1.0×10³⁰⁰")]
    )
    def test_any_number(self, value, text):
        figure = intervention_deltas.draw(changed(deltas=Metrics(**dict.fromkeys(METRICS, value))))
        for axes in figure.axes:
            assert words_of(axes)[0] == text
            assert all(map(math.isfinite, axes.get_xlim()))
        assert bool(crosses_of(figure.axes[0])) == math.isnan(value)
        assert png(figure).startswith(b"\x89PNG")


class TestTokens:
    def test_both_sides_with_probabilities_before_and_after(self):
        gain, lose = token_shifts.draw(CARD).axes
        assert rows_of(gain)[:2] == ["␣the", r"\n"]
        assert rows_of(lose)[0] == "␣Apple"
        assert ends_of(gain) == pytest.approx({0: 0.02, 1: 0.01})
        assert words_of(gain)[0] == "0.0500 → 0.0700"
        assert lose.get_xlim()[0] < -0.03
        assert "total variation over the whole vocabulary: 0.21" in legend_of(token_shifts.draw(CARD))

    def test_at_most_twenty(self):
        gain, lose = token_shifts.draw(many(100)).axes
        assert len(gain.patches) == len(lose.patches) == 20

    @pytest.mark.parametrize("shifts", [MISSING, CARD.token_shifts.model_copy(update={"up": [], "down": []})])
    def test_no_tokens_are_said(self, shifts):
        figure = token_shifts.draw(changed(token_shifts=shifts))
        assert [words_of(axes) for axes in figure.axes] == [["no token"], ["no token"]]

    def test_hostile_texts_are_text(self):
        labels = rows_of(token_shifts.draw(many(10)).axes[0])
        assert labels[:4] == ["␣the", r"\$x\$", r"\$\frac{1}{0}\$", "<script>aler…ript>"]
        assert labels[4:9] == [r"\x1b[31m", r"\n", r"\u4e2d\u56fd", "aaaaaaaaaaaa…aaaaa", "(empty)"]


class TestCascade:
    def test_curves_by_layer_with_the_scalars_own_marked(self):
        seen = block((0, 10, 11))
        panels = cascade.draw(seen, title="a: L11", layer=11).axes
        assert [axes.get_title(loc="left") for axes in panels] == [
            "Δ entropy, nats",
            "Δ top-2 margin",
            "KL(intact ‖ removed), nats",
        ]
        curves = [next(line for line in axes.get_lines() if line.get_label() == "removed") for axes in panels]
        for curve, values in zip(curves, (seen.delta_entropy, seen.delta_margin, seen.kl), strict=True):
            assert list(curve.get_xdata()) == [0, 10, 11]
            assert list(curve.get_ydata()) == values
        dashed = [line for line in panels[0].get_lines() if line.get_linestyle() == "--"]
        assert [list(line.get_xdata()) for line in dashed] == [[11, 11]]

    def test_a_cascade_record_has_the_residual_too(self):
        residual = ResidualRow([1.0, 5.0, 24000.0], [1.0, 5.0, 30.0])
        figure = cascade.draw(block((0, 10, 11)), title="a: L11", layer=11, residual=residual)
        axes = figure.axes[3]
        assert axes.get_yscale() == "log"
        assert [list(line.get_ydata()) for line in axes.get_lines() if line.get_marker() == "o"] == [*residual]

    @pytest.mark.parametrize("values", [[INF, 1.0], [NAN, 1.0], [-INF, NAN], [0.0, 0.0]])
    def test_any_number(self, values):
        seen = CascadeBlock(layers=[0, 1], delta_entropy=values, delta_margin=values, kl=values)
        figure = cascade.draw(seen, title="x", layer=0, residual=ResidualRow(values, values))
        n_crosses = sum(not math.isfinite(value) for value in values)
        assert sum(line.get_marker() == "x" for line in figure.axes[0].get_lines()) == n_crosses
        assert png(figure).startswith(b"\x89PNG")

    def test_one_layer(self):
        assert png(cascade.draw(block((11,)), title="x", layer=11)).startswith(b"\x89PNG")


FIGURES = {
    "deltas": lambda: intervention_deltas.draw(CARD),
    "deltas of a long name": lambda: intervention_deltas.draw(many(1)),
    "deltas of tiny changes": lambda: intervention_deltas.draw(
        changed(deltas=Metrics(**metrics(-1.23456e-9)), controls=CARD.controls)
    ),
    "tokens": lambda: token_shifts.draw(CARD),
    "tokens 20": lambda: token_shifts.draw(many(20)),
    "tokens 1": lambda: token_shifts.draw(many(1)),
    "cascade": lambda: cascade.draw(block((0, 10, 11)), title=f"{LONG}: {WEIGHT.coordinate}", layer=11),
    "cascade with residual": lambda: cascade.draw(
        block((0, 10, 11)), title="a: L11", layer=11, residual=ResidualRow([1.0, 5.0, 24000.0], [1.0, 5.0, 30.0])
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_or_covers_another(name):
    check_layout(FIGURES[name]())


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_record_gives_the_same_bytes(name):
    assert png(FIGURES[name]()) == png(FIGURES[name]())
