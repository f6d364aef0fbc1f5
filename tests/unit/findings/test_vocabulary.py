"""Summary, readme and rows of cards."""

from __future__ import annotations

import math

import pytest
from pydantic import MISSING

from swa.findings.vocabulary import cross_model_summary, model_summary
from swa.runs.files.readme import readme_text
from tests.support.cards import SITE, card, neuron_card
from tests.support.records import super_weight

WEIGHT = super_weight()


def cards(*deltas: float):
    return [card(WEIGHT, scale=delta) for delta in deltas]


def test_numbers_of_a_model():
    neurons = [
        neuron_card(SITE, number, label=label) for number, label in enumerate(["unclear", "prediction", "unclear"])
    ]
    found = model_summary("a", cards(1.0, 2.0), neurons, threshold=50.0)
    assert (found.n_super_weights, found.n_neurons, found.spike_threshold) == (2, 3, 50.0)
    assert (found.largest_delta_loss, found.mean_log_ratio) == (2.0, 1.5)
    assert found.geometric_mean_ratio == pytest.approx(math.exp(1.5))
    assert found.labels == {"prediction": 1, "unclear": 2}


def test_a_ratio_that_overflows_keeps_its_logarithm():
    found = model_summary("a", cards(900.0, 1000.0), [], threshold=None)
    assert (found.geometric_mean_ratio, found.mean_log_ratio) == (math.inf, 950.0)
    assert found.spike_threshold is MISSING


def test_a_removal_that_breaks_the_model_is_the_largest():
    assert math.isnan(model_summary("a", cards(1.0, math.nan), [], threshold=None).largest_delta_loss)


def test_a_model_without_any_has_no_numbers():
    found = model_summary("a", [], [], threshold=None)
    assert found.largest_delta_loss is found.geometric_mean_ratio is found.mean_log_ratio is MISSING


def test_over_models():
    models = [
        model_summary(name, found, [], threshold=None)
        for name, found in zip("abc", (cards(1.0), [], cards(3.0, 2.0)), strict=True)
    ]
    found = cross_model_summary(models)
    assert (found.n_models, found.n_super_weights, found.mean_super_weights) == (3, 3, 1.0)
    assert found.mean_largest_delta_loss == 2.0
    assert cross_model_summary(models[1:2]).mean_largest_delta_loss is MISSING


def test_the_readme_counts_what_is_there_and_names_do_nothing(tmp_path):
    assert "| model |" in readme_text(tmp_path)
    for name in ("b--y", "a--x"):
        (tmp_path / name / "metrics/neurons").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "a--x/metrics/neurons/neurons.jsonl").write_text("{}\n{}\n")
    (tmp_path / "a--x/metrics/neurons/census.parquet").write_text("")
    (tmp_path / "a--x/run_config.json").write_text('{"vocab": {"model": "<b>|a`_*]\\n# x"}}')
    (tmp_path / "b--y/run_config.json").write_text("{")
    rows = readme_text(tmp_path).split("|---|---|---|---|---|---|\n")[1].splitlines()
    assert rows[0] == r"| \<b\>&#124;a\`\_\*]\\x0a# x | [a--x](a--x) |  | 2 |  | yes |"
    assert rows[1] == "| b--y | [b--y](b--y) |  |  |  |  |"
    assert rows[2] == ""
