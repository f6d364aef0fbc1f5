"""Calls from Python that no command line can make: loaded models, groups that disagree, paths, what is empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa import load_model, runs
from swa.data.options import TextOptions, WindowOptions
from swa.detection.options import DetectOptions
from swa.errors import UsageError
from swa.evaluation.options import EvaluateOptions, TaskOptions
from swa.runs.driver.call import Call
from swa.runs.options import WHOLE_INTERVENTIONS, RunOptions, WeightOptions
from swa.vocabulary.options import InterventionOptions, NeuronOptions

BUILTIN = TextOptions("builtin")
QUICK = EvaluateOptions(perplexity_samples=2, individual=False)
SCALAR = WeightOptions(super_weights=("L1.mlp.c_proj[5,9]",))
ONE_PASS = {"windows": WindowOptions(tokens=64, window_len=16, stride=8), "weights": SCALAR, "text": BUILTIN}


class TestLoadedModels:
    """The types of two loaded models are their own, whatever `--dtype` says by default."""

    @pytest.mark.parametrize("first", ["float32", "bfloat16"])
    def test_of_another_type_are_computed(self, helpful, first, undrawn):
        for dtype in (first, "bfloat16", "float32"):
            model = load_model(helpful, dtype=dtype)
            (found,) = runs.evaluate(
                model, QUICK, tasks=TaskOptions(accuracy=False), weights=SCALAR, text=BUILTIN
            ).models
            assert found.header.dtype == dtype

    def test_a_named_one_does_not_take_their_results(self, helpful, undrawn):
        tasks = TaskOptions(accuracy=False)
        for model in (load_model(helpful, dtype="bfloat16"), helpful):
            (found,) = runs.evaluate(model, QUICK, tasks=tasks, weights=SCALAR, text=BUILTIN).models
        assert (found.is_new, found.header.dtype) == (True, "float32")

    def test_another_detection_is_not_theirs(self, helpful, detecting):
        for dtype in ("float32", "bfloat16"):
            runs.detect(load_model(helpful, dtype=dtype), DetectOptions(screens=("spike",)), text=BUILTIN)
        assert len(detecting.texts) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: runs.evaluate("m", search=DetectOptions(seed=7)),
        lambda: runs.vocab("m", InterventionOptions(top_tokens=3), neurons=NeuronOptions(), weights=SCALAR),
        lambda: runs.run("m", windows=WindowOptions(tokens=512), evaluation=EvaluateOptions(individual=False)),
    ],
)
def test_groups_that_disagree_are_refused(call, tmp_path, helpful, monkeypatch):
    Path("m").symlink_to(helpful)
    with pytest.raises(UsageError, match=r"in one group of options and .* in \w+Options"):
        call()
    assert not Path("results").exists()


def test_the_command_line_of_a_call_spells_as_the_command():
    call = Call.of_python("run", ["m"], [(InterventionOptions(), WHOLE_INTERVENTIONS)])
    assert call.words == ["run", "m", "--no-cascade"]


class TestPlaces:
    def test_paths_and_iterables_name_models(self, helpful, detecting):
        quick = DetectOptions(screens=("spike",), confirm=False)
        assert len(runs.detect(Path(helpful), quick).models) == 1
        assert len(runs.detect((Path(one) for one in [helpful]), quick, force=True).models) == 1

    def test_a_tilde_is_the_home_folder(self, helpful, detecting, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        runs.detect(helpful, DetectOptions(screens=("spike",), confirm=False), results_dir="~/results")
        assert (tmp_path / "home/results").is_dir()
        assert not Path("~").exists()

    def test_one_place_is_no_sequence_of_letters(self):
        with pytest.raises(UsageError, match="'nowhere'"):
            runs.compare("nowhere")


def test_records_are_checked_and_described(tmp_path):
    (tmp_path / "one.json").write_text("{}")
    (report,) = runs.validate([tmp_path / "one.json"], record="DetectionResult")
    assert report.problems
    assert runs.schema("DetectionResult")["title"] == "DetectionResult"
    with pytest.raises(UsageError, match="There is no file"):
        runs.validate([tmp_path / "two.json"])


def test_an_outcome_without_records_is_shown(helpful, undrawn):
    nothing = DetectOptions(screens=("spike",), spike_threshold=1e9, confirm=False)
    for found in (
        runs.vocab(helpful, search=nothing, text=BUILTIN),
        runs.cascade(helpful, search=nothing, text=BUILTIN),
    ):
        (one,) = found.models
        assert str(found) == str(one)
        assert "No super weights" in one._repr_html_()
        assert len(one.to_frame()) == 0


def test_a_forced_run_that_was_interrupted_says_nothing_of_older_cards(helpful, undrawn, monkeypatch):
    (first,) = runs.vocab(helpful, **ONE_PASS).models

    def interrupted(*_args, **_details):
        raise KeyboardInterrupt

    shorter = {**ONE_PASS, "windows": WindowOptions(tokens=32, window_len=16, stride=8)}
    with monkeypatch.context() as patch:
        patch.setattr("swa.engine.ledger.finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            runs.vocab(helpful, InterventionOptions(seed=7), force=True, **shorter)
    (again,) = runs.vocab(helpful, **ONE_PASS).models
    assert (again.is_new, again.record.super_weights) == (False, first.record.super_weights)
    (path,) = RunOptions().results_dir.parent.glob("*/*/run_config.json")
    block = json.loads(path.read_text())["vocab"]
    assert (block["status"], block["seed"], block["options"]["tokens"]["value"]) == ("complete", 42, 64)
    assert "windows" not in block, "those of the interrupted run"


def test_a_detection_that_was_killed_is_completed_by_the_step_that_takes_it(helpful, undrawn):
    quick = DetectOptions(screens=("spike",), confirm=False)
    (made,) = runs.detect(helpful, quick, text=BUILTIN).models
    lost = [Path(made.files[name]) for name in ("super_weights", "detection_iterations")]
    for path in lost:
        path.unlink()
    config = made.folder / "run_config.json"
    config.write_text(config.read_text().replace('"complete"', '"started"'))
    runs.evaluate(helpful, QUICK, tasks=TaskOptions(accuracy=False), search=quick, text=BUILTIN)
    assert all(path.exists() for path in lost)
    assert json.loads(config.read_text())["detect"]["status"] == "complete"
