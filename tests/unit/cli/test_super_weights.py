"""Where super weights come from: `--super-weights`, saved detections, a detection now."""

from __future__ import annotations

from pathlib import Path

import pytest

from swa.errors import UsageError
from swa.schemas.registry import parse_record
from swa.store.tree import ModelFolder
from tests.unit.cli.fakes import confirmation, detection, super_weight

ROOT = Path("results/comprehensive_super_weight_analysis")
FIRST, SECOND = "L11.mlp.down_proj[507,1229]", "L11.mlp.down_proj[1,2]"
REFUSED = confirmation(0.001, confirmed=False)


@pytest.fixture
def evaluate(swa, evaluation):
    def call(*words: str):
        called = swa("evaluate", "fake/model", "--skip-accuracy", *words)
        assert called.code == 0, called.err
        return called

    return call


def coordinates(evaluation) -> list[str]:
    return [weight.coordinate for weight in evaluation.evaluated[-1].weights]


def saved(weights=None, **fields) -> Path:
    path = Path("detection.json")
    path.write_text(detection(weights, **fields).model_dump_json(indent=2))
    return path


class TestGiven:
    def test_a_mere_coordinate_becomes_a_record_of_the_model(self, evaluate, evaluation):
        evaluate("--super-weights", "L11.mlp.down_proj[ 1, 2 ]")
        (weight,) = evaluation.evaluated[0].weights
        assert weight.coordinate == SECOND
        assert weight.weight == pytest.approx(5.876)
        assert (weight.prompts, weight.found_by, weight.published) == ([], [], False)
        assert evaluation.detected == []

    def test_confirmed_ones_only_unless_all_are_wanted(self, evaluate, evaluation):
        saved([super_weight(1, 2, confirmation=REFUSED), super_weight()])
        called = evaluate("--super-weights", "detection.json")
        assert coordinates(evaluation) == [FIRST]
        assert "1 super weight from --super-weights (confirmed ones of 2 candidates;" in called.err
        evaluate("--super-weights", "detection.json", "--all-candidates")
        assert coordinates(evaluation) == [SECOND, FIRST]

    def test_what_removal_never_tested_counts(self, evaluate, evaluation):
        saved([super_weight(1, 2, confirmation=None)])
        evaluate("--super-weights", "detection.json", "--super-weights", FIRST)
        assert coordinates(evaluation) == [SECOND, FIRST]

    def test_each_coordinate_counts_once_and_the_first_wins(self, evaluate, evaluation):
        saved([super_weight()])
        evaluate("--super-weights", FIRST, "--super-weights", SECOND, "--super-weights", "detection.json")
        assert coordinates(evaluation) == [FIRST, SECOND]
        assert evaluation.evaluated[0].weights[0].found_by == []

    def test_a_record_of_other_weights_counts_as_a_coordinate(self, evaluate, evaluation):
        saved([super_weight(weight=0.1), super_weight(1, 2, weight=5.875)])
        called = evaluate("--super-weights", "detection.json")
        first, second = evaluation.evaluated[0].weights
        assert (first.weight, first.found_by) == (pytest.approx(5.876), [])
        assert second.found_by == ["spike", "gradient"]
        assert f"The record of {FIRST} says 0.1, the model 5.876" in called.err
        assert SECOND not in called.err

    def test_of_several_models_each_gets_its_own_records(self, swa, evaluation):
        lines = [super_weight(model="a/x"), super_weight(1, 2, model="b/y")]
        text = "".join(f"{weight.model_dump_json()}\n" for weight in lines)
        Path("a.jsonl").write_text(f"{text}L11.mlp.down_proj[3,3]\n")
        words = ("--skip-accuracy", "--super-weights", "a.jsonl")
        assert swa("evaluate", "a/x", "b/y", "c/z", *words).code == 0
        seen = [[weight.coordinate for weight in one.weights] for one in evaluation.evaluated]
        everywhere = "L11.mlp.down_proj[3,3]"
        assert seen == [[FIRST, everywhere], [SECOND, everywhere], [everywhere]]
        assert swa("evaluate", "d/w", *words).code == 0
        assert coordinates(evaluation) == [FIRST, SECOND, everywhere]

    def test_environment_variables_are_split_at_newlines(self, evaluate, evaluation, monkeypatch):
        monkeypatch.setenv("SWA_SUPER_WEIGHTS", f"{FIRST}\n{SECOND}\n")
        evaluate()
        assert coordinates(evaluation) == [FIRST, SECOND]

    def test_a_pipe(self, evaluate, evaluation, stdin):
        stdin(super_weight().model_dump_json().encode())
        evaluate("--super-weights", "-")
        assert coordinates(evaluation) == [FIRST]


class TestSaved:
    def test_the_newest_detection_is_taken_and_said(self, swa, evaluate, evaluation):
        swa("detect", "fake/model")
        evaluation.results["fake/model"] = detection([super_weight(1, 2)])
        swa("detect", "fake/model", "--force")
        called = evaluate()
        assert coordinates(evaluation) == [SECOND]
        newest = ModelFolder(ROOT, "fake--model").detections()[0]
        assert f"1 super weight from '{newest}'." in called.err
        assert f"detection: {newest}" in called.out
        assert evaluation.detected == ["fake/model"] * 2

    def test_confirmed_ones_only_unless_all_are_wanted(self, swa, evaluate, evaluation):
        evaluation.results["fake/model"] = detection([super_weight(), super_weight(1, 2, confirmation=REFUSED)])
        swa("detect", "fake/model")
        evaluate()
        assert coordinates(evaluation) == [FIRST]
        evaluate("--all-candidates")
        assert coordinates(evaluation) == [FIRST, SECOND]

    def test_all_of_a_detection_without_confirmation(self, swa, evaluate, evaluation):
        weights = [super_weight(confirmation=None), super_weight(1, 2, confirmation=None)]
        evaluation.results["fake/model"] = detection(weights)
        swa("detect", "fake/model", "--no-confirm")
        evaluate()
        assert coordinates(evaluation) == [FIRST, SECOND]

    @pytest.mark.parametrize(
        "words",
        [
            ["--spike-threshold", "30"],
            ["--screen", "spike"],
            ["--screen-top", "5"],
            ["--max-iterations", "3"],
            ["--prompt", "Hi"],
            ["--no-confirm"],
            ["--dtype", "bfloat16"],
        ],
        ids=" ".join,
    )
    def test_another_detection_than_asked_for_is_not_taken(self, swa, evaluate, evaluation, words):
        swa("detect", "fake/model")
        called = evaluate(*words)
        assert len(evaluation.detected) == 2
        assert "No saved detection fits" in called.err
        evaluate(*words)
        assert len(evaluation.detected) == 2

    def test_defaults_ask_for_nothing(self, swa, evaluate, evaluation):
        swa("detect", "fake/model", "--spike-threshold", "30", "--seed", "3", "--dataset", "builtin")
        evaluate()
        assert len(evaluation.detected) == 1

    def test_the_type_counts_and_not_how_it_was_named(self, swa, evaluate, evaluation):
        swa("detect", "fake/model", "--dtype", "float32")
        evaluate()
        evaluate("--dtype", "float32")
        assert len(evaluation.detected) == 1

    def test_other_weights_are_another_model(self, swa, evaluate, evaluation, monkeypatch):
        swa("detect", "fake/model")
        fetch = evaluation.fetch

        def changed(reference, **details):
            found = fetch(reference, **details)
            found.fingerprint = "other weights"
            return found

        monkeypatch.setattr("swa.models.loading.load.fetch", changed)
        evaluate()
        assert len(evaluation.detected) == 2

    def test_the_own_folder_comes_before_the_default_one(self, swa, evaluate, evaluation):
        swa("detect", "fake/model")
        called = evaluate("--results-dir", "other")
        assert str(ROOT) in called.err
        assert len(evaluation.detected) == 1
        evaluation.results["fake/model"] = detection([super_weight(1, 2)])
        swa("detect", "fake/model", "--results-dir", "other")
        evaluate("--results-dir", "other")
        assert coordinates(evaluation) == [SECOND]

    def test_a_broken_record_is_named(self, swa, evaluate, evaluation):
        swa("detect", "fake/model")
        folder = ModelFolder(ROOT, "fake--model")
        folder.detection("99990101_000000").write_text("{")
        called = evaluate()
        assert "99990101_000000.json' is no valid detection record" in called.err
        assert len(evaluation.detected) == 1


class TestDetectingFirst:
    def test_the_model_is_loaded_once_and_the_files_are_those_of_detect(self, swa, evaluate, evaluation):
        called = evaluate("--seed", "3", "--spike-threshold", "30")
        assert len(evaluation.loaded) == 1
        assert coordinates(evaluation) == [FIRST]
        folder = ModelFolder(ROOT, "fake--model")
        (record,) = folder.detections()
        result = parse_record(record.read_bytes(), "DetectionResult")
        assert (result.run.command, result.run.seed, result.threshold.origin) == ("detect", 3, "command line")
        assert result.run.command_line[:2] == ["swa", "evaluate"]
        assert "scales" not in result.run.options
        assert evaluation.options.spike_threshold == 30.0
        assert folder.super_weights.exists()
        assert (folder.plots / "detection_iterations.png").exists()
        assert f"detection: {record}" in called.out
        assert record.stem.removeprefix("detection_") == folder.analyses()[0].stem.removeprefix("analysis_")
        assert "a warning of the analysis" in folder.log(record.stem.removeprefix("detection_")).read_text()

    def test_detect_then_finds_it_finished(self, swa, evaluate, evaluation):
        evaluate()
        called = swa("detect", "fake/model")
        assert "finished already" in called.err
        assert evaluation.detected == ["fake/model"]

    def test_both_blocks_of_the_run_config_can_be_repeated(self, swa, evaluate, evaluation):
        evaluate("--screen", "spike")
        path = str(ROOT / "fake--model/run_config.json")
        for command in ("detect", "evaluate"):
            called = swa(command, "--config", path)
            assert called.code == 0, called.err
            assert "finished already" in called.err

    def test_a_repeated_run_takes_the_detection_that_the_run_took(self, swa, evaluate, evaluation):
        swa("detect", "fake/model", "--screen-top", "16")
        evaluate()
        config = str(ROOT / "fake--model/run_config.json")
        called = swa("evaluate", "--config", config, "--results-dir", "again")
        assert called.code == 0, called.err
        assert evaluation.detected == ["fake/model"]

    def test_named_super_weights_are_not_sought(self, evaluate, evaluation):
        evaluate("--super-weights", FIRST)
        assert evaluation.detected == []

    def test_the_text_is_read_for_the_detection_alone_where_it_is_needed(self, swa, evaluation):
        words = ("evaluate", "fake/model", "--skip-perplexity", "--accuracy-tasks", "builtin")
        assert swa(*words).code == 0
        assert evaluation.order.count("text") == 1
        assert evaluation.evaluated[0].text is None
        assert swa(*words, "--force").code == 0
        assert evaluation.order.count("text") == 1

    def test_a_failed_detection_ends_the_model(self, swa, evaluation, monkeypatch):
        def refuse(*_, **__):
            raise UsageError("The text is too short.")

        monkeypatch.setattr("swa.detection.analysis.detect", refuse)
        assert swa("evaluate", "fake/model", "--skip-accuracy").code == 2
        assert evaluation.evaluated == []
