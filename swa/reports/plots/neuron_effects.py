"""One neuron: the tokens that it raises and lowers most, and all its effects as a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import MISSING

from swa.reports.plots.bars import Bar, draw_bars
from swa.reports.plots.panels import heading, label_rows
from swa.reports.plots.style import figure_style, new_figure
from swa.reports.plots.token_ticks import piece_tick
from swa.schemas.cards import NeuronCard, TopToken
from swa.text.numbers import aligned, number, percentile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_SHOWN = 20
"""Tokens of each end; a record may hold more."""
UP, DOWN, ALL = "#55833d", "#b0413e", "#3b6ea8"
ROW_HEIGHT = 0.21


def draw(card: NeuronCard) -> Figure:
    """Draw the strongest effects on logits both ways, and the histogram of all effects with label and percentiles.

    A card without a histogram, from an older program, has the tokens alone.
    """
    up, down = card.top_tokens_up[:N_SHOWN], card.top_tokens_down[:N_SHOWN]
    n_rows = max(len(up), len(down), 3)
    with_histogram = card.histogram is not MISSING
    with figure_style():
        figure = new_figure(8.6, n_rows * ROW_HEIGHT + (3.6 if with_histogram else 1.6))
        figure.set_layout_engine("constrained", w_pad=0.12)
        if with_histogram:
            grid = figure.add_gridspec(2, 2, height_ratios=[n_rows * ROW_HEIGHT, 1.7])
            left, right = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
            _draw_histogram(figure.add_subplot(grid[1, :]), card)
        else:
            left, right = figure.subplots(1, 2)
        _draw_side(left, up, n_rows, title="raised most", colour=UP)
        _draw_side(right, down, n_rows, title="lowered most", colour=DOWN)
        heading(figure, f"{card.model}: layer {card.layer}{_expert(card)}, neuron {card.neuron}, {card.label}")
    return figure


def _expert(card: NeuronCard) -> str:
    return "" if card.expert is None else f", expert {card.expert}"


def _draw_side(axes: Any, tokens: Sequence[TopToken], n_rows: int, *, title: str, colour: str) -> None:
    labels = [piece_tick(token.tok, token.str_) for token in tokens]
    label_rows(axes, [*labels, *[""] * (n_rows - len(tokens))], ROW_HEIGHT)
    axes.set_title(title, loc="left", fontsize=9)
    axes.set_xlabel("effect on the logit, per unit of activation", fontsize=8)
    numbers = aligned([token.effect for token in tokens])
    bars = [Bar(row, token.effect, colour, text) for row, (token, text) in enumerate(zip(tokens, numbers, strict=True))]
    draw_bars(axes, bars, start=0.0, log=False, reach=0.0)


def _draw_histogram(axes: Any, card: NeuronCard) -> None:
    assert card.histogram is not MISSING, "asked for only where there is one"
    axes.stairs(card.histogram.counts, card.histogram.edges, fill=True, color=ALL, alpha=0.8)
    axes.tick_params(labelsize=8)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("effect on the logit, all tokens of text", fontsize=8)
    axes.set_ylabel("tokens", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(_moments(card), loc="left", fontsize=9)


def _moments(card: NeuronCard) -> str:
    moments = {"variance": card.moments.var, "skewness": card.moments.skew, "excess kurtosis": card.moments.kurt}
    text = "; ".join(f"{name} {number(value)}" for name, value in moments.items())
    if card.percentiles is MISSING:
        return text
    var, kurt = card.percentiles.var, card.percentiles.kurt
    places = f"variance percentile {percentile(var)}, |kurtosis| {percentile(kurt)}"
    return f"{text}\namong neurons of its matrix, by cosine: {places}"
