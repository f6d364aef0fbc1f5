"""`swa detect` with loading and detection replaced: order, files, resume, failures, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.errors import OutOfMemoryError, UnsupportedModelError, UsageError
from swa.schemas.registry import parse_record
from swa.schemas.validation import validate_file
from swa.store.tree import ModelFolder
from tests.unit.cli.fakes import confirmation, detection, super_weight

ROOT = Path("results/comprehensive_super_weight_analysis")


def test_the_files_of_a_detection(swa, machinery):
    called = swa("detect", "fake/model", "--seed", "7", "--spike-threshold", "30")
    assert called.code == 0, called.err
    folder = ModelFolder(ROOT, "fake--model")
    (record,) = folder.detections()
    result = parse_record(record.read_bytes(), "DetectionResult")
    assert result.run.status == "complete"
    assert result.run.options["seed"].value == result.run.seed == 7
    assert result.run.options["seed"].origin == "command line"
    assert result.run.command_line == ["swa", "detect", "fake/model", "--seed", "7", "--spike-threshold", "30"]
    assert result.threshold.origin == "command line"
    assert result.run.dataset_fingerprint == "text wikitext-2"
    stamp = record.stem.removeprefix("detection_")
    assert "a warning of the analysis" in folder.log(stamp).read_text()
    for name in ("detection_iterations", "super_weight_distribution"):
        assert (folder.plots / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for path in (record, folder.super_weights, folder.run_config):
        assert validate_file(path).problems == ()
        assert str(path) in called.out
    assert machinery.options.spike_threshold == 30.0


def test_a_kill_between_the_record_and_its_end_is_made_good(swa, machinery):
    swa("detect", "fake/model")
    (path,) = ROOT.rglob("run_config.json")
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "detect": config["detect"] | {"status": "started", "ended": None}}))
    assert swa("detect", "fake/model").code == 0
    assert json.loads(path.read_text())["detect"]["status"] == "complete"


def test_a_finished_detection_is_shown_again(swa, machinery):
    swa("detect", "fake/model")
    files = {path: path.stat().st_mtime_ns for path in ROOT.rglob("*") if path.is_file() and path.name != ".lock"}
    called = swa("detect", "fake/model")
    assert called.code == 0
    assert "L11.mlp.down_proj[507,1229]" in called.out
    assert "finished already" in called.err
    assert machinery.detected == ["fake/model"]
    after = {path: path.stat().st_mtime_ns for path in ROOT.rglob("*") if path.is_file() and path.name != ".lock"}
    assert after == files


@pytest.mark.parametrize(
    "words",
    [["--force"], ["--seed", "1"], ["--dataset", "builtin"], ["--screen", "spike"], ["--dtype", "bfloat16"]],
    ids=" ".join,
)
def test_another_question_is_answered_anew(swa, machinery, words):
    swa("detect", "fake/model")
    assert swa("detect", "fake/model", *words).code == 0
    assert len(machinery.detected) == 2
    assert len(ModelFolder(ROOT, "fake--model").detections()) == 2


def test_manners_do_not_make_it_another_question(swa, machinery):
    swa("detect", "fake/model", "-v")
    assert swa("detect", "fake/model", "--json", "-q", "--confirmed-only").code == 0
    assert len(machinery.detected) == 1


def test_what_an_interruption_left_out_is_made_from_the_record(swa, machinery):
    swa("detect", "fake/model")
    figure = ROOT / "fake--model/plots/detection_iterations.png"
    figure.unlink()
    assert swa("detect", "fake/model").code == 0
    assert figure.exists()
    assert len(machinery.detected) == 1


@pytest.mark.parametrize("words", ["a/x b/y", "--models a/x b/y", "--models a/x --models b/y", "a/x --models b/y"])
def test_three_spellings_of_several_models(swa, machinery, words):
    assert swa("detect", *words.split()).code == 0
    assert machinery.detected == ["a/x", "b/y"]


def test_no_model_means_the_demo(swa, machinery):
    swa("detect")
    assert machinery.detected == ["demo"]


def test_one_failure_does_not_stop_the_others(swa, machinery):
    machinery.failing["a/x"] = UnsupportedModelError("It has no MLP.", hint="Take another.")
    called = swa("detect", "a/x", "b/y", "--json")
    assert called.code == 7
    assert called.json["status"] == "partial"
    assert [model["model"] for model in called.json["models"]] == ["b/y"]
    assert "a/x: It has no MLP." in called.err


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (UnsupportedModelError("No."), 4),
        (OutOfMemoryError("No."), 5),
        (UsageError("No."), 2),
        (MemoryError(), 5),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 5),
        (RuntimeError("something else"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=repr,
)
def test_exit_codes(swa, machinery, failure, code):
    machinery.failing["a/x"] = failure
    called = swa("detect", "a/x")
    assert called.code == code
    assert called.out == ""
    assert called.err.startswith("Error: ")
    assert "Traceback" not in called.err


def test_when_all_fail_the_code_is_the_first_ones(swa, machinery):
    machinery.failing = {"a/x": UnsupportedModelError("No."), "b/y": OutOfMemoryError("No.")}
    called = swa("detect", "a/x", "b/y")
    assert called.code == 4
    assert called.out == ""


def test_a_bug_is_shown_with_its_traceback_when_asked(swa, machinery, monkeypatch):
    machinery.failing["a/x"] = RuntimeError("something else")
    assert "SWA_DEBUG=1" in swa("detect", "a/x").err
    monkeypatch.setenv("SWA_DEBUG", "1")
    assert "Traceback" in swa("detect", "a/x").err


def test_an_interruption_during_the_work_is_recorded(swa, machinery, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("swa.detection.analysis.detect", interrupted)
    assert swa("detect", "a/x").code == 130
    config = json.loads((ROOT / "a--x/run_config.json").read_text())
    assert config["detect"]["status"] == "interrupted"
    assert list((ROOT / "a--x/data").iterdir()) == []


def test_other_commands_blocks_of_the_run_config_stay(swa, machinery):
    swa("detect", "a/x")
    path = ROOT / "a--x/run_config.json"
    config = json.loads(path.read_text())
    config["evaluate"] = {**config["detect"], "command": "evaluate"}
    path.write_text(json.dumps(config))
    swa("detect", "a/x", "--force", "--seed", "5")
    after = json.loads(path.read_text())
    assert after["evaluate"] == config["evaluate"]
    assert after["detect"]["seed"] == 5


@pytest.mark.parametrize(
    "words",
    [
        ["--spike-threshold", "0"],
        ["--max-iterations", "0"],
        ["--screen-top", "0"],
        ["--batch-size", "0"],
        ["--dtype", "int8"],
        ["--device", "gpu"],
        ["--max-memory", "much"],
        ["--screen", "spikes"],
        ["--json", "--jsonl"],
        ["--models", "a/x@main", "--revision", "main"],
        ["--models", "demo", "--revision", "main"],
        ["--no-such-option"],
        ["--screen-top"],
    ],
    ids=" ".join,
)
def test_wrong_options_are_refused_before_anything_is_loaded(swa, machinery, words):
    called = swa("detect", *words)
    assert called.code == 2, called.err
    assert called.out == ""
    assert machinery.loaded == []
    assert not ROOT.exists()


def test_a_model_that_is_not_there(swa, machinery):
    assert swa("detect", "./nothing").code == 3
    assert swa("detect", "./nothing", "a/x").code == 7
    assert machinery.detected == ["a/x"]


def test_a_results_folder_that_cannot_be_written(swa, machinery, tmp_path):
    (tmp_path / "file").write_text("")
    assert swa("detect", "a/x", "--results-dir", "file").code == 2
    assert machinery.loaded == []


def test_a_locked_folder(swa, machinery):
    folder = ModelFolder(ROOT, "a--x")
    folder.create()
    with folder.locked():
        called = swa("detect", "a/x")
    assert called.code == 2
    assert machinery.loaded == []


def test_a_figure_that_cannot_be_written_leaves_the_record(swa, machinery, monkeypatch):
    from swa.store.atomic import WriteError

    def full(path, content):
        raise WriteError(f"'{path}' could not be written: No space left on device.")

    monkeypatch.setattr("swa.cli.detect_files.write_bytes", full)
    called = swa("detect", "a/x")
    assert called.code == 7
    assert len(ModelFolder(ROOT, "a--x").detections()) == 1


def test_no_text_is_read_when_none_is_needed(swa, machinery, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("no text is needed")

    monkeypatch.setattr("swa.data.sources.load_text", refuse)
    called = swa("detect", "a/x", "--screen", "spike", "--no-confirm", "--json")
    assert called.code == 0, called.err


def test_json_is_one_object(swa, machinery):
    called = swa("detect", "a/x", "b/y", "--json")
    assert called.out.count("\n") == 1
    parse_record(called.out, "CommandResult")
    model = called.json["models"][0]
    assert (model["n_candidates"], model["n_confirmed"]) == (1, 1)
    assert model["headline"]["largest_delta_loss"] == 1.94
    assert all(Path(path).exists() for path in model["files"].values())


def test_jsonl_is_records(swa, machinery):
    weights = [super_weight(), super_weight(1, 2, confirmation=confirmation(0.001, confirmed=False))]
    machinery.results["a/x"] = detection(weights, model="a/x")
    called = swa("detect", "a/x", "--jsonl")
    assert [record["coordinate"] for record in called.records] == [weight.coordinate for weight in weights]
    confirmed = swa("detect", "a/x", "--jsonl", "--confirmed-only")
    assert [record["coordinate"] for record in confirmed.records] == [weights[0].coordinate]
    lines = (ROOT / "a--x/data/super_weights.jsonl").read_text().splitlines()
    assert len(lines) == 2


def test_quiet_says_nothing_but_results(swa, machinery):
    called = swa("detect", "a/x", "-q")
    assert called.err == ""
    assert "confirmed" in called.out


def test_progress_and_warnings_stay_off_stdout(swa, machinery):
    called = swa("detect", "a/x", "--json")
    assert "a warning of the analysis" in called.err
    assert called.json["status"] == "complete"
