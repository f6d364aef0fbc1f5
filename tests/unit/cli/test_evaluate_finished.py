"""`swa evaluate` again: finished runs are recognised and completed; another question computes what it lacks."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from swa.schemas.registry import parse_record
from swa.store.results import ResultsFolder
from swa.store.tree import ModelFolder
from tests.support.evaluating import answers_in
from tests.support.helpful import COORDINATE
from tests.support.records import files_below
from tests.support.tiny_checkpoint import write_tiny_checkpoint
from tests.support.tiny_models import build
from tests.unit.conftest import ROOT, undraw

TEXT = ("--dataset", "builtin", "--perplexity-samples", "4", "--max-memory", "4GiB")
WORDS = (*TEXT, "--accuracy-tasks", "builtin_choices", "--accuracy-samples", "2", "--super-weights", COORDINATE)
OTHER = ("--super-weights", "L2.mlp.c_proj[1,2]")
N_ITEMS = 6
"""Of texts and of the task: their layout, the intact model, the super weight, which is all of them together too."""
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def evaluate(swa, helpful):
    def call(*words: str):
        called = swa("evaluate", helpful, *(words or WORDS))
        assert called.code == 0, called.err
        return called

    return call


@pytest.fixture(scope="module")
def originals(swa, helpful, plain, tmp_path_factory):
    """An evaluation of two models, without figures; where it wrote."""
    place = tmp_path_factory.mktemp("originals")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        undraw(patched)
        called = swa("evaluate", helpful, plain, *WORDS)
    assert called.code == 0, called.err
    return called, place


@pytest.fixture
def finished(originals, folder):
    """The call of that evaluation; its files are in this test's folder."""
    called, place = originals
    shutil.copytree(place, ".", dirs_exist_ok=True)
    return called


def change_block(folder: ModelFolder, **changes) -> dict:
    """Another state of the last run; the whole content."""
    config = json.loads(folder.run_config.read_text())
    config["evaluate"] |= changes
    folder.run_config.write_text(json.dumps(config))
    return config


def test_nothing_is_loaded_computed_or_written(swa, helpful, plain, finished, monkeypatch):
    monkeypatch.setattr("swa.models.loading.load.load_model", None)
    monkeypatch.setattr("swa.evaluation.harness.tasks.load_tasks", None)
    files = files_below(ROOT)
    again = swa("evaluate", helpful, plain, *WORDS)
    assert again.code == 0, again.err
    assert files_below(ROOT) == files
    assert f"{helpful} is finished already" in again.err
    assert again.out.splitlines() == [line for line in finished.out.splitlines() if not line.startswith("log: ")]
    called = swa("evaluate", helpful, plain, *WORDS, "--json")
    assert all(Path(path).exists() for model in called.json["models"] for path in model["files"].values())


@pytest.mark.parametrize(
    "words",
    [
        "--dtype float32",
        "--max-memory 4G",
        "--scales 0 0.0",
        "-v --json",
        "--device cpu",
        "--tokens 99 --spike-threshold 3",
        "--super-weights L1.mlp.c_proj[5,9]",
    ],
)
def test_other_words_for_it_and_options_that_do_not_act(evaluate, finished, folder, words):
    assert "finished already" in evaluate(*WORDS, *words.split()).err
    assert len(folder.analyses()) == 1


def test_a_kill_between_the_record_and_its_end_is_made_good(evaluate, finished, folder):
    config = json.loads(folder.run_config.read_text())
    change_block(folder, status="started", ended=None)
    evaluate()
    assert json.loads(folder.run_config.read_text()) == config
    other = change_block(folder, status="started", ended=None, started="2020-01-01T00:00:00Z")  # of another run
    evaluate()
    assert json.loads(folder.run_config.read_text()) == other


@pytest.mark.parametrize(
    ("words", "n_new"),
    [
        (["--seed", "1"], 6),
        (["--dtype", "bfloat16"], 6),
        (["--scales", "0", "0.5"], 2),
        ([*OTHER], 4),  # a chunk with another beside it, and both together
        (["--accuracy-tasks", "builtin_choices", "builtin_answers"], 2),  # of answers, which have no layout
        (["--skip-combined"], 0),
        (["--skip-perplexity"], 0),
        (["--skip-accuracy"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_another_question_computes_what_it_lacks(evaluate, finished, folder, words, n_new):
    before = answers_in(folder)
    assert len(before) == N_ITEMS
    assert "finished already" not in evaluate(*WORDS, *words).err
    after = answers_in(folder)
    assert before.items() <= after.items()
    assert len(after) - len(before) == n_new
    new, old = (parse_record(path.read_bytes(), "ModelAnalysis") for path in folder.analyses())
    if n_new < N_ITEMS and "--skip-perplexity" not in words:
        assert new.baseline.perplexity == old.baseline.perplexity
        assert new.individual[0].perplexity == old.individual[0].perplexity


def test_another_detection_of_the_same_super_weights_is_no_other_question(swa, helpful, evaluate, folder):
    search = ("--screen", "spike", "--screen-top", "4", "--max-iterations", "1", "--no-confirm", "--dataset")
    words = (*TEXT, "--skip-accuracy")
    evaluate(*words, "--screen", "spike", "--no-confirm")
    assert swa("detect", helpful, *search, "builtin").code == 0
    assert len(folder.detections()) == 2
    called = evaluate(*words)
    assert "finished already" in called.err
    assert f"detection: {folder.detections()[0]}" in called.out


def test_other_weights_under_the_same_name_are_another_model(swa, finished):
    for seed in "12":
        write_tiny_checkpoint(Path("model"), model=build("gpt2", seed=int(seed)))
        called = swa("evaluate", "./model", *WORDS)
        assert called.code == 0, called.err
        assert "finished already" not in called.err
    assert len({path.read_bytes() for path in ROOT.glob("model-*/data/analysis_*.json")}) == 2


def test_what_follows_from_the_records_is_made_from_them(swa, helpful, plain, finished, folder):
    stamp = folder.analyses()[0].stem.removeprefix("analysis_")
    derived = [
        folder.combined_analysis(stamp),
        folder.individual_analysis(0, stamp),
        folder.plots / "impact_comparison.png",
        folder.plots / "combined_analysis.png",
        ResultsFolder(ROOT).model_comparison,
    ]
    before = {path: path.read_bytes() for path in derived}
    *missing, older, _ = derived
    for path in missing:
        path.unlink()
    older.write_text("of the evaluation before")
    os.utime(older, (0, 0))
    ResultsFolder(ROOT).model_comparison.unlink()
    computed = answers_in(folder)
    again = swa("evaluate", helpful, plain, *WORDS)
    assert "finished already" in again.err
    assert {path: path.read_bytes() for path in derived} == before
    assert answers_in(folder) == computed


def test_figures_and_items_are_those_of_the_newest(evaluate, finished, folder):
    evaluate(*WORDS, "--skip-combined")
    assert not (folder.plots / "combined_analysis.png").exists()
    older = evaluate()
    assert "finished already" in older.err
    assert "combined analysis: " in older.out
    assert "impact comparison: " not in older.out
    assert "items: " not in older.out
    assert not (folder.plots / "combined_analysis.png").exists()


def test_no_items_of_an_earlier_evaluation_stay_beside_them(evaluate, finished, folder):
    names = {path.name for path in folder.items.iterdir()}
    assert "builtin_choices_sw_0.jsonl" in names
    evaluate(*WORDS, "--scales", "0.5")
    assert {path.name for path in folder.items.iterdir()} == {
        "builtin_choices_baseline.jsonl",
        "builtin_choices_sw_0_x0.5.jsonl",
        "builtin_choices_all_x0.5.jsonl",
    }


@pytest.mark.parametrize("content", ["", '{"record": "ModelAnalysis", "schema_version": 2}'])
def test_a_broken_record_is_named_and_made_anew(evaluate, finished, folder, content):
    (record,) = folder.analyses()
    record.write_text(content)
    computed = answers_in(folder)
    assert f"'{record}' is no valid analysis" in evaluate().err
    assert len(folder.analyses()) == 2
    assert answers_in(folder) == computed


def test_a_record_of_the_python_interface_is_no_finished_run(evaluate, finished, folder):
    (record,) = folder.analyses()
    content = json.loads(record.read_text())
    del content["run"]
    record.write_text(json.dumps(content))
    assert "no valid" not in evaluate().err
    assert len(folder.analyses()) == 2


def test_a_record_of_the_call_is_made_anew_where_it_is_gone(swa, helpful, plain, finished):
    (complete,) = ResultsFolder(ROOT).complete_analyses()
    before = json.loads(complete.read_text())
    complete.unlink()
    assert swa("evaluate", helpful, plain, *WORDS).code == 0
    (again,) = ResultsFolder(ROOT).complete_analyses()
    assert json.loads(again.read_text())["models"] == before["models"]


def test_models_that_were_finished_apart_are_put_together(swa, helpful, plain, finished):
    called = swa("evaluate", plain, helpful, *WORDS, "--json")
    assert called.err.count("finished already") == 2
    complete = json.loads(Path(called.json["models"][1]["files"]["complete_analysis"]).read_text())
    assert [model["model"] for model in complete["models"]] == [plain, helpful]
    assert len(ResultsFolder(ROOT).complete_analyses()) == 2
