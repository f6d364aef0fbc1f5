"""Every option of `swa evaluate` reaches what it is for; defaults are those of the analysis."""

from __future__ import annotations

from pathlib import Path

import pytest

from swa.evaluation.options import EvaluateOptions
from swa.store.tree import ModelFolder

ROOT = Path("results/comprehensive_super_weight_analysis")
FIRST = ("--super-weights", "L11.mlp.down_proj[507,1229]")


@pytest.fixture
def evaluate(swa, evaluation):
    def call(*words: str):
        called = swa("evaluate", "a/x", *FIRST, *words)
        assert called.code == 0, called.err
        return evaluation.evaluated[-1]

    return call


def test_the_defaults_are_those_of_the_analysis(evaluate, evaluation):
    seen = evaluate()
    assert seen.options == EvaluateOptions()
    assert seen.text.name == "wikitext-2"
    (tasks,) = evaluation.tasks_loaded
    assert tasks.pop("progress") is not None
    assert tasks == {
        "names": ["hellaswag", "arc_easy", "mmlu", "gsm8k"],
        "n_items": 100,
        "seed": 42,
        "num_fewshot": None,
        "data_dir": None,
    }


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
        (["--scales", "0.5"], {"scales": (0.5,)}),
        (["--scales", "0", "-0.5", "-.5", "3", "0"], {"scales": (0.0, -0.5, 3.0)}),
        (["--scales", "0,1e-3"], {"scales": (0.0, 0.001)}),
        (["--scales", "-0"], {"scales": (0.0,)}),
        (["--seed", "7"], {"seed": 7}),
        (["--batch-size", "7"], {"batch_size": 7}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_of_the_analysis(evaluate, words, expected):
    options = evaluate(*words).options
    assert options == EvaluateOptions(**expected)
    assert str(options.scales[0]) != "-0.0"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--accuracy-tasks", "mmlu", "gsm8k", "mmlu"], {"names": ["mmlu", "gsm8k"]}),
        (["--accuracy-tasks", "mmlu,gsm8k"], {"names": ["mmlu", "gsm8k"]}),
        (["--accuracy-tasks", "mmlu", "--accuracy-tasks", "gsm8k"], {"names": ["mmlu", "gsm8k"]}),
        (["--accuracy-samples", "7"], {"n_items": 7}),
        (["--num-fewshot", "0"], {"num_fewshot": 0}),
        (["--seed", "7"], {"seed": 7}),
        (["--data-dir", "data"], {"data_dir": Path("data")}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_of_the_tasks(evaluate, evaluation, words, expected):
    evaluate(*words)
    (tasks,) = evaluation.tasks_loaded
    assert {name: tasks[name] for name in expected} == expected


def test_what_is_skipped_is_not_even_loaded(evaluate, evaluation):
    seen = evaluate("--skip-perplexity")
    assert seen.text is None
    assert "text" not in evaluation.order
    assert len(evaluation.tasks_loaded) == 1
    seen = evaluate("--skip-accuracy", "--accuracy-tasks", "unknown")
    assert list(seen.tasks) == []
    assert seen.text is not None
    assert evaluation.checked[-1] == []


def test_the_intact_model_alone(swa, evaluate, evaluation):
    evaluate("--skip-individual", "--skip-combined", "--skip-accuracy")
    folder = ModelFolder(ROOT, "a--x")
    assert len(folder.analyses()) == 1
    assert list(folder.individual_analyses.iterdir()) == list(folder.data.glob("combined_analysis_*")) == []


def test_skipped_parts_leave_no_files(evaluate):
    folder = ModelFolder(ROOT, "a--x")
    evaluate("--skip-individual", "--skip-accuracy")
    assert list(folder.individual_analyses.iterdir()) == list(folder.items.iterdir()) == []
    assert len(list(folder.data.glob("combined_analysis_*"))) == 1


def test_the_results_folder(evaluate):
    evaluate("--results-dir", "other", "--skip-accuracy")
    assert len(ModelFolder(Path("other"), "a--x").analyses()) == 1
    assert not ROOT.exists()


def test_options_from_the_environment(swa, evaluation, monkeypatch):
    for name, value in {
        "SWA_MODELS": "a/x",
        "SWA_SUPER_WEIGHTS": "L11.mlp.down_proj[507,1229]",
        "SWA_ACCURACY_TASKS": "mmlu, gsm8k",
        "SWA_ACCURACY_SAMPLES": "7",
        "SWA_SCALES": "0,-0.5",
        "SWA_SKIP_PERPLEXITY": "1",
        "SWA_NUM_FEWSHOT": "2",
    }.items():
        monkeypatch.setenv(name, value)
    called = swa("evaluate")
    assert called.code == 0, called.err
    assert evaluation.evaluated[0].options.scales == (0.0, -0.5)
    assert evaluation.evaluated[0].text is None
    tasks = evaluation.tasks_loaded[0]
    assert (tasks["names"], tasks["n_items"], tasks["num_fewshot"]) == (["mmlu", "gsm8k"], 7, 2)


def test_options_from_a_config(swa, evaluation):
    Path("c.toml").write_text('scales = [0, -0.5]\n[evaluate]\naccuracy_tasks = ["mmlu"]\nprotocol = "windows"')
    assert swa("evaluate", "a/x", *FIRST, "--config", "c.toml").code == 0
    assert evaluation.evaluated[0].options == EvaluateOptions(scales=(0.0, -0.5), protocol="windows")
    assert evaluation.tasks_loaded[0]["names"] == ["mmlu"]


@pytest.mark.parametrize("words", ["a/x b/y", "--models a/x b/y", "--models a/x --models b/y", "a/x --models b/y"])
def test_three_spellings_of_several_models(swa, evaluation, words):
    assert swa("evaluate", *words.split(), *FIRST, "--skip-accuracy").code == 0
    assert [one.model for one in evaluation.evaluated] == ["a/x", "b/y"]


def test_a_list_of_one_number_needs_no_brackets_in_a_config(swa, evaluation):
    Path("c.toml").write_text("scales = 0.5")
    assert swa("evaluate", "a/x", *FIRST, "--config", "c.toml").code == 0
    assert evaluation.evaluated[-1].options.scales == (0.5,)
