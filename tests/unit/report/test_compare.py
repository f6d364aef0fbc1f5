"""Runs side by side: numbers, agreement, what must be alike."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from pydantic import MISSING

from swa.errors import InvalidArtifactError, UsageError
from swa.reports.compare.build import comparison_of, labels_of, statistics_of_runs
from swa.reports.compare.page import comparison_page
from swa.reports.compare.runs import Run, find_runs
from swa.reports.page.markdown import render_markdown
from swa.reports.plots import depth, impact_of_runs
from swa.schemas.evaluation import BaselinePerplexity, CompleteAnalysis
from swa.schemas.registry import parse_record
from swa.schemas.summaries import Comparison
from tests.support.artifacts import (
    analysis_record,
    detection_record,
    header,
    moe_detection,
    save,
    save_analysis,
    save_detection,
    save_vocab,
    special_analysis,
)
from tests.support.evaluation_records import perplexity
from tests.unit.report.evaluation_records import over_models


def run(model: str = "org/model", *, ratios=(6.0, 3.0, 2.0), source: str = "", confirmed: int = 3, **fields) -> Run:
    """A run with these perplexity ratios and so many confirmed super weights."""
    detection = detection_record(model, run=header(model=model, **fields), dtype=fields.get("dtype", "float32"))
    weights = [*detection.super_weights[:confirmed], *detection.super_weights[3:]]
    analysis = analysis_record(model, run=header("evaluate", model=model, **fields))
    individual = [
        impact.model_copy(update={"perplexity": perplexity(ratio)})
        for impact, ratio in zip(analysis.individual, ratios, strict=False)
    ]
    return Run(
        model,
        (Path(source or model.replace("/", "--")),),
        detection.model_copy(update={"super_weights": weights}),
        analysis.model_copy(update={"individual": individual, "combined": analysis.combined if ratios else []}),
    )


def page(comparison: Comparison, tmp_path) -> str:
    return render_markdown(comparison_page(comparison, []), base=tmp_path)


def test_intervals_do_not_depend_on_where_records_lie():
    """Their names hold the time of the run."""
    one = run()
    analysis = one.analysis.model_copy(update={"individual": one.analysis.individual * 3})
    intervals = {
        (found.ci_low, found.ci_high)
        for day in range(1, 6)
        for found in comparison_of([Run(one.model, (Path(f"2026010{day}.json"),), one.detection, analysis)]).runs
    }
    assert len(intervals) == 1


def test_numbers_of_each_run_and_over_models(tmp_path):
    found = comparison_of(
        [run("a/one", ratios=(8.0, 2.0)), run("b/none", ratios=(), confirmed=0), run("c/two", ratios=(4.0,))]
    )
    one, none, two = found.runs
    assert one.geometric_mean_ratio == pytest.approx(4.0)
    assert (one.ci_low, one.ci_high) == (pytest.approx(2.0), pytest.approx(8.0))
    assert two.geometric_mean_ratio == pytest.approx(4.0)
    assert "ci_2.5" not in json.loads(two.model_dump_json())
    assert (none.n_super_weights, none.removals) == (0, [])
    assert (found.statistics.n_models, found.statistics.n_with_super_weights) == (3, 2)
    assert found.statistics.geometric_mean_ratio == pytest.approx(4.0)
    assert found.ratio_ci_low <= 4.0 <= found.ratio_ci_high
    assert [removal.depth for removal in one.removals] == [11 / 30, 9 / 30]
    assert [removal.severity for removal in one.removals] == ["severe", "minimal"]
    text = page(found, tmp_path)
    assert "**2 of 3 models** with super weights" in text
    assert "×4.00 [2.00, 8.00]" in text


def test_the_detection_says_how_many_there_are_also_in_the_statistics():
    """An evaluation may be of given coordinates."""
    found = comparison_of([run("a/one", confirmed=1)])
    assert found.runs[0].n_super_weights == found.statistics.models[0].n_super_weights == 1


def test_the_interval_over_models_draws_models():
    wide = comparison_of([run("a/one", ratios=(100.0,) * 3), run("b/two", ratios=(2.0,) * 3)])
    assert (wide.ratio_ci_low, wide.ratio_ci_high) == (pytest.approx(2.0), pytest.approx(100.0))
    assert wide.runs[0].ci_low == pytest.approx(100.0)


def test_the_record_is_valid_and_reproducible():
    runs = [run("a/one"), run("b/two", ratios=(math.inf, 1.0, 2.0))]
    text = comparison_of(runs).model_dump_json()
    assert parse_record(text).runs[1].geometric_mean_ratio == math.inf
    assert comparison_of(runs).model_dump_json() == text


def test_drops_are_means_over_single_removals():
    (one,) = comparison_of([run()]).runs
    drops = [impact.accuracy["hellaswag"].drop for impact in run().analysis.individual]
    assert one.mean_drops["hellaswag"] == pytest.approx(np.mean(drops))
    assert one.combined_drops["hellaswag"] == pytest.approx(0.27)


def test_without_an_evaluation_the_confirmation_measures(tmp_path):
    found = comparison_of([Run("org/model", (tmp_path,), detection_record())])
    (one,) = found.runs
    assert one.measured_by == "confirmation"
    assert one.removals[0].log_ratio == pytest.approx(1.94)
    assert "geometric_mean_ratio" not in json.loads(found.statistics.model_dump_json())
    assert found.statistics.models[0].n_super_weights == 3


def test_scalars_that_a_confirmation_refused_are_no_super_weights():
    one = run()
    refused = one.analysis.super_weights[0].model_copy(
        update={"confirmation": one.analysis.super_weights[0].confirmation.model_copy(update={"confirmed": False})}
    )
    analysis = one.analysis.model_copy(update={"super_weights": [refused, *one.analysis.super_weights[1:]]})
    found = comparison_of([Run(one.model, one.sources, None, analysis)])
    assert [removal.ratio for removal in found.runs[0].removals] == [3.0, 2.0]
    assert found.statistics.geometric_mean_ratio == pytest.approx(6.0**0.5)
    assert found.statistics.models[0].n_super_weights == 2


def test_patterns_by_family_norm_layout_and_channel(tmp_path):
    moe = moe_detection()
    coverage = moe.coverage.model_copy(update={"n_experts": 64})
    expert = Run("org/moe", (tmp_path / "moe",), moe.model_copy(update={"coverage": coverage}))
    other = run("b/two")
    other = Run("b/two", other.sources, other.detection.model_copy(update={"norm": "LayerNorm"}), other.analysis)
    found = comparison_of([run("a/one"), expert, other])
    assert [(one.family, one.norm, one.layout, one.models) for one in found.families] == [
        ("llama", MISSING, "dense", ["a/one"]),
        ("olmoe", MISSING, "moe", ["org/moe"]),
        ("llama", "LayerNorm", "dense", ["b/two"]),
    ]
    assert "| llama | LayerNorm | dense | b/two |" in page(found, tmp_path)
    assert [(row.row, row.layers) for row in found.runs[0].recurring_rows] == [(507, [2, 11])]
    assert "channel 507 in layers 2, 11" in page(found, tmp_path)


def test_runs_of_one_model_agree_on_what_all_confirm(tmp_path):
    later = {"started": "2026-02-01T00:00:00Z"}
    found = comparison_of([run(source="a"), run(source="b", dtype="bfloat16", confirmed=2, ratios=(5.0,), **later)])
    (one,) = found.agreements
    assert one.common == ["L11.mlp.down_proj[507,1229]", "L9.mlp.down_proj[260,200]"]
    assert one.differing == {"L2.mlp.down_proj[507,90]": ["a"]}
    assert one.agreement == pytest.approx(2 / 3)
    assert one.settings == {"type": ["float32", "bfloat16"]}
    assert one.delta_losses["L11.mlp.down_proj[507,1229]"] == {"a": 1.94, "b": 1.94}
    assert found.statistics.n_models == 1
    assert [other.counted for other in found.runs] == [False, True]
    assert found.statistics.geometric_mean_ratio == pytest.approx(5.0)
    assert [other.label for other in found.runs] == ["org/model (type float32)", "org/model (type bfloat16)"]
    assert "67 % of those" in page(found, tmp_path)


def test_runs_that_confirmed_nothing_have_no_part_in_agreement():
    untested = run(source="b")
    weights = [
        type(weight).model_validate_json(
            json.dumps({k: v for k, v in json.loads(weight.model_dump_json()).items() if k != "confirmation"})
        )
        for weight in untested.detection.super_weights
    ]
    detection = untested.detection.model_copy(update={"super_weights": weights})
    assert comparison_of([run(source="a"), Run("org/model", untested.sources, detection)]).agreements == []


def test_a_run_without_a_detection_is_labelled_by_that_and_not_by_what_it_lacks():
    named = run(source="named")
    named = Run(named.model, named.sources, None, named.analysis)
    labels = labels_of([named, run(source="sought")])
    assert labels == ["org/model (super weights named)", "org/model (run 2)"]
    labels = labels_of([named, run(source="sought"), run(source="again", dtype="bfloat16")])
    assert labels == ["org/model (type float32) [1]", "org/model (type float32) [2]", "org/model (type bfloat16)"]


def test_labels_are_never_the_same():
    labels = labels_of([run(source="a"), run(source="b"), run("other")])
    assert labels == ["org/model (run 1)", "org/model (run 2)", "other"]


def _other(**changes) -> Run:
    """A run of another model whose evaluation differs."""
    base = run("other/model")
    baseline = base.analysis.baseline
    text = {name: value for name, value in changes.items() if name in BaselinePerplexity.model_fields}
    if text:
        baseline = baseline.model_copy(update={"perplexity": baseline.perplexity.model_copy(update=text)})
    if "tasks" in changes:
        baseline = baseline.model_copy(
            update={"accuracy": dict.fromkeys(changes["tasks"], baseline.accuracy["hellaswag"])}
        )
    if "n" in changes:
        item = baseline.accuracy["hellaswag"].model_copy(update={"n": changes["n"]})
        baseline = baseline.model_copy(update={"accuracy": baseline.accuracy | {"hellaswag": item}})
    analysis = base.analysis.model_copy(update={"baseline": baseline})
    if "factor" in changes:
        more = analysis.individual[0].model_copy(update={"factor": changes["factor"]})
        analysis = analysis.model_copy(update={"individual": [*analysis.individual, more]})
    detection = base.detection
    if "options" in changes or "seed" in changes:
        own = {name: changes[name] for name in ("options", "seed") if name in changes}
        options = json.loads(header().model_dump_json())["options"] | own.get("options", {})
        new = header("evaluate", model="other/model", options=options, seed=own.get("seed", 42))
        analysis = analysis.model_copy(update={"run": new})
        detection = detection.model_copy(update={"run": new})
    return Run("other/model", base.sources, detection, analysis)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": "windows"}, "perplexity protocol: paragraphs in org/model (org--model); windows in other/model"),
        ({"n_texts": 100}, "number of texts: 500 in org/model (org--model); 100 in other/model"),
        ({"tasks": ("arc_easy",)}, "tasks: "),
        ({"n": 50}, "tasks: builtin 100 items, acc_norm, hellaswag 100 items"),
        ({"factor": 0.5}, "scales: 0 in org/model (org--model); 0 0.5 in other/model"),
        ({"seed": 7}, "seed: 42 in"),
        ({"options": {"num_fewshot": {"value": 5, "origin": "command line"}}}, "few-shot examples: the task's own in"),
    ],
)
def test_other_protocols_are_refused_and_named(changes, said):
    runs = [run(), _other(**changes)]
    with pytest.raises(UsageError, match="not measured alike") as refused:
        comparison_of(runs)
    assert said in refused.value.message
    assert "--allow-mismatch" in refused.value.hint
    found = comparison_of(runs, allow_mismatch=True)
    assert any(said in text for text in found.mismatches)


def test_other_texts_are_refused():
    runs = [run(), run("other/model")]
    texts = []
    for number, one in enumerate(runs):
        baseline = one.analysis.baseline
        perplexities = baseline.perplexity.model_copy(update={"dataset_fingerprint": f"{number}" * 64})
        analysis = one.analysis.model_copy(
            update={"baseline": baseline.model_copy(update={"perplexity": perplexities})}
        )
        texts.append(Run(one.model, one.sources, one.detection, analysis))
    with pytest.raises(UsageError, match="text of the perplexity: 000000000000 in org/model"):
        comparison_of(texts)


def test_another_search_is_compared_within_a_model_and_refused_between_models():
    options = {"spike_threshold": {"value": "100.0", "origin": "command line"}}
    mine = {"spike_threshold": {"value": "50.0", "origin": "default"}}
    first, second = run(source="a", options=mine), run(source="b", options=options)
    assert comparison_of([first, second]).mismatches == []
    with pytest.raises(UsageError, match="spike threshold: "):
        comparison_of([first, run("other/model", options=options)])


def test_what_was_not_measured_is_no_mismatch():
    alone = run("other/model")
    assert comparison_of([run(), Run(alone.model, alone.sources, alone.detection)]).mismatches == []


def test_folders_and_files_are_runs(tmp_path):
    detection = save_detection(tmp_path / "a/org--model", detection_record())
    analysis = save_analysis(tmp_path / "a/org--model", analysis_record())
    save_detection(tmp_path / "b/org--model", detection_record())
    save_vocab(tmp_path / "vocab/org--model")
    assert [len(one.sources) for one in find_runs([tmp_path])] == [2, 1]
    assert [one.sources for one in find_runs([detection, analysis, detection])] == [(detection,), (analysis,)]
    complete = CompleteAnalysis(
        run=header("evaluate"), models=[analysis_record("x"), analysis_record("y")], statistics=over_models()
    )
    path = save(tmp_path / "complete_analysis_20260101_120000.json", complete)
    assert [one.model for one in find_runs([path])] == ["x", "y"]


def test_what_is_no_run_is_refused(tmp_path):
    save_vocab(tmp_path / "vocab/org--model")
    with pytest.raises(UsageError, match="no detection and no evaluation"):
        find_runs([tmp_path])
    with pytest.raises(UsageError, match="There is no file or folder"):
        find_runs([tmp_path / "nothing"])
    with pytest.raises(UsageError, match="holds a RunConfig"):
        find_runs([tmp_path / "vocab/org--model/run_config.json"])
    (tmp_path / "broken.json").write_text('{"record": "DetectionResult"}')
    with pytest.raises(InvalidArtifactError, match=re.escape("broken.json:1: model is missing.")):
        find_runs([tmp_path / "broken.json"])


def test_figures_draw_every_run_and_odd_numbers(tmp_path):
    odd = Run("org/odd", (tmp_path,), None, special_analysis("org/odd"))
    runs = [run("a/$one$"), run("b/none", ratios=(), confirmed=0), odd]
    found = comparison_of(runs, allow_mismatch=True)
    assert math.isnan(found.runs[2].geometric_mean_ratio)
    for figure in (depth.draw(found.runs), impact_of_runs.draw(found.runs)):
        figure.draw_without_rendering()
        (axes,) = figure.axes
        assert [label.get_text() for label in axes.get_yticklabels()] == [r"a/\$one\$", "b/none", "org/odd"]
        assert "none" in [text.get_text() for text in axes.texts]
    assert [one.model for one in statistics_of_runs(found).models] == ["a/$one$", "b/none", "org/odd"]
    assert "invalid" in page(found, tmp_path)
