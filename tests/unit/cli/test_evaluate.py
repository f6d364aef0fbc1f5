"""`swa evaluate`: its files, what it shows, what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from swa.evaluation.harness import catalogue
from swa.schemas.registry import parse_record
from swa.schemas.validation import validate_file
from swa.store.names import model_folder_name
from swa.store.tree import ModelFolder
from tests.support.helpful import COORDINATE
from tests.unit.conftest import ROOT

QUIET = "L0.mlp.c_proj[1,2]"
TASK = ("--accuracy-tasks", "builtin", "--accuracy-samples", "3")
WORDS = ("--dataset", "builtin", *TASK, "--super-weights", COORDINATE, "--super-weights", QUIET, "--scales", "0", "0.5")


@pytest.fixture(scope="module")
def original(swa, helpful, tmp_path_factory):
    """A real evaluation, and where it wrote."""
    place = tmp_path_factory.mktemp("original")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        called = swa("evaluate", helpful, *WORDS, "--seed", "7")
    assert called.code == 0, called.err
    return called, place


@pytest.fixture
def first(original):
    """The call of that evaluation; its files are in this test's folder."""
    called, place = original
    shutil.copytree(place, ".", dirs_exist_ok=True)
    return called


@pytest.fixture
def again(swa, helpful, first):
    def call(*words: str):
        called = swa("evaluate", helpful, *WORDS, "--seed", "7", *words)
        assert called.code == 0, called.err
        return called

    return call


@pytest.fixture
def few_tasks(monkeypatch) -> list[str]:
    """The index of all tasks takes a quarter of a minute; here is one with fewer."""
    monkeypatch.setattr(catalogue, "_whole_index", lambda: catalogue.task_manager(["hellaswag", "builtin"]))
    return ["builtin", "builtin_answers", "builtin_choices", "hellaswag", "multiple_choice"]


def test_the_files_of_an_evaluation(first, folder, helpful):
    (record,) = folder.analyses()
    stamp = record.stem.removeprefix("analysis_")
    analysis = parse_record(record.read_bytes(), "ModelAnalysis")
    assert (analysis.run.status, analysis.run.command, analysis.run.stamp) == ("complete", "evaluate", stamp)
    assert (analysis.family, analysis.n_layers) == ("gpt2", 4)
    assert analysis.run.dataset_fingerprint == analysis.baseline.perplexity.dataset_fingerprint
    assert [weight.coordinate for weight in analysis.super_weights] == [COORDINATE, QUIET]

    loud, quiet = (parse_record(folder.individual_analysis(i, stamp).read_bytes(), "VariantAnalysis") for i in (0, 1))
    assert [impact.variant for impact in quiet.results] == ["sw_1", "sw_1_x0.5"]
    assert [weight.coordinate for weight in quiet.super_weights] == [QUIET]
    assert loud.results[0].perplexity.ratio > 5
    assert quiet.results[0].perplexity.ratio == pytest.approx(1, abs=0.01)
    combined = parse_record(folder.combined_analysis(stamp).read_bytes(), "VariantAnalysis")
    assert [impact.variant for impact in combined.results] == ["all", "all_x0.5"]
    assert len(combined.super_weights) == 2
    assert combined.baseline == analysis.baseline
    assert combined.run == analysis.run

    names = {path.name for path in folder.items.iterdir()}
    variants = ("baseline", "sw_0", "sw_0_x0.5", "sw_1", "sw_1_x0.5", "all", "all_x0.5")
    assert names == {f"builtin_{variant}.jsonl" for variant in variants}
    assert len((folder.items / "builtin_baseline.jsonl").read_text().splitlines()) == 3
    for name in ("impact_comparison", "combined_analysis"):
        assert (folder.plots / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "paragraphs" in folder.log(stamp).read_text()
    assert json.loads(folder.run_config.read_text())["evaluate"]["status"] == "complete"
    (complete,) = ROOT.glob("complete_analysis_*.json")
    whole = parse_record(complete.read_bytes(), "CompleteAnalysis")
    assert whole.models == [analysis]
    assert whole.statistics.models[0].depths == [1 / 4, 0]
    assert not (ROOT / "summary_plots").exists()
    for path in [*folder.path.rglob("*.json*"), complete]:
        assert validate_file(path).problems == (), path
    for path in (record, complete, folder.items, folder.plots / "impact_comparison.png"):
        assert str(path) in first.out


def test_what_is_said_before_it_begins(first, helpful):
    assert f"{helpful}: 2 super weights from --super-weights." in first.err
    assert (
        f"{helpful}: 2 super weights, 6 variants and the intact model: up to 500 paragraphs, builtin 3 items, each "
        "7 times." in first.err
    )


def test_notes_are_shown_and_kept(first, again, folder):
    (record,) = folder.analyses()
    (note,) = json.loads(record.read_text())["notes"]
    assert "all are used" in note
    assert f"Note: {note}" in first.out
    assert f"Note: {note}" in again().out


def test_json_is_one_object(again):
    called = again("--json")
    assert called.out.count("\n") == 1
    parse_record(called.out, "CommandResult")
    model = called.json["models"][0]
    assert (model["n_candidates"], model["n_confirmed"]) == (2, 0)
    numbers = model["headline"]
    assert numbers["largest_ratio"] > 5
    assert numbers["combined_ratio"] > 5
    parts = {"baseline_perplexity", "baseline_builtin", "largest_drop_builtin", "combined_drop_builtin"}
    assert parts <= numbers.keys()
    assert all(Path(path).exists() for path in model["files"].values())
    assert {"analysis", "complete_analysis", "items"} <= model["files"].keys()


def test_quiet_says_nothing_but_results(again):
    called = again("-q")
    assert called.err == ""
    assert COORDINATE in called.out


def test_the_run_config_repeats_the_run(swa, first, folder):
    again = swa("evaluate", "--config", str(folder.run_config))
    assert again.code == 0, again.err
    assert "finished already" in again.err


def test_several_models_have_statistics_and_a_figure(swa, helpful, plain, undrawn, folder):
    called = swa("evaluate", helpful, "--models", plain, "--dataset", "builtin", "--skip-accuracy", "--screen", "spike")
    assert called.code == 0, called.err
    (complete,) = ROOT.glob("complete_analysis_*.json")
    whole = parse_record(complete.read_bytes(), "CompleteAnalysis")
    assert [model.model for model in whole.models] == [helpful, plain]
    assert whole.run.model == f"{helpful}, {plain}"
    assert (whole.statistics.n_models, whole.statistics.n_with_super_weights) == (2, 1)
    assert validate_file(complete).problems == ()
    figure = ROOT / "summary_plots/model_comparison.png"
    assert figure.read_text() == "model_comparison, as it were"
    assert f"model comparison: {figure}" in called.out
    # each was searched first
    assert f"{helpful}: 1 super weight from '{folder.detections()[0]}'" in called.err
    assert {"detect", "evaluate"} <= json.loads(folder.run_config.read_text()).keys()
    # one has none
    assert f"{plain}: no super weights, the intact model alone: up to 500 paragraphs." in called.err
    assert f"{plain}: no super weights, the intact model alone" in called.out
    other = ModelFolder(ROOT, model_folder_name(plain, Path(plain)))
    assert list(other.individual_analyses.iterdir()) == []
    assert not (other.plots / "combined_analysis.png").exists()


def test_parts_that_are_skipped_leave_no_files(swa, helpful, undrawn, folder):
    words = ("evaluate", helpful, *WORDS, "--perplexity-samples", "2")
    assert swa(*words, "--skip-individual", "--skip-accuracy").code == 0
    assert list(folder.individual_analyses.iterdir()) == list(folder.items.iterdir()) == []
    (record,) = folder.data.glob("combined_analysis_*")
    record.unlink()
    assert swa(*words, "--skip-individual", "--skip-combined", "--skip-accuracy").code == 0
    assert len(folder.analyses()) == 2
    assert list(folder.data.glob("combined_analysis_*")) == []


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
        (["--list-tasks", "--json"], "--list-tasks and --json exclude each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_refused_before_anything_is_loaded(swa, few_tasks, words, says):
    called = swa("evaluate", "--dataset", "builtin", *words)
    assert called.code == 2, called.err
    assert says in called.err
    assert called.out == ""
    assert not ROOT.exists()


def test_all_tasks_are_listed_without_a_model(swa, few_tasks):
    called = swa("evaluate", "--list-tasks")
    assert (called.code, called.out.split(), called.err) == (0, few_tasks, "")
