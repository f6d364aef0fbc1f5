"""Every option of `swa evaluate` reaches what it is for; defaults are those of the analysis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.data.options import TextOptions
from swa.detection.options import DetectOptions
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.models.loading.options import LoadOptions
from swa.runs.options import RunOptions, WeightOptions

FIRST = "L11.mlp.down_proj[507,1229]"


@pytest.fixture
def evaluate(swa, handed):
    def call(*words: str):
        called = swa("evaluate", *words)
        assert called.code == 0, called.err
        return handed[-1]

    return call


def test_the_defaults_are_those_of_the_analysis(evaluate):
    call = evaluate("a/x")
    assert (call.models, call.options, call.tasks) == (["a/x"], EvaluateOptions(), TaskOptions())
    assert (call.text, call.weights, call.search) == (TextOptions(), WeightOptions(), DetectOptions())
    assert (call.load, call.results_dir, call.force) == (LoadOptions(), RunOptions.results_dir, False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--protocol", "windows"], {"protocol": "windows"}),
        (["--perplexity-samples", "7"], {"perplexity_samples": 7}),
        (["--tokens", "70"], {"tokens": 70}),
        (["--window-len", "700"], {"window_len": 700}),
        (["--stride", "70"], {"stride": 70}),
        (["--skip-individual"], {"individual": False}),
        (["--skip-combined"], {"combined": False}),
        (["--skip-perplexity"], {"perplexity": False}),
        (["--scales", "0.5"], {"scales": (0.5,)}),
        (["--scales", "0", "-0.5", "-.5", "3", "0"], {"scales": (0.0, -0.5, 3.0)}),
        (["--scales", "0,1e-3"], {"scales": (0.0, 0.001)}),
        (["--seed", "7"], {"seed": 7}),
        (["--batch-size", "7"], {"batch_size": 7}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_of_the_analysis(evaluate, words, expected):
    assert evaluate("a/x", *words).options == EvaluateOptions(**expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--skip-accuracy"], {"accuracy": False}),
        (["--accuracy-tasks", "mmlu", "gsm8k", "mmlu"], {"accuracy_tasks": ("mmlu", "gsm8k")}),
        (["--accuracy-tasks", "mmlu,gsm8k"], {"accuracy_tasks": ("mmlu", "gsm8k")}),
        (["--accuracy-tasks", "mmlu", "--accuracy-tasks", "gsm8k"], {"accuracy_tasks": ("mmlu", "gsm8k")}),
        (["--accuracy-samples", "7"], {"accuracy_samples": 7}),
        (["--num-fewshot", "0"], {"num_fewshot": 0}),
        (["--seed", "7"], {"seed": 7}),
        (["--data-dir", "data"], {"data_dir": Path("data")}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_of_the_tasks(evaluate, words, expected):
    assert evaluate("a/x", *words).tasks == TaskOptions(**expected)


def test_choices_of_the_tasks_reach_them(swa, helpful, undrawn, tmp_path):
    words = ("--dataset", "builtin", "--skip-perplexity", "--skip-individual", "--skip-combined", "--batch-size", "4")
    tasks = ("--accuracy-tasks", "builtin_choices,builtin_answers", "--accuracy-samples", "3")
    for seed in "12":
        called = swa("evaluate", helpful, *words, *tasks, "--seed", seed, "--super-weights", "L1.mlp.c_proj[5,9]")
        assert called.code == 0, called.err
    one, other = (json.loads(path.read_text())["baseline"] for path in tmp_path.rglob("data/analysis_*.json"))
    assert one["accuracy"].keys() == other["accuracy"].keys() == {"builtin_choices", "builtin_answers"}
    assert {seen["n"] for seen in one["accuracy"].values()} == {3}
    assert "perplexity" not in one
    assert one["accuracy"] != other["accuracy"]


def test_options_from_the_environment(evaluate, monkeypatch):
    for name, value in {
        "SWA_MODELS": "a/x",
        "SWA_SUPER_WEIGHTS": FIRST,
        "SWA_ACCURACY_TASKS": "mmlu, gsm8k",
        "SWA_ACCURACY_SAMPLES": "7",
        "SWA_SCALES": "0,-0.5",
        "SWA_SKIP_PERPLEXITY": "1",
        "SWA_NUM_FEWSHOT": "2",
    }.items():
        monkeypatch.setenv(name, value)
    call = evaluate()
    assert (call.models, call.weights.super_weights) == (["a/x"], (FIRST,))
    assert call.options == EvaluateOptions(scales=(0.0, -0.5), perplexity=False)
    assert call.tasks == TaskOptions(accuracy_tasks=("mmlu", "gsm8k"), accuracy_samples=7, num_fewshot=2)


def test_options_from_a_config(evaluate):
    Path("c.toml").write_text('scales = [0, -0.5]\n[evaluate]\naccuracy_tasks = ["mmlu"]\nprotocol = "windows"')
    call = evaluate("a/x", "--config", "c.toml")
    assert call.options == EvaluateOptions(scales=(0.0, -0.5), protocol="windows")
    assert call.tasks.accuracy_tasks == ("mmlu",)
    Path("c.toml").write_text("scales = 0.5")  # one number needs no brackets
    assert evaluate("a/x", "--config", "c.toml").options.scales == (0.5,)


@pytest.mark.parametrize("words", ["a/x b/y", "--models a/x b/y", "--models a/x --models b/y", "a/x --models b/y"])
def test_three_spellings_of_several_models(evaluate, words):
    assert evaluate(*words.split()).models == ["a/x", "b/y"]
