"""Figures of an evaluation: bars, intervals, scales and words are those of the record, whatever the numbers."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

from swa.reports.plots import combined_analysis, impact_comparison, model_comparison
from swa.reports.plots.severity import SEVERITY_COLOURS, UNRATED
from swa.reports.plots.style import png
from tests.unit.report.drawn import (
    bars_of,
    colours_of,
    crosses_of,
    ends_of,
    intervals_of,
    legend_of,
    rows_of,
    words_of,
)
from tests.unit.report.evaluation_records import (
    INF,
    L2,
    L11,
    NAN,
    RECORD,
    THREE,
    accuracy_impact,
    impact_record,
    model_analysis,
    model_statistics,
    over_models,
    perplexity_impact,
)


class TestImpactComparison:
    def test_bars_are_the_perplexities_and_bear_their_numbers(self):
        top, _ = impact_comparison.draw(RECORD).axes
        assert rows_of(top) == ["intact model", L11, L2, "all together (2)"]
        assert ends_of(top) == pytest.approx({0: 20.0, 1: 120.0, 2: 24.0, 3: 240.0})
        assert words_of(top) == ["20.00", "120.0  (×6.00)", "24.00  (×1.20)", "240.0  (×12.0)"]

    def test_intervals_of_the_ratio_are_drawn_around_the_perplexity(self):
        top, below = impact_comparison.draw(RECORD).axes
        assert intervals_of(top) == {1: (110.0, 130.0), 2: (18.0, 26.0), 3: (200.0, 280.0)}
        assert intervals_of(below) == {0: (0.15, 0.35), 1: (-0.03, 0.08), 2: (0.2, 0.4)}

    @pytest.mark.parametrize(
        ("ratio", "high", "scale", "start"),
        [(10.0, 10.0, "linear", 0), (10.1, 10.1, "log", 1), (9.0, 12.0, "log", 1), (INF, INF, "log", 1)],
    )
    def test_the_scale_is_logarithmic_where_ratios_pass_10(self, ratio, high, scale, start):
        figure = impact_comparison.draw(
            model_analysis([impact_record("sw_0", L2, perplexity=perplexity_impact(ratio, 1.0, high))])
        )
        axes = figure.axes[0]
        assert axes.get_xscale() == scale
        assert bars_of(axes)[0] == (start, 20.0)

    def test_drops_of_the_task_with_those_that_chance_explains_marked(self):
        below = impact_comparison.draw(RECORD).axes[1]
        assert rows_of(below) == [L11, L2, "all together (2)"]
        assert ends_of(below) == {0: 0.25, 1: 0.02, 2: 0.3}
        assert words_of(below) == ["0.250", "0.020 n.s.", "0.300"]
        assert below.get_title(loc="left") == "mmlu\nintact 0.600, n = 100"
        assert below.get_xlabel() == "drop in acc"
        assert [0.35, 0.35] in [list(line.get_xdata()) for line in below.get_lines()]  # 0.6 − 0.25: guessing

    def test_colours_are_severities_and_the_legend_names_those_that_occur(self):
        figure = impact_comparison.draw(RECORD)
        top, below = figure.axes
        assert colours_of(top)[1:] == [SEVERITY_COLOURS[name] for name in ("severe", "mild", "catastrophic")]
        assert colours_of(below) == [SEVERITY_COLOURS[name] for name in ("severe", "minimal", "severe")]
        legend = legend_of(figure)
        assert "severe (ratio > 3, drop > 0.2)" in legend
        assert "catastrophic (ratio > 10, drop > 0.5)" in legend
        assert "moderate" not in legend
        assert "guessing" in legend

    def test_every_factor_has_its_row(self):
        variants = [
            impact_record("sw_0", L2, perplexity=perplexity_impact(2.0)),
            impact_record("sw_0_x-0.5", L2, factor=-0.5, perplexity=perplexity_impact(3.0)),
        ]
        axes = impact_comparison.draw(model_analysis(variants, tasks=())).axes[0]
        assert rows_of(axes) == ["intact model", f"{L2} × 0", f"{L2} × −0.5"]

    def test_infinite_reaches_the_edge_and_nan_is_a_cross(self):
        variants = [
            impact_record("sw_0", L2, perplexity=perplexity_impact(INF, 3.0, INF, log_ratio=800.0)),
            impact_record("sw_1", L2, perplexity=perplexity_impact(NAN, NAN, NAN), mmlu=accuracy_impact(NAN)),
            impact_record("sw_2", L2, perplexity=perplexity_impact(INF, INF, INF)),
            impact_record("sw_3", L2, perplexity=perplexity_impact(4.0)),
        ]
        figure = impact_comparison.draw(model_analysis(variants))
        axes = figure.axes[0]
        edge = axes.get_xlim()[1]
        assert ends_of(axes) == pytest.approx({0: 20.0, 1: edge, 3: edge, 4: 80.0})
        assert [bar.get_hatch() is not None for bar in axes.patches] == [False, True, True, False]
        assert crosses_of(axes) == [2]
        assert words_of(axes)[1:] == ["∞ (log-ratio 800)", "NaN  (invalid)", "×∞", "80.00  (×4.00)"]
        assert intervals_of(axes) == {1: (60.0, edge)}
        assert "invalid (not a number)" in legend_of(figure)
        assert png(figure)

    def test_a_metric_without_severity_is_grey(self):
        figure = impact_comparison.draw(
            model_analysis([impact_record("sw_0", L2, mmlu=accuracy_impact(-1.5, -3.0, 1.0, rated=False))])
        )
        assert colours_of(figure.axes[1]) == [UNRATED]
        assert "severity is not defined" in legend_of(figure)

    def test_what_was_not_measured_has_no_panel(self):
        only_perplexity = model_analysis([impact_record("sw_0", L2, perplexity=perplexity_impact(2.0))], tasks=())
        only_accuracy = model_analysis([impact_record("sw_0", L2, mmlu=accuracy_impact(0.1))], perplexity=None)
        assert [axes.get_xlabel()[:10] for axes in impact_comparison.draw(only_perplexity).axes] == ["perplexity"]
        assert [axes.get_xlabel()[:4] for axes in impact_comparison.draw(only_accuracy).axes] == ["drop"]
        assert png(impact_comparison.draw(model_analysis([], perplexity=None, tasks=())))

    def test_without_super_weights_the_intact_model_stands_alone(self):
        figure = impact_comparison.draw(model_analysis([]))
        assert [ends_of(axes) for axes in figure.axes] == [{0: 20.0}]
        assert "no super weight" in figure.get_suptitle()


class TestCombinedAnalysis:
    def test_the_whole_beside_product_sum_and_largest(self):
        top, below = combined_analysis.draw(RECORD).axes
        assert top.get_xscale() == "log"
        assert rows_of(top) == list(combined_analysis.RATIO_ROWS)
        assert ends_of(top) == pytest.approx({0: 12.0, 1: 6.0 * 1.2, 2: 1 + 5.0 + 0.2, 3: 6.0})
        assert words_of(top) == ["×12.0", "×7.20", "×6.20", "×6.00"]
        assert rows_of(below) == list(combined_analysis.DROP_ROWS)
        kept = (0.35 / 0.6) * (0.58 / 0.6)
        assert ends_of(below) == pytest.approx({0: 0.3, 1: 0.27, 2: 0.6 * (1 - kept), 3: 0.25})

    def test_only_what_was_measured_has_an_interval(self):
        top, below = combined_analysis.draw(RECORD).axes
        assert intervals_of(top) == {0: (10.0, 14.0), 3: (5.5, 6.5)}
        assert intervals_of(below) == {0: (0.2, 0.4), 3: (0.15, 0.35)}

    def test_each_factor_is_compared_with_its_own_single_edits(self):
        both = [
            impact_record(f"{name}{ending}", *places, factor=factor, perplexity=perplexity_impact(ratio))
            for name, places, factor, ending, ratio in [
                ("sw_0", [L2], 0.0, "", 2.0),
                ("sw_0", [L2], 0.5, "_x0.5", 1.5),
                ("all", [L2], 0.0, "", 2.0),
                ("all", [L2], 0.5, "_x0.5", 1.5),
            ]
        ]
        axes = combined_analysis.draw(model_analysis(both[:2], both[2:])).axes[0]
        assert ends_of(axes) == pytest.approx(dict.fromkeys(range(4), 2.0) | dict.fromkeys(range(4, 8), 1.5))
        assert rows_of(axes)[5] == "product of the single ratios, factor 0.5"

    def test_a_missing_single_edit_leaves_sum_and_product_out(self):
        analysis = RECORD.model_copy(update={"individual": RECORD.individual[:1]})
        top, below = combined_analysis.draw(analysis).axes
        assert list(bars_of(top)) == list(bars_of(below)) == [0, 3]
        top, below = combined_analysis.draw(RECORD.model_copy(update={"individual": []})).axes
        assert list(bars_of(top)) == list(bars_of(below)) == [0]

    def test_products_that_overflow_and_shares_of_nothing(self):
        singles = [
            impact_record("sw_0", L2, perplexity=perplexity_impact(1e200), mmlu=accuracy_impact(0.0, intact=0.0)),
            impact_record("sw_1", L11, perplexity=perplexity_impact(1e200), mmlu=accuracy_impact(-0.1, intact=0.0)),
        ]
        whole = impact_record("all", L2, L11, perplexity=perplexity_impact(NAN), mmlu=accuracy_impact(-0.2, intact=0.0))
        figure = combined_analysis.draw(model_analysis(singles, [whole]))
        top, below = figure.axes
        assert words_of(top)[:2] == ["invalid", "∞ (log-ratio 921)"]
        assert crosses_of(top) == [0]
        assert ends_of(top)[1] == pytest.approx(top.get_xlim()[1])
        assert words_of(below)[2] == "undefined"
        assert png(figure)

    def test_nothing_edited_together_says_so(self):
        figure = combined_analysis.draw(model_analysis([]))
        assert figure.axes == []
        assert "nothing edited together" in figure.get_suptitle()
        assert png(figure)


class TestModelComparison:
    def test_counts_ratios_and_drops_have_a_panel_each(self):
        counts, ratios, drops = model_comparison.draw(over_models(*THREE)).axes
        assert ends_of(counts) == {0: 3, 1: 0, 2: 1}
        assert words_of(counts) == ["3", "0", "1"]
        assert ratios.get_xscale() == "log"
        assert ends_of(ratios) == pytest.approx({-0.2: 6.0, 0.2: 30.0, 1: 1.0, 1.8: ratios.get_xlim()[1]})
        assert words_of(ratios) == ["×6.00", "×30.0", "none", "∞ (log-ratio 900)", "invalid"]
        assert crosses_of(ratios) == pytest.approx([2.2])
        assert bars_of(drops) == {-0.2: (0, 0.2), 0.2: (0, 0.1), 1: (0, 0), 1.8: (-0.02, 0)}
        assert words_of(drops) == ["0.200", "0.100", "none", "−0.020"]

    def test_tasks_have_their_colour_in_the_legend(self):
        drops = model_comparison.draw(over_models(*THREE)).axes[2]
        names = [text.get_text() for text in drops.get_legend().get_texts()]
        shown = [to_hex(patch.get_facecolor()) for patch in drops.get_legend().get_patches()]
        assert names == ["mmlu", "gsm8k"]
        assert colours_of(drops)[:2] == shown

    def test_what_no_model_measured_has_no_panel(self):
        assert len(model_comparison.draw(over_models(model_statistics("a", 2))).axes) == 1
        assert len(model_comparison.draw(over_models(model_statistics("a", 2, largest=2.0))).axes) == 2
        assert png(model_comparison.draw(over_models()))

    def test_the_heading_counts_and_gives_the_mean(self):
        heading = model_comparison.draw(
            over_models(*THREE, geometric_mean_ratio=3.2, mean_log_ratio=1.16)
        ).get_suptitle()
        assert heading == "2 of 3 models with super weights; geometric mean of their single ratios ×3.20"

    def test_long_names_are_broken_and_dollars_stand_for_themselves(self):
        name = rows_of(model_comparison.draw(over_models(*THREE)).axes[0])[2]
        assert name.count("\n") <= 3
        assert max(map(len, name.split("\n"))) <= model_comparison.NAME_WIDTH + 3
        assert name.endswith("120000")
        assert r"\$x_" in name


@pytest.mark.parametrize("size", [1e-12, 1e12, 1e299, 1.7e308])
def test_numbers_of_any_size_can_be_drawn(size):
    variants = [
        impact_record(
            "sw_0", L2, perplexity=perplexity_impact(size / 20), mmlu=accuracy_impact(-size, -size, size, rated=False)
        )
    ]
    assert png(impact_comparison.draw(model_analysis(variants)))
    assert png(combined_analysis.draw(model_analysis(variants, variants)))


def test_built_in_items_are_called_a_smoke_test():
    variants = [impact_record("all", L2, L11, builtin=accuracy_impact(0.1))]
    analysis = model_analysis(variants, variants, tasks=("builtin",))
    for figure in (impact_comparison.draw(analysis), combined_analysis.draw(analysis)):
        title = " ".join(figure.axes[-1].get_title(loc="left").split())
        assert title.startswith("builtin (smoke test, no benchmark)")


def test_a_metric_of_which_less_is_better_drops_when_it_grows():
    worse = accuracy_impact(-3.0, -4.0, -2.0, rated=False).model_copy(update={"metric": "word_perplexity"})
    (axes,) = impact_comparison.draw(
        model_analysis([impact_record("sw_0", L2, wikitext=worse)], perplexity=None, tasks=("wikitext",))
    ).axes
    assert ends_of(axes) == {0: 3.0}
    assert intervals_of(axes) == {0: (2.0, 4.0)}
