"""`swa detect`: files, finished work, failures, exit codes, streams."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from swa.errors import OutOfMemoryError, UnsupportedModelError, UsageError
from swa.schemas.registry import parse_record
from swa.schemas.validation import validate_file
from swa.store.names import model_folder_name
from swa.store.tree import ModelFolder
from tests.support.helpful import COORDINATE
from tests.support.records import files_below

ROOT = Path("results/comprehensive_super_weight_analysis")
WORDS = ("--dataset", "builtin", "--screen", "spike", "--seed", "7", "--spike-threshold", "30")


@pytest.fixture
def folder(helpful) -> ModelFolder:
    return ModelFolder(ROOT, model_folder_name(helpful, Path(helpful)))


@pytest.fixture(scope="module")
def original(swa, helpful, tmp_path_factory):
    """A real detection, and where it wrote."""
    place = tmp_path_factory.mktemp("original")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        called = swa("detect", helpful, *WORDS)
    assert called.code == 0, called.err
    return called, place


@pytest.fixture
def first(original):
    """The call of that detection; its files are in this test's folder."""
    called, place = original
    shutil.copytree(place, ".", dirs_exist_ok=True)
    return called


@pytest.fixture
def again(swa, helpful, first):
    def call(*words: str):
        return swa("detect", helpful, *WORDS, *words)

    return call


def test_the_files_of_a_detection(first, folder, helpful):
    (record,) = folder.detections()
    result = parse_record(record.read_bytes(), "DetectionResult")
    assert result.run.status == "complete"
    assert result.run.options["seed"].value == result.run.seed == 7
    assert result.run.options["seed"].origin == "command line"
    assert result.run.command_line == ["swa", "detect", helpful, *WORDS]
    assert (result.threshold.origin, result.threshold.value) == ("command line", 30)
    assert [weight.coordinate for weight in result.super_weights] == [COORDINATE]
    assert folder.log(record.stem.removeprefix("detection_")).stat().st_size
    for name in ("detection_iterations", "super_weight_distribution"):
        assert (folder.plots / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for path in (record, folder.super_weights, folder.run_config):
        assert validate_file(path).problems == ()
        assert str(path) in first.out
    (line,) = folder.super_weights.read_text().splitlines()
    assert line == result.super_weights[0].model_dump_json()


def test_a_kill_between_the_record_and_its_end_is_made_good(again, folder):
    config = json.loads(folder.run_config.read_text())
    block = config["detect"] | {"status": "started", "ended": None}
    folder.run_config.write_text(json.dumps({**config, "detect": block}))
    assert again().code == 0
    assert json.loads(folder.run_config.read_text())["detect"]["status"] == "complete"


def test_a_finished_detection_is_shown_again(first, again):
    before = files_below(ROOT)
    called = again()
    assert called.code == 0
    assert called.out == first.out.replace(first.out[first.out.index("log: ") :], "\n")
    assert "finished already" in called.err
    assert files_below(ROOT) == before


def test_what_an_interruption_left_out_is_made_from_the_record(again, folder, undrawn):
    figure = folder.plots / "detection_iterations.png"
    figure.unlink()
    assert "finished already" in again().err
    assert figure.exists()


@pytest.mark.parametrize("words", [["--force"], ["--seed", "1"], ["--dtype", "bfloat16"]], ids=" ".join)
def test_another_question_is_answered_anew(again, folder, detecting, words):
    config = json.loads(folder.run_config.read_text())
    config["evaluate"] = {**config["detect"], "command": "evaluate"}
    folder.run_config.write_text(json.dumps(config))
    assert again(*words).code == 0
    assert len(detecting.asked) == 1
    assert len(folder.detections()) == 2
    assert json.loads(folder.run_config.read_text())["evaluate"] == config["evaluate"]  # another command's block


def test_json_is_one_object(again):
    called = again("--json")
    assert called.out.count("\n") == 1
    parse_record(called.out, "CommandResult")
    model = called.json["models"][0]
    assert (model["n_candidates"], model["n_confirmed"]) == (1, 1)
    assert model["headline"]["largest_delta_loss"] > 2
    assert all(Path(path).exists() for path in model["files"].values())


def test_jsonl_is_records(again):
    assert [record["coordinate"] for record in again("--jsonl").records] == [COORDINATE]


def test_quiet_says_nothing_but_results(again):
    called = again("-q")
    assert called.err == ""
    assert "confirmed" in called.out


def test_progress_and_warnings_stay_off_stdout(swa, helpful, detecting, folder):
    called = swa("detect", helpful, "--dataset", "builtin", "--json")
    assert "a warning of the analysis" in called.err
    assert called.json["status"] == "complete"
    (log,) = folder.logs.iterdir()
    assert "a warning of the analysis" in log.read_text()


@pytest.mark.parametrize("words", ["a/x b/y", "--models a/x b/y", "--models a/x --models b/y", "a/x --models b/y"])
def test_three_spellings_of_several_models(swa, handed, words):
    assert swa("detect", *words.split()).code == 0
    assert handed[0].models == ["a/x", "b/y"]


def test_no_model_means_the_demo(swa, handed):
    swa("detect")
    assert handed[0].models == ["demo"]


def test_one_failure_does_not_stop_the_others(swa, helpful, detecting):
    called = swa("detect", "./nothing", helpful, "--dataset", "builtin", "--json")
    assert called.code == 7
    assert called.json["status"] == "partial"
    assert [model["model"] for model in called.json["models"]] == [helpful]
    assert "./nothing: There is no model" in called.err


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
def test_exit_codes(swa, helpful, detecting, folder, failure, code):
    detecting.failure = failure
    called = swa("detect", helpful, "--dataset", "builtin")
    assert called.code == code
    assert called.out == ""
    assert "\nError: " in called.err
    assert "Traceback" not in called.err
    status = json.loads(folder.run_config.read_text())["detect"]["status"]
    assert status == ("interrupted" if code == 130 else "failed")
    assert folder.detections() == []


def test_when_all_fail_the_code_is_the_first_ones(swa):
    called = swa("detect", "./nothing", "./neither")
    assert called.code == 3
    assert called.out == ""


def test_a_bug_is_shown_with_its_traceback_when_asked(swa, helpful, detecting, monkeypatch):
    detecting.failure = RuntimeError("something else")
    words = ("detect", helpful, "--dataset", "builtin")
    assert "SWA_DEBUG=1" in swa(*words).err
    monkeypatch.setenv("SWA_DEBUG", "1")
    assert "Traceback" in swa(*words).err


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
        ["--router-analysis-samples", "0"],
        ["--p-active-floor", "1.5"],
        ["--p-active-floor", "-0.1"],
        ["--co-spike-threshold", "2"],
        ["--json", "--jsonl"],
        ["--models", "a/x@main", "--revision", "main"],
        ["--models", "demo", "--revision", "main"],
        ["--no-such-option"],
        ["--screen-top"],
    ],
    ids=" ".join,
)
def test_wrong_options_are_refused_before_anything_is_loaded(swa, words):
    called = swa("detect", *words)
    assert called.code == 2, called.err
    assert called.out == ""
    assert not ROOT.exists()


def test_a_results_folder_that_cannot_be_written(swa, helpful, detecting, tmp_path):
    (tmp_path / "file").write_text("")
    assert swa("detect", helpful, "--dataset", "builtin", "--results-dir", "file").code == 2
    assert detecting.asked == []


def test_a_locked_folder(swa, helpful, detecting, folder):
    folder.create()
    with folder.locked():
        called = swa("detect", helpful, "--dataset", "builtin")
    assert called.code == 2
    assert detecting.asked == []


def test_a_figure_that_cannot_be_written_leaves_the_record(swa, helpful, detecting, folder):
    (folder.plots / "detection_iterations.png").mkdir(parents=True)
    assert swa("detect", helpful, "--dataset", "builtin").code == 7
    assert len(folder.detections()) == 1


def test_no_text_is_read_when_none_is_needed(swa, helpful, detecting):
    words = ("--dataset", "wikitext-2", "--data-dir", "nothing")
    assert swa("detect", helpful, *words).code == 3
    called = swa("detect", helpful, *words, "--screen", "spike", "--no-confirm")
    assert called.code == 0, called.err
