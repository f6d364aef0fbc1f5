"""Numbers over removals and over models, against computation by hand."""

from __future__ import annotations

import math
import statistics

import pytest

from swa.findings.impact import log_ratio_of
from swa.findings.statistics import cross_model_statistics, model_statistics
from swa.schemas.evaluation import AccuracyImpact, Baseline, ImpactRecord, ModelAnalysis, PerplexityImpact
from tests.support.records import confirmation, super_weight
from tests.unit.schemas.samples import example

INF, NAN = math.inf, math.nan


def _perplexity(ratio: float, **fields) -> PerplexityImpact:
    return PerplexityImpact(
        baseline=20.0, modified=20.0 * ratio, ratio=ratio, increase=20.0 * ratio - 20.0, severity="mild", **fields
    )


def _impact(variant: str, layer: int, *, factor: float = 0.0, ratio: float | None = None, drops=None, **fields):
    parts = {}
    if ratio is not None:
        parts["perplexity"] = _perplexity(ratio, **fields)
    if drops is not None:
        parts["accuracy"] = {
            task: AccuracyImpact(metric="acc", baseline=0.5, modified=0.5 - drop, drop=drop, n=10)
            for task, drop in drops.items()
        }
    return ImpactRecord(variant=variant, coordinates=[f"L{layer}.mlp.down_proj[1,2]"], factor=factor, **parts)


def _analysis(individual=(), combined=(), *, model="m", layers=None, **fields) -> ModelAnalysis:
    if layers is not None:
        fields["super_weights"] = [super_weight(layer=layer, model=model) for layer in layers]
    return ModelAnalysis(
        model=model, baseline=Baseline(), individual=list(individual), combined=list(combined), **fields
    )


def _of(analysis: ModelAnalysis):
    return model_statistics(analysis, family="llama", n_layers=30)


FULL = _analysis(
    [
        _impact("sw_0", 3, ratio=2.0, drops={"mmlu": 0.1, "gsm8k": 0.3}),
        _impact("sw_0_x0.5", 3, factor=0.5, ratio=90.0, drops={"mmlu": 0.9, "gsm8k": 0.9}),
        _impact("sw_1", 15, ratio=8.0, drops={"mmlu": 0.2, "gsm8k": -0.1}),
    ],
    [_impact("all_x0.5", 3, factor=0.5, ratio=70.0), _impact("all", 3, ratio=30.0, drops={"mmlu": 0.4})],
    layers=[3, 15],
)


def test_only_removals_count():
    numbers = _of(FULL)
    assert (numbers.model, numbers.family, numbers.n_super_weights) == ("m", "llama", 2)
    assert numbers.depths == [0.1, 0.5]
    assert (numbers.largest_ratio, numbers.combined_ratio) == (8.0, 30.0)
    assert numbers.largest_log_ratio == pytest.approx(math.log(8))
    assert numbers.combined_log_ratio == pytest.approx(math.log(30))
    assert numbers.mean_drops == pytest.approx({"mmlu": 0.15, "gsm8k": 0.1})


def test_without_super_weights_there_are_counts_alone():
    numbers = _of(_analysis(layers=[]))
    assert numbers.model_dump() == {"model": "m", "family": "llama", "n_super_weights": 0, "depths": []}


def test_what_was_skipped_is_absent_and_never_null():
    only_accuracy = _of(_analysis([_impact("sw_0", 1, drops={"mmlu": 0.1})], layers=[1])).model_dump_json()
    assert "ratio" not in only_accuracy
    only_perplexity = _of(_analysis([_impact("sw_0", 1, ratio=2.0)], layers=[1])).model_dump_json()
    assert "combined" not in only_perplexity
    assert "mean_drops" not in only_perplexity
    assert "null" not in only_accuracy + only_perplexity
    only_scaled = _of(_analysis([_impact("sw_0_x0.5", 1, factor=0.5, ratio=2.0)], layers=[1])).model_dump()
    assert set(only_scaled) == {"model", "family", "n_super_weights", "depths"}


def test_refused_candidates_are_not_counted_and_named_ones_are():
    weights = [
        super_weight(layer=3),
        super_weight(layer=6, confirmation=confirmation(0.001, confirmed=False)),
        super_weight(layer=9, confirmation=None),
    ]
    numbers = _of(_analysis(super_weights=weights))
    assert (numbers.n_super_weights, numbers.depths) == (2, [0.1, 0.3])


def test_a_record_without_super_weights_or_name_is_read_by_its_coordinates():
    record = example("ModelAnalysis") | {"combined": []}
    numbers = _of(ModelAnalysis.model_validate(record))
    assert (numbers.model, numbers.n_super_weights, numbers.depths) == ("unnamed model", 1, [11 / 30])
    assert numbers.largest_log_ratio == pytest.approx(math.log(6.05))


@pytest.mark.parametrize(
    ("ratios", "largest"),
    [((2.0, NAN), NAN), ((NAN, 2.0), NAN), ((2.0, INF), INF), ((INF, NAN, 3.0), NAN), ((0.5, 0.9), 0.9)],
)
def test_nan_is_worse_than_infinity_and_infinity_than_any_number(ratios, largest):
    analysis = _analysis([_impact(f"sw_{i}", i, ratio=ratio) for i, ratio in enumerate(ratios)], layers=[0])
    assert _of(analysis).largest_ratio == pytest.approx(largest, nan_ok=True)


def test_the_largest_of_nan_is_nan():
    numbers = _of(_analysis([_impact("sw_0", 0, ratio=NAN)], layers=[0]))
    assert math.isnan(numbers.largest_ratio)
    assert math.isnan(numbers.largest_log_ratio)


def test_overflowing_ratios_are_ordered_by_their_logarithm():
    impacts = [_impact(f"sw_{i}", i, ratio=INF, log_ratio=log) for i, log in enumerate((800.0, 900.0, 850.0))]
    numbers = _of(_analysis(impacts, layers=[0]))
    assert (numbers.largest_ratio, numbers.largest_log_ratio) == (INF, 900.0)


def test_a_ratio_of_zero_has_a_logarithm():
    assert log_ratio_of(_perplexity(0.0)) == -INF


def test_over_models():
    other = _analysis([_impact("sw_0", 2, ratio=4.0, drops={"mmlu": 0.6, "arc_easy": 0.5})], model="other", layers=[2])
    empty = _analysis(model="none", layers=[])
    analyses = [FULL, empty, other]
    numbers = cross_model_statistics([_of(analysis) for analysis in analyses], analyses)
    logs = [math.log(ratio) for ratio in (2.0, 8.0, 4.0)]
    assert (numbers.n_models, numbers.n_with_super_weights) == (3, 2)
    assert [model.model for model in numbers.models] == ["m", "none", "other"]
    assert numbers.geometric_mean_ratio == pytest.approx(statistics.geometric_mean([2.0, 8.0, 4.0]))
    assert numbers.mean_log_ratio == pytest.approx(statistics.mean(logs))
    assert numbers.log_ratio_std == pytest.approx(statistics.stdev(logs))
    assert numbers.mean_drops == pytest.approx({"mmlu": 0.3, "gsm8k": 0.1, "arc_easy": 0.5})


def test_one_removal_has_no_spread_and_no_model_no_mean():
    one = _analysis([_impact("sw_0", 0, ratio=3.0)], layers=[0])
    single = cross_model_statistics([_of(one)], [one]).model_dump()
    assert single["geometric_mean_ratio"] == pytest.approx(3.0)
    assert "log_ratio_std" not in single
    assert cross_model_statistics([], []).model_dump() == {"n_models": 0, "n_with_super_weights": 0, "models": []}


def test_a_mean_that_overflows_keeps_its_logarithm():
    analysis = _analysis([_impact("sw_0", 0, ratio=INF, log_ratio=1500.0), _impact("sw_1", 1, ratio=1.0)], layers=[0])
    numbers = cross_model_statistics([_of(analysis)], [analysis])
    assert (numbers.geometric_mean_ratio, numbers.mean_log_ratio) == (INF, 750.0)
    assert numbers.log_ratio_std == pytest.approx(1500 / math.sqrt(2))


@pytest.mark.parametrize("broken", [NAN, INF])
def test_what_is_no_number_shows_in_the_mean(broken):
    analysis = _analysis([_impact("sw_0", 0, ratio=broken), _impact("sw_1", 1, ratio=2.0)], layers=[0])
    numbers = cross_model_statistics([_of(analysis)], [analysis])
    assert repr(numbers.geometric_mean_ratio) == repr(broken)
    assert math.isnan(numbers.log_ratio_std)
