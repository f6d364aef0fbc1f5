"""Figures of an evaluation are readable: no text is cut off or covered, however many and long the names are."""

from __future__ import annotations

import pytest

from swa.reports.plots import combined_analysis, impact_comparison, model_comparison
from swa.reports.plots.style import png, wrapped
from tests.unit.report.drawn import check_layout
from tests.unit.report.evaluation_records import (
    INF,
    LONG,
    THREE,
    accuracy_impact,
    impact_record,
    model_analysis,
    model_statistics,
    over_models,
    perplexity_impact,
)


def many(n: int, model: str):
    places = [f"L{i}.mlp.experts.{i}.down_proj[{i},{1000 + i}]" for i in range(n)]
    tasks = ("hellaswag", "mmlu_high_school_government_and_politics", "mmlu", "gsm8k")
    singles = [
        impact_record(
            f"sw_{i}",
            place,
            perplexity=perplexity_impact(2.0 + i, 1.5, 20.0),
            **{t: accuracy_impact(0.1, 0, 0.2) for t in tasks},
        )
        for i, place in enumerate(places)
    ]
    whole = impact_record(
        "all",
        *places,
        perplexity=perplexity_impact(INF, 9.0, INF),
        **{t: accuracy_impact(0.4, 0.3, 0.5) for t in tasks},
    )
    return model_analysis(singles, [whole], tasks=tasks, model=model)


FIVE = {"mmlu": 0.2, "gsm8k": 0.1, "arc_easy": 0.1, "hellaswag": 0.1, "piqa": 0.0}
FIGURES = {
    **{f"impact {n}": lambda n=n: impact_comparison.draw(many(n, LONG)) for n in (1, 3, 12)},
    **{f"combined {n}": lambda n=n: combined_analysis.draw(many(n, LONG)) for n in (1, 12)},
    "models 1": lambda: model_comparison.draw(over_models(THREE[0])),
    "models with 5 tasks": lambda: model_comparison.draw(
        over_models(*[model_statistics(name, 1, drops=FIVE) for name in "ab"])
    ),
    "models of long names": lambda: model_comparison.draw(over_models(*[model_statistics(LONG, 1)] * 8)),
    "models 6": lambda: model_comparison.draw(over_models(*THREE, *THREE)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_or_covers_another(name):
    check_layout(FIGURES[name]())


@pytest.mark.parametrize("name", ["impact 3", "combined 1", "models 6"])
def test_the_same_record_gives_the_same_bytes(name):
    one, two = png(FIGURES[name]()), png(FIGURES[name]())
    assert one == two
    assert one.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("org/some-long_name", ["org/some-", "long_name"]),
        ("abcdefghijklmnopqrstuvwxyz", ["abcdefghij", "klmnopqrst", "uvwxyz"]),
        ("one two three four", ["one two", "three four"]),
        ("0123456789" * 5, ["…0123456789", "0123456789", "0123456789", "0123456789"]),
        ("", [""]),
    ],
)
def test_names_are_broken_where_they_can_be(text, lines):
    assert wrapped(text, 10).split("\n") == lines
