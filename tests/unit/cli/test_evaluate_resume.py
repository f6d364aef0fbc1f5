"""`swa evaluate` again: finished runs, interrupted ones, one more of something, --force."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from swa.schemas.registry import parse_record
from swa.store.ledger import FileLedger
from swa.store.names import model_folder_name
from swa.store.results import ResultsFolder
from swa.store.tree import ModelFolder
from tests.support.helpful import COORDINATE
from tests.support.records import files_below
from tests.support.tiny_checkpoint import write_tiny_checkpoint
from tests.support.tiny_models import build
from tests.unit.conftest import undraw

ROOT = Path("results/comprehensive_super_weight_analysis")
TEXT = ("--dataset", "builtin", "--perplexity-samples", "4", "--max-memory", "4GiB")
TASK = ("--accuracy-tasks", "builtin_choices", "--accuracy-samples", "2")
NAMED = ("--super-weights", COORDINATE)
WORDS = (*TEXT, *TASK, *NAMED)
OTHER = ("--super-weights", "L2.mlp.c_proj[1,2]")
N_ITEMS = 6
"""Of texts and of the task: their layout, the intact model, the super weight, which is all of them together too."""
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def folder(helpful) -> ModelFolder:
    return ModelFolder(ROOT, model_folder_name(helpful, Path(helpful)))


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


def stamp_of(path: Path) -> str:
    return path.stem.split("analysis_")[1]


def answers(folder: ModelFolder) -> dict[Path, int]:
    """When each answer of an item was written."""
    return {path: path.stat().st_mtime_ns for path in folder.ledger.iterdir()}


@contextmanager
def interrupted_after(is_time: Callable[[FileLedger], object]) -> Iterator[None]:
    """The process is interrupted before it keeps its next answer."""
    put = FileLedger.put

    def interrupting(ledger, key, answer):
        if is_time(ledger):
            raise KeyboardInterrupt
        put(ledger, key, answer)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FileLedger, "put", interrupting)
        yield


@pytest.fixture
def interrupted(swa, helpful):
    def call(*words: str, after: int = 1) -> None:
        with interrupted_after(lambda ledger: ledger.n_kept == after):
            assert swa("evaluate", helpful, *WORDS, *words).code == 130

    return call


def block_of(folder: ModelFolder) -> dict:
    return json.loads(folder.run_config.read_text())["evaluate"]


def change_block(folder: ModelFolder, **changes) -> dict:
    """Another state of the last run; the whole content."""
    config = json.loads(folder.run_config.read_text())
    config["evaluate"] |= changes
    folder.run_config.write_text(json.dumps(config))
    return config


class TestFinished:
    def test_nothing_is_loaded_computed_or_written(self, swa, helpful, plain, finished, monkeypatch):
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
    def test_other_words_for_it_and_options_that_do_not_act(self, evaluate, finished, folder, words):
        assert "finished already" in evaluate(*WORDS, *words.split()).err
        assert len(folder.analyses()) == 1

    def test_a_kill_between_the_record_and_its_end_is_made_good(self, evaluate, finished, folder):
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
    def test_another_question_computes_what_it_lacks(self, evaluate, finished, folder, words, n_new):
        before = answers(folder)
        assert len(before) == N_ITEMS
        assert "finished already" not in evaluate(*WORDS, *words).err
        after = answers(folder)
        assert before.items() <= after.items()
        assert len(after) - len(before) == n_new
        new, old = (parse_record(path.read_bytes(), "ModelAnalysis") for path in folder.analyses())
        if n_new < N_ITEMS and "--skip-perplexity" not in words:
            assert new.baseline.perplexity == old.baseline.perplexity
            assert new.individual[0].perplexity == old.individual[0].perplexity

    def test_another_detection_of_the_same_super_weights_is_no_other_question(self, swa, helpful, evaluate, folder):
        search = ("--screen", "spike", "--screen-top", "4", "--max-iterations", "1", "--no-confirm", "--dataset")
        words = (*TEXT, "--skip-accuracy")
        evaluate(*words, "--screen", "spike", "--no-confirm")
        assert swa("detect", helpful, *search, "builtin").code == 0
        assert len(folder.detections()) == 2
        called = evaluate(*words)
        assert "finished already" in called.err
        assert f"detection: {folder.detections()[0]}" in called.out

    def test_other_weights_under_the_same_name_are_another_model(self, swa, finished):
        for seed in "12":
            write_tiny_checkpoint(Path("model"), model=build("gpt2", seed=int(seed)))
            called = swa("evaluate", "./model", *WORDS)
            assert called.code == 0, called.err
            assert "finished already" not in called.err
        assert len({path.read_bytes() for path in ROOT.glob("model-*/data/analysis_*.json")}) == 2

    def test_what_follows_from_the_records_is_made_from_them(self, swa, helpful, plain, finished, folder):
        stamp = stamp_of(folder.analyses()[0])
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
        computed = answers(folder)
        again = swa("evaluate", helpful, plain, *WORDS)
        assert "finished already" in again.err
        assert {path: path.read_bytes() for path in derived} == before
        assert answers(folder) == computed

    def test_figures_and_items_are_those_of_the_newest(self, evaluate, finished, folder):
        evaluate(*WORDS, "--skip-combined")
        assert not (folder.plots / "combined_analysis.png").exists()
        older = evaluate()
        assert "finished already" in older.err
        assert "combined analysis: " in older.out
        assert "impact comparison: " not in older.out
        assert "items: " not in older.out
        assert not (folder.plots / "combined_analysis.png").exists()

    @pytest.mark.parametrize("content", ["", '{"record": "ModelAnalysis", "schema_version": 2}'])
    def test_a_broken_record_is_named_and_made_anew(self, evaluate, finished, folder, content):
        (record,) = folder.analyses()
        record.write_text(content)
        computed = answers(folder)
        assert f"'{record}' is no valid analysis" in evaluate().err
        assert len(folder.analyses()) == 2
        assert answers(folder) == computed

    def test_a_record_of_the_python_interface_is_no_finished_run(self, evaluate, finished, folder):
        (record,) = folder.analyses()
        content = json.loads(record.read_text())
        del content["run"]
        record.write_text(json.dumps(content))
        assert "no valid" not in evaluate().err
        assert len(folder.analyses()) == 2

    def test_a_record_of_the_call_is_made_anew_where_it_is_gone(self, swa, helpful, plain, finished):
        (complete,) = ResultsFolder(ROOT).complete_analyses()
        before = json.loads(complete.read_text())
        complete.unlink()
        assert swa("evaluate", helpful, plain, *WORDS).code == 0
        (again,) = ResultsFolder(ROOT).complete_analyses()
        assert json.loads(again.read_text())["models"] == before["models"]

    def test_models_that_were_finished_apart_are_put_together(self, swa, helpful, plain, finished):
        called = swa("evaluate", plain, helpful, *WORDS, "--json")
        assert called.err.count("finished already") == 2
        complete = json.loads(Path(called.json["models"][1]["files"]["complete_analysis"]).read_text())
        assert [model["model"] for model in complete["models"]] == [plain, helpful]
        assert len(ResultsFolder(ROOT).complete_analyses()) == 2


class TestInterrupted:
    def test_it_goes_on_where_it_stopped_under_the_same_name(self, evaluate, interrupted, folder):
        interrupted(after=3)
        block, begun = block_of(folder), answers(folder)
        assert block["status"] == "interrupted"
        assert len(begun) == 3
        assert folder.analyses() == ResultsFolder(ROOT).complete_analyses() == []
        evaluate()
        assert begun.items() <= answers(folder).items()
        assert len(answers(folder)) == N_ITEMS
        (record,) = folder.analyses()
        assert stamp_of(record) == block["stamp"]
        assert [path.name for path in folder.logs.iterdir()] == [f"analysis_{block['stamp']}.log"]

    def test_so_it_does_after_a_kill(self, evaluate, interrupted, folder):
        interrupted()
        change_block(folder, status="started", ended=None, stamp="20200101_000000")
        evaluate()
        assert [path.name for path in folder.analyses()] == ["analysis_20200101_000000.json"]

    def test_another_question_has_its_own_name(self, evaluate, interrupted, folder):
        interrupted()
        stamp = block_of(folder)["stamp"]
        evaluate(*WORDS, "--scales", "0.5")
        assert stamp_of(folder.analyses()[0]) != stamp

    def test_a_run_config_that_is_broken_is_written_anew(self, evaluate, interrupted, folder):
        interrupted()
        begun = answers(folder)
        folder.run_config.write_text("{")
        assert "is not valid and is written anew" in evaluate().err
        assert begun.items() <= answers(folder).items()

    def test_an_answer_that_cannot_be_read_is_said_and_computed_again(self, evaluate, interrupted, folder):
        interrupted(after=2)
        path, *_ = (path for path in folder.ledger.iterdir() if '"answers"' in path.read_text())
        whole = json.loads(path.read_text())
        path.write_bytes(path.read_bytes()[:-10])
        assert f"'{path}' cannot be read; its part is computed again" in evaluate().err
        assert json.loads(path.read_text())["values"] == whole["values"]
        assert len(answers(folder)) == N_ITEMS

    def test_answers_of_other_versions_are_computed_again(self, evaluate, interrupted, folder, monkeypatch):
        interrupted(after=3)
        monkeypatch.setattr("swa.engine.ledger.number_versions", lambda: {"torch": "another"})
        evaluate()
        assert len(answers(folder)) == 3 + N_ITEMS

    def test_a_detection_that_was_finished_is_not_made_again(self, swa, helpful, evaluate, folder):
        words = (*TEXT, "--skip-accuracy", "--screen", "spike", "--no-confirm")
        with interrupted_after(lambda _ledger: folder.detections()):
            assert swa("evaluate", helpful, *words).code == 130
        evaluate(*words)
        evaluate(*words, "--force")
        assert len(folder.detections()) == 1
        assert len(folder.analyses()) == 2
        assert folder.detections()[0].stem.removeprefix("detection_") == min(map(stamp_of, folder.analyses()))


class TestForce:
    def test_everything_is_computed_again_under_a_new_name(self, evaluate, finished, folder):
        before = answers(folder)
        evaluate(*WORDS, "--force")
        after = answers(folder)
        assert after.keys() == before.keys()
        assert not after.items() & before.items()
        assert len(folder.analyses()) == 2
        assert len(ResultsFolder(ROOT).complete_analyses()) == 2

    def test_an_interrupted_run_is_not_gone_on_with(self, evaluate, interrupted, folder):
        interrupted(after=2)
        stamp, begun = block_of(folder)["stamp"], answers(folder)
        evaluate(*WORDS, "--force")
        assert not begun.items() & answers(folder).items()
        assert stamp_of(folder.analyses()[0]) != stamp

    def test_an_interrupted_one_leaves_the_finished_one(self, evaluate, interrupted, finished, folder):
        interrupted("--force")
        assert "finished already" in evaluate().err
        assert len(folder.analyses()) == 1
