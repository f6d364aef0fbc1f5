"""A command that needs super weights and finds no saved detection detects first: one load, the files of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from swa.errors import UsageError
from swa.schemas.registry import parse_record
from swa.store.names import model_folder_name
from swa.store.tree import ModelFolder
from tests.support.helpful import COORDINATE

ROOT = Path("results/comprehensive_super_weight_analysis")
TEXTS = ("--dataset", "builtin", "--perplexity-samples", "2", "--skip-accuracy", "--scales", "0")


@pytest.fixture
def folder(helpful) -> ModelFolder:
    return ModelFolder(ROOT, model_folder_name(helpful, Path(helpful)))


@pytest.fixture
def evaluate(swa, helpful, detecting):
    def call(*words: str):
        called = swa("evaluate", helpful, *TEXTS, *words)
        assert called.code == 0, called.err
        return called

    return call


def test_the_model_is_loaded_once_and_the_files_are_those_of_detect(evaluate, folder, detecting):
    called = evaluate("--seed", "3", "--spike-threshold", "30")
    (record,), (analysis,) = folder.detections(), folder.analyses()
    detected = parse_record(record.read_bytes(), "DetectionResult")
    assert (detected.run.command, detected.run.seed, detected.threshold.origin) == ("detect", 3, "command line")
    assert detected.run.command_line[:2] == ["swa", "evaluate"]
    assert "scales" not in detected.run.options
    assert detecting.asked[0].spike_threshold == 30.0
    evaluated = parse_record(analysis.read_bytes(), "ModelAnalysis")
    assert [weight.coordinate for weight in evaluated.super_weights] == [COORDINATE]
    assert folder.super_weights.exists()
    assert (folder.plots / "detection_iterations.png").exists()
    assert f"detection: {record}" in called.out
    stamp = record.stem.removeprefix("detection_")
    assert stamp == analysis.stem.removeprefix("analysis_")
    log = folder.log(stamp).read_text()
    assert "a warning of the analysis" in log
    assert log.count("Loading weights") + log.count(f"Loading {evaluated.model}: 1 steps") == 1


def test_both_commands_then_find_it_finished_and_their_config_repeats_them(swa, helpful, evaluate, folder, detecting):
    evaluate("--screen", "spike")
    for command in ("detect", "evaluate"):
        called = swa(command, "--config", str(folder.run_config))
        assert called.code == 0, called.err
        assert "finished already" in called.err
    assert "finished already" in swa("detect", helpful, "--dataset", "builtin", "--screen", "spike").err
    assert len(detecting.asked) == 1


def test_a_repeated_run_takes_the_detection_that_the_run_took(swa, helpful, evaluate, folder, detecting):
    swa("detect", helpful, "--dataset", "builtin", "--screen-top", "16")
    evaluate()
    called = swa("evaluate", "--config", str(folder.run_config), "--results-dir", "again")
    assert called.code == 0, called.err
    assert len(detecting.asked) == 1


def test_named_super_weights_are_not_sought(evaluate, detecting):
    evaluate("--super-weights", COORDINATE)
    assert detecting.asked == []


def test_the_text_is_read_for_the_detection_alone_where_it_is_needed(swa, helpful, detecting):
    words = ("evaluate", helpful, "--skip-perplexity", "--accuracy-tasks", "builtin", "--accuracy-samples", "2")
    nowhere = ("--dataset", "wikitext-2", "--data-dir", "nothing")
    assert swa(*words, *nowhere).code == 3
    assert swa("detect", helpful, "--dataset", "builtin").code == 0
    called = swa(*words, *nowhere)
    assert called.code == 0, called.err


@pytest.mark.parametrize("command", ["evaluate", "vocab", "cascade"])
def test_a_failed_detection_ends_the_model(swa, helpful, detecting, command):
    detecting.failure = UsageError("The text is too short.")
    more = ("--skip-accuracy",) if command == "evaluate" else ()
    called = swa(command, helpful, "--dataset", "builtin", "--screen-top", "7", *more)
    assert (called.code, "The text is too short." in called.err) == (2, True)
    assert detecting.asked[0].screen_top == 7
