"""`swa evaluate` with loading, detection, tasks and the analysis replaced: order, files, exit codes, streams."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.schemas.registry import parse_record
from swa.schemas.validation import validate_file
from swa.store.tree import ModelFolder
from tests.unit.cli.fakes import detection, super_weight

ROOT = Path("results/comprehensive_super_weight_analysis")
TWO = ("--super-weights", "L11.mlp.down_proj[507,1229]", "--super-weights", "L11.mlp.down_proj[1,2]")
SMALL = (*TWO, "--accuracy-tasks", "hellaswag")


def test_the_files_of_an_evaluation(swa, drawn_evaluation):
    called = swa("evaluate", "fake/model", *SMALL, "--scales", "0", "0.5", "--seed", "7")
    assert called.code == 0, called.err
    folder = ModelFolder(ROOT, "fake--model")
    (record,) = folder.analyses()
    stamp = record.stem.removeprefix("analysis_")
    analysis = parse_record(record.read_bytes(), "ModelAnalysis")
    assert (analysis.run.status, analysis.run.command, analysis.run.stamp) == ("complete", "evaluate", stamp)
    assert analysis.run.dataset_fingerprint == "text wikitext-2"
    assert (analysis.family, analysis.n_layers) == ("llama", 12)
    assert [weight.coordinate for weight in analysis.super_weights] == [TWO[1], TWO[3]]

    second = parse_record(folder.individual_analysis(1, stamp).read_bytes(), "VariantAnalysis")
    assert [impact.variant for impact in second.results] == ["sw_1", "sw_1_x0.5"]
    assert [weight.coordinate for weight in second.super_weights] == [TWO[3]]
    combined = parse_record(folder.combined_analysis(stamp).read_bytes(), "VariantAnalysis")
    assert [impact.variant for impact in combined.results] == ["all", "all_x0.5"]
    assert len(combined.super_weights) == 2
    assert combined.baseline == analysis.baseline
    assert combined.run == analysis.run

    names = {path.name for path in folder.items.iterdir()}
    variants = ("baseline", "sw_0", "sw_0_x0.5", "sw_1", "sw_1_x0.5", "all", "all_x0.5")
    assert names == {f"hellaswag_{variant}.jsonl" for variant in variants}
    for name in ("impact_comparison", "combined_analysis"):
        assert (folder.plots / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "measured" in folder.log(stamp).read_text()
    assert json.loads(folder.run_config.read_text())["evaluate"]["status"] == "complete"
    (complete,) = ROOT.glob("complete_analysis_*.json")
    whole = parse_record(complete.read_bytes(), "CompleteAnalysis")
    assert whole.models == [analysis]
    assert whole.statistics.models[0].depths == [11 / 12, 11 / 12]
    assert not (ROOT / "summary_plots").exists()
    for path in [*(path for path in folder.path.rglob("*.json*") if path.parent != folder.units), complete]:
        assert validate_file(path).problems == (), path
    for path in (record, complete, folder.items, folder.plots / "impact_comparison.png"):
        assert str(path) in called.out


def test_names_of_tasks_become_safe_names_of_files(swa, evaluation):
    called = swa("evaluate", "fake/model", "--scales", "0", *TWO, "--accuracy-tasks=odd/task:1,hellaswag")
    assert called.code == 2  # it looks like a model
    called = swa("evaluate", "--config", _config('accuracy_tasks = ["odd/task:1"]'), "fake/model", *TWO)
    assert called.code == 0, called.err
    names = sorted(path.name for path in ModelFolder(ROOT, "fake--model").items.iterdir())
    assert len(names) == 4
    assert all(name.startswith("odd-task-1-") for name in names)


def _config(text: str) -> str:
    Path("c.toml").write_text(text)
    return "c.toml"


def test_the_order_before_a_model_is_loaded(swa, evaluation):
    assert swa("evaluate", "fake/model", *SMALL).code == 0
    assert evaluation.order == ["check", "text", "tasks", "model", "evaluate"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "No model"),
        (["--skip-accuracy"], "No model"),
        (["a/x", "--skip-perplexity", "--skip-accuracy"], "nothing to measure"),
        (["a/x", "--accuracy-tasks", "helaswag"], "Did you mean hellaswag"),
        (["a/x", "--stride", "600", "--window-len", "500"], "--stride 600"),
        (["a/x", "--window-len", "1"], "window-len"),
        (["a/x", "--tokens", "0"], "tokens"),
        (["a/x", "--accuracy-samples", "0"], "accuracy-samples"),
        (["a/x", "--perplexity-samples", "0"], "perplexity-samples"),
        (["a/x", "--num-fewshot", "-1"], "num-fewshot"),
        (["a/x", "--protocol", "pages"], "protocol"),
        (["a/x", "--scales", "much"], "'much' is not a finite number"),
        (["a/x", "--scales", "inf"], "finite"),
        (["a/x", "--scales"], "at least one value"),
        (["a/x", "--super-weights", "L11.mlp"], "neither a file nor a coordinate"),
        (["--accuracy-tasks", "hellaswag", "demo"], "before list options"),
        (["--accuracy-tasks", "hellaswag", "org/name"], "before list options"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_refused_before_anything_is_loaded(swa, evaluation, words, says):
    called = swa("evaluate", *words)
    assert called.code == 2, called.err
    assert says in called.err
    assert called.out == ""
    assert "model" not in evaluation.order
    assert "tasks" not in evaluation.order


def test_several_models_have_statistics_and_a_figure(swa, drawn_evaluation):
    called = swa("evaluate", "a/x", "--models", "b/y", "c/z", *SMALL)
    assert called.code == 0, called.err
    (complete,) = ROOT.glob("complete_analysis_*.json")
    whole = parse_record(complete.read_bytes(), "CompleteAnalysis")
    assert [model.model for model in whole.models] == ["a/x", "b/y", "c/z"]
    assert whole.run.model == "a/x, b/y, c/z"
    assert whole.statistics.n_with_super_weights == 3
    assert validate_file(complete).problems == ()
    figure = ROOT / "summary_plots/model_comparison.png"
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert f"model comparison: {figure}" in called.out


def test_a_model_without_super_weights_is_evaluated_and_counts(swa, evaluation):
    evaluation.results["a/x"] = detection([], model="a/x")
    called = swa("evaluate", "a/x", "b/y", "--skip-accuracy")
    assert called.code == 0, called.err
    assert "a/x: no super weights from " in called.err
    assert "a/x: no super weights, the intact model alone: up to 500 paragraphs." in called.err
    assert "a/x: no super weights, the intact model alone" in called.out
    (complete,) = ROOT.glob("complete_analysis_*.json")
    statistics = parse_record(complete.read_bytes(), "CompleteAnalysis").statistics
    assert (statistics.n_models, statistics.n_with_super_weights) == (2, 1)
    folder = ModelFolder(ROOT, "a--x")
    assert list(folder.individual_analyses.iterdir()) == []
    assert not (folder.plots / "combined_analysis.png").exists()


def test_json_is_one_object(swa, evaluation):
    called = swa("evaluate", "a/x", "b/y", *SMALL, "--json")
    assert called.out.count("\n") == 1
    parse_record(called.out, "CommandResult")
    model = called.json["models"][0]
    assert (model["n_candidates"], model["n_confirmed"]) == (2, 0)
    numbers = model["headline"]
    assert numbers["baseline_perplexity"] == 21.3
    assert numbers["largest_ratio"] == 6.05
    assert numbers["combined_ratio"] == 10.0
    assert numbers["baseline_hellaswag"] == 0.43
    assert numbers["largest_drop_hellaswag"] == pytest.approx(0.1515)
    assert numbers["combined_drop_hellaswag"] == pytest.approx(0.27)
    assert all(Path(path).exists() for path in model["files"].values())
    assert {"analysis", "complete_analysis", "model_comparison", "items", "log"} <= model["files"].keys()


def test_quiet_says_nothing_but_results(swa, evaluation):
    called = swa("evaluate", "a/x", *SMALL, "-q")
    assert called.err == ""
    assert "6.05" in called.out


def test_what_is_said_before_it_begins(swa, evaluation):
    called = swa("evaluate", "a/x", *SMALL, "--json", "--scales", "0", "0.5")
    assert "a/x: 2 super weights from --super-weights." in called.err
    assert (
        "a/x: 2 super weights, 6 variants and the intact model: up to 500 paragraphs, hellaswag 100 items, "
        "each 7 times." in called.err
    )


def test_notes_are_shown_and_kept(swa, evaluation):
    evaluation.notes = ("Only 3 paragraphs.",)
    assert "Note: Only 3 paragraphs." in swa("evaluate", "a/x", *SMALL).out
    assert "Note: Only 3 paragraphs." in swa("evaluate", "a/x", *SMALL).out
    (record,) = ModelFolder(ROOT, "a--x").analyses()
    assert json.loads(record.read_text())["notes"] == ["Only 3 paragraphs."]


def test_all_tasks_are_listed_without_a_model(swa, evaluation):
    called = swa("evaluate", "--list-tasks")
    assert (called.code, called.out, called.err) == (0, "arc_easy\nhellaswag\n", "")
    assert evaluation.order == []


def test_names_of_tasks_are_no_json(swa, evaluation):
    called = swa("evaluate", "--list-tasks", "--json")
    assert (called.code, called.out) == (2, "")
    assert "--list-tasks and --json exclude each other" in called.err


def test_other_commands_blocks_of_the_run_config_stay(swa, evaluation):
    swa("detect", "a/x")
    path = ROOT / "a--x/run_config.json"
    before = json.loads(path.read_text())["detect"]
    swa("evaluate", "a/x", *SMALL)
    after = json.loads(path.read_text())
    assert after["detect"] == before
    assert after["evaluate"]["command"] == "evaluate"


def test_the_run_config_repeats_the_run(swa, evaluation):
    first = swa("evaluate", "a/x", *SMALL, "--scales", "-0.5", "--json")
    folder = Path(first.json["models"][0]["folder"])
    again = swa("evaluate", "--config", str(folder / "run_config.json"))
    assert again.code == 0, again.err
    assert "finished already" in again.err
    assert len(evaluation.evaluated) == 1


def test_records_of_super_weights_stay_as_they_are(swa, evaluation):
    weight = super_weight(model="a/x")
    Path("weights.jsonl").write_text(weight.model_dump_json() + "\n")
    assert swa("evaluate", "a/x", "--super-weights", "weights.jsonl", "--skip-accuracy").code == 0
    assert evaluation.evaluated[0].weights == [weight]
