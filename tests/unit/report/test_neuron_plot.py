"""The figure of a neuron: the strongest tokens of both ends, and the histogram with moments and percentiles."""

from __future__ import annotations

import pytest
from pydantic import MISSING

from swa.reports.plots import neuron_effects
from swa.reports.plots.style import png
from swa.schemas.cards import Histogram, NeuronCard, TopToken
from tests.unit.report.drawn import check_layout, ends_of, rows_of, shown_texts, words_of
from tests.unit.report.evaluation_records import LONG

TEXTS = [(" the", "Ġthe"), ("$x$", "$x$"), ("�", "Ľ"), ("�", "ķ"), ("\n", "Ċ"), ("a" * 60, "a" * 60), ("", "")]


def token(number: int, effect: float) -> TopToken:
    text, tok = TEXTS[number % len(TEXTS)]
    return TopToken.model_validate({"id": number, "tok": tok, "str": text, "effect": effect})


def card(n: int = 4, **fields) -> NeuronCard:
    given = {
        "model": "org/model",
        "layer": 10,
        "neuron": 523,
        "expert": None,
        "module": "model.layers.10.mlp.down_proj",
        "moments": {"var": 2.34, "skew": 1.12, "kurt": 13.45},
        "top_tokens_up": [token(i, 11.0 - i / 2) for i in range(n)],
        "top_tokens_down": [token(i, -3.0 + i / 10) for i in range(n)],
        "histogram": Histogram(edges=[-3.0, 0.0, 4.0, 11.0], counts=[200, 100, 1]),
        "label": "prediction",
        "percentiles": {"var": 99.2, "kurt": 97.0},
        **fields,
    }
    return NeuronCard.model_validate(given)


def test_both_ends_and_the_histogram():
    figure = neuron_effects.draw(card())
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    up, down = panels.pop("raised most"), panels.pop("lowered most")
    ((title, histogram),) = panels.items()
    assert rows_of(up)[:4] == ["␣the", r"\$x\$", "Ľ", "ķ"]
    assert ends_of(up) == pytest.approx({0: 11.0, 1: 10.5, 2: 10.0, 3: 9.5})
    assert words_of(up) == ["11.0", "10.5", "10.0", "9.5"]
    assert words_of(down) == ["−3.00", "−2.90", "−2.80", "−2.70"]
    assert histogram.patches[0].get_data().values.tolist() == [200, 100, 1]
    assert title == (
        "variance 2.34; skewness 1.12; excess kurtosis 13.45\n"
        "among neurons of its matrix, by cosine: variance percentile 99.2, |kurtosis| 97.0"
    )
    (heading,) = [text for text, _ in shown_texts(figure) if "org/model" in text]
    assert heading == "org/model: layer 10, neuron 523, prediction"


FIGURES = {
    "four": lambda: card(),
    "twenty of an expert": lambda: card(30, model=LONG, expert=17),
    "none": lambda: card(0, histogram=MISSING, percentiles=MISSING),
    "huge": lambda: card(top_tokens_up=[token(0, 1.23e9)], top_tokens_down=[token(1, -1e-7)]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_or_covers_another(name):
    figure = neuron_effects.draw(FIGURES[name]())
    check_layout(figure)
    assert png(neuron_effects.draw(FIGURES[name]())) == png(figure)
