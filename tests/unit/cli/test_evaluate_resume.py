"""`swa evaluate` again: finished runs, interrupted ones, --force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.store.results import ResultsFolder
from swa.store.tree import ModelFolder
from tests.unit.cli.fakes import detection, files_below, super_weight

ROOT = Path("results/comprehensive_super_weight_analysis")
FOLDER = ModelFolder(ROOT, "a--x")
FIRST = ("--super-weights", "L11.mlp.down_proj[507,1229]")
SMALL = ("evaluate", "a/x", *FIRST, "--accuracy-tasks", "hellaswag", "gsm8k")
UNITS = ["perplexity", "hellaswag", "gsm8k"]


def stamp_of(path: Path) -> str:
    return path.stem.split("analysis_")[1]


def interrupted(swa, evaluation, *words: str, after: int = 1) -> None:
    evaluation.dies_after = after
    assert swa(*SMALL, *words).code == 130
    evaluation.dies_after = None


class TestFinished:
    def test_nothing_is_loaded_computed_or_written(self, swa, evaluation):
        first = swa(*SMALL)
        files = files_below(ROOT)
        evaluation.order.clear()
        again = swa(*SMALL)
        assert again.code == 0
        assert files_below(ROOT) == files
        assert evaluation.order == ["check", "text"]
        assert "a/x is finished already" in again.err
        shown = [line for line in first.out.splitlines() if not line.startswith("log: ")]
        assert again.out.splitlines() == shown

    def test_a_kill_between_the_record_and_its_end_is_made_good(self, swa, evaluation):
        assert swa(*SMALL).code == 0
        config = json.loads(FOLDER.run_config.read_text())
        killed = {"evaluate": config["evaluate"] | {"status": "started", "ended": None}}
        FOLDER.run_config.write_text(json.dumps(config | killed))
        assert swa(*SMALL).code == 0
        assert json.loads(FOLDER.run_config.read_text()) == config
        other = {"evaluate": killed["evaluate"] | {"started": "2020-01-01T00:00:00Z"}}  # of another run
        FOLDER.run_config.write_text(json.dumps(config | other))
        assert swa(*SMALL).code == 0
        assert json.loads(FOLDER.run_config.read_text()) == config | other

    def test_so_it_is_with_a_saved_detection_and_with_several_models(self, swa, evaluation):
        assert swa("evaluate", "a/x", "b/y", "--skip-accuracy").code == 0
        files = files_below(ROOT)
        called = swa("evaluate", "a/x", "b/y", "--skip-accuracy", "--json")
        assert files_below(ROOT) == files
        assert len(evaluation.loaded) == 2
        assert all(Path(path).exists() for model in called.json["models"] for path in model["files"].values())

    def test_manners_and_options_that_do_not_act_are_no_other_question(self, swa, evaluation):
        assert swa(*SMALL).code == 0
        assert swa(*SMALL, "-v", "--json", "--tokens", "99", "--spike-threshold", "3", "--device", "cpu").code == 0
        assert swa(*SMALL, "--scales", "0", "0.0").code == 0
        assert len(evaluation.evaluated) == 1

    def test_what_is_skipped_has_no_options_that_act(self, swa, evaluation):
        assert swa(*SMALL, "--skip-accuracy").code == 0
        assert swa(*SMALL, "--skip-accuracy", "--accuracy-samples", "7", "--num-fewshot", "2").code == 0
        assert swa(*SMALL, "--skip-perplexity").code == 0
        assert swa(*SMALL, "--skip-perplexity", "--protocol", "windows", "--perplexity-samples", "7").code == 0
        assert len(evaluation.evaluated) == 2

    @pytest.mark.parametrize(
        "words",
        [
            ["--seed", "1"],
            ["--dataset", "builtin"],
            ["--dtype", "bfloat16"],
            ["--scales", "0.5"],
            ["--scales", "0", "0.5"],
            ["--protocol", "windows"],
            ["--perplexity-samples", "7"],
            ["--accuracy-samples", "7"],
            ["--accuracy-tasks", "mmlu"],
            ["--num-fewshot", "0"],
            ["--skip-perplexity"],
            ["--skip-accuracy"],
            ["--skip-individual"],
            ["--skip-combined"],
            ["--batch-size", "4"],
            ["--max-memory", "4GiB"],
            ["--data-dir", "data"],
            ["--super-weights", "L11.mlp.down_proj[1,2]"],
        ],
        ids=" ".join,
    )
    def test_another_question_is_answered_anew(self, swa, evaluation, words):
        swa(*SMALL)
        called = swa(*SMALL, *words)
        assert called.code == 0, called.err
        assert len(evaluation.evaluated) == 2
        assert len(FOLDER.analyses()) == 2

    @pytest.mark.parametrize(
        "words", [["--tokens", "9000"], ["--window-len", "900"], ["--stride", "100"]], ids=" ".join
    )
    def test_options_of_the_windows(self, swa, evaluation, words):
        swa(*SMALL, "--protocol", "windows")
        swa(*SMALL, "--protocol", "windows", *words)
        assert len(evaluation.evaluated) == 2

    def test_another_detection_of_the_same_super_weights_is_no_other_question(self, swa, evaluation):
        swa("evaluate", "a/x", "--skip-accuracy")
        swa("detect", "a/x", "--force")
        assert "finished already" in swa("evaluate", "a/x", "--skip-accuracy").err
        evaluation.results["a/x"] = detection([super_weight(1, 2, model="a/x")], model="a/x")
        swa("detect", "a/x", "--force")
        assert "finished already" not in swa("evaluate", "a/x", "--skip-accuracy").err

    def test_another_revision_or_other_weights_are_another_model(self, swa, evaluation, monkeypatch):
        swa(*SMALL)
        fetch = evaluation.fetch
        for change in ({"revision": "abc"}, {"revision": "abc", "fingerprint": "other"}):

            def changed(reference, change=change, **details):
                found = fetch(reference, **details)
                vars(found).update(change)
                return found

            monkeypatch.setattr("swa.models.loading.load.fetch", changed)
            swa(*SMALL)
        assert len(evaluation.evaluated) == 3

    def test_derived_files_are_made_from_the_record(self, swa, evaluation):
        swa(*SMALL)
        stamp = stamp_of(FOLDER.analyses()[0])
        derived = [
            FOLDER.combined_analysis(stamp),
            FOLDER.individual_analysis(0, stamp),
            FOLDER.plots / "impact_comparison.png",
            FOLDER.plots / "combined_analysis.png",
        ]
        before = {path: path.read_bytes() for path in derived}
        for path in derived:
            path.unlink()
        assert swa(*SMALL).code == 0
        assert {path: path.read_bytes() for path in derived} == before
        assert len(evaluation.evaluated) == 1

    def test_figures_and_items_are_those_of_the_newest(self, swa, evaluation):
        swa(*SMALL, "--seed", "1")
        swa(*SMALL, "--skip-combined")
        assert not (FOLDER.plots / "combined_analysis.png").exists()
        older = swa(*SMALL, "--seed", "1")
        assert "finished already" in older.err
        assert "combined analysis: " in older.out
        assert "impact comparison: " not in older.out
        assert "items: " not in older.out
        assert not (FOLDER.plots / "combined_analysis.png").exists()

    @pytest.mark.parametrize("content", ["", "{", '{"record": "ModelAnalysis", "schema_version": 2}'])
    def test_a_broken_record_is_named_and_computed_anew(self, swa, evaluation, content):
        swa(*SMALL)
        (record,) = FOLDER.analyses()
        record.write_text(content)
        called = swa(*SMALL)
        assert called.code == 0
        assert f"'{record}' is no valid analysis" in called.err
        assert evaluation.computed == UNITS

    def test_a_record_of_the_python_interface_is_no_finished_run(self, swa, evaluation):
        swa(*SMALL)
        (record,) = FOLDER.analyses()
        content = json.loads(record.read_text())
        del content["run"]
        record.write_text(json.dumps(content))
        called = swa(*SMALL)
        assert called.code == 0
        assert "no valid" not in called.err
        assert len(FOLDER.analyses()) == 2

    def test_a_record_of_the_call_is_made_anew_where_it_is_gone(self, swa, evaluation):
        swa(*SMALL)
        (complete,) = ResultsFolder(ROOT).complete_analyses()
        complete.unlink()
        assert swa(*SMALL).code == 0
        (again,) = ResultsFolder(ROOT).complete_analyses()
        assert json.loads(again.read_text())["models"][0]["model"] == "a/x"

    def test_models_that_were_finished_apart_are_put_together(self, swa, evaluation):
        words = ("--skip-accuracy", *FIRST)
        swa("evaluate", "a/x", *words)
        swa("evaluate", "b/y", *words)
        called = swa("evaluate", "a/x", "b/y", *words, "--json")
        assert len(evaluation.loaded) == 2
        complete = json.loads(Path(called.json["models"][1]["files"]["complete_analysis"]).read_text())
        assert [model["model"] for model in complete["models"]] == ["a/x", "b/y"]
        figure = ROOT / "summary_plots/model_comparison.png"
        figure.unlink()
        assert swa("evaluate", "a/x", "b/y", *words).code == 0
        assert figure.exists()
        assert len(ResultsFolder(ROOT).complete_analyses()) == 3


class TestInterrupted:
    def test_it_goes_on_where_it_stopped_under_the_same_name(self, swa, evaluation):
        interrupted(swa, evaluation)
        config = json.loads(FOLDER.run_config.read_text())["evaluate"]
        assert config["status"] == "interrupted"
        assert FOLDER.analyses() == []
        assert not ResultsFolder(ROOT).complete_analyses()
        called = swa(*SMALL)
        assert called.code == 0
        assert evaluation.computed == UNITS
        (record,) = FOLDER.analyses()
        assert stamp_of(record) == config["stamp"]
        assert [path.name for path in FOLDER.logs.iterdir()] == [f"analysis_{config['stamp']}.log"]

    @pytest.mark.parametrize("status", ["started", "failed", "interrupted", "partial"])
    def test_however_it_ended(self, swa, evaluation, status):
        interrupted(swa, evaluation)
        config = json.loads(FOLDER.run_config.read_text())
        config["evaluate"] |= {"status": status, "ended": None, "stamp": "20200101_000000"}
        FOLDER.run_config.write_text(json.dumps(config))
        assert swa(*SMALL).code == 0
        assert [path.name for path in FOLDER.analyses()] == ["analysis_20200101_000000.json"]

    @pytest.mark.parametrize(
        "words",
        [["--seed", "1"], ["--scales", "0.5"], ["--dataset", "builtin"], ["--all-candidates"], ["--screen", "spike"]],
        ids=" ".join,
    )
    def test_another_question_has_its_own_name(self, swa, evaluation, words):
        interrupted(swa, evaluation)
        stamp = json.loads(FOLDER.run_config.read_text())["evaluate"]["stamp"]
        assert swa(*SMALL, *words).code == 0
        assert stamp_of(FOLDER.analyses()[0]) != stamp

    def test_a_run_config_that_is_broken_is_written_anew(self, swa, evaluation):
        interrupted(swa, evaluation)
        FOLDER.run_config.write_text("{")
        called = swa(*SMALL)
        assert called.code == 0
        assert "is not valid and is written anew" in called.err
        assert evaluation.computed == UNITS

    def test_an_answer_that_cannot_be_read_is_said_and_computed_again(self, swa, evaluation):
        interrupted(swa, evaluation, after=2)
        (path,) = (path for path in FOLDER.units.iterdir() if '"hellaswag"' in path.read_text())
        path.write_bytes(path.read_bytes()[:-10])
        called = swa(*SMALL)
        assert f"'{path}' cannot be read; its part is computed again" in called.err
        assert evaluation.computed == ["perplexity", "hellaswag", "hellaswag", "gsm8k"]

    def test_a_detection_that_was_finished_is_not_made_again(self, swa, evaluation):
        evaluation.dies_after = 0
        assert swa("evaluate", "a/x", "--skip-accuracy").code == 130
        evaluation.dies_after = None
        assert swa("evaluate", "a/x", "--skip-accuracy").code == 0
        assert evaluation.detected == ["a/x"]
        assert len(FOLDER.detections()) == len(FOLDER.analyses()) == 1
        assert FOLDER.detections()[0].stem.removeprefix("detection_") == stamp_of(FOLDER.analyses()[0])


class TestForce:
    def test_everything_is_computed_again_under_a_new_name(self, swa, evaluation):
        swa(*SMALL)
        called = swa(*SMALL, "--force")
        assert called.code == 0
        assert evaluation.computed == UNITS * 2
        assert len(FOLDER.analyses()) == 2
        assert len(ResultsFolder(ROOT).complete_analyses()) == 2
        assert len(list(FOLDER.units.iterdir())) == len(UNITS)

    def test_answers_of_an_interrupted_run_are_not_used(self, swa, evaluation):
        interrupted(swa, evaluation, after=2)
        stamp = json.loads(FOLDER.run_config.read_text())["evaluate"]["stamp"]
        assert swa(*SMALL, "--force").code == 0
        assert evaluation.computed == ["perplexity", "hellaswag", *UNITS]
        assert stamp_of(FOLDER.analyses()[0]) != stamp

    def test_an_interrupted_one_leaves_the_finished_one(self, swa, evaluation):
        swa(*SMALL)
        interrupted(swa, evaluation, "--force", after=4)
        assert evaluation.computed == [*UNITS, "perplexity"]
        assert "finished already" in swa(*SMALL).err
        assert len(FOLDER.analyses()) == 1

    def test_the_detection_is_not_made_again(self, swa, evaluation):
        swa("evaluate", "a/x", "--skip-accuracy")
        swa("evaluate", "a/x", "--skip-accuracy", "--force")
        assert evaluation.detected == ["a/x"]
        assert len(evaluation.evaluated) == 2
