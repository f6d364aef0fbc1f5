"""`swa run` does what its steps do alone, once, and ends as they do."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from swa.errors import UnsupportedModelError
from swa.models.loading import load
from swa.runs.driver.keys import values_of
from swa.runs.steps import detect, evaluate, vocab
from swa.runs.steps.whole_end import merged
from swa.schemas.registry import parse_record
from swa.schemas.validation import validate_file
from swa.store.results import RunFolder
from tests.support.helpful import COORDINATE
from tests.support.records import files_below

FOLDER = RunFolder(Path("results"))
TEXT = ("--dataset", "builtin", "--batch-size", "4")
SEARCH = ("--screen", "spike", "--max-iterations", "2")
EVALUATE = ("--skip-accuracy", "--perplexity-samples", "5")
VOCAB = ("--tokens", "200", "--window-len", "40", "--stride", "20", "--bootstrap", "50")
WORDS = (*TEXT, *SEARCH, *EVALUATE, *VOCAB)


@pytest.fixture(scope="module")
def original(swa, helpful, tmp_path_factory):
    """The whole way, really gone, and how often it loaded the model."""
    place = tmp_path_factory.mktemp("whole")
    loads = []
    load_model = load.load_model

    def counted(*args, **details):
        loads.append(args)
        return load_model(*args, **details)

    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        patched.setattr(load, "load_model", counted)
        called = swa("run", helpful, *WORDS)
    assert called.code == 0, called.err
    return SimpleNamespace(called=called, place=place, n_loads=len(loads))


@pytest.fixture
def first(original):
    """That run; its files are in this test's folder."""
    shutil.copytree(original.place, ".", dirs_exist_ok=True)
    return original


@pytest.fixture
def whole_way(swa, helpful, undrawn):
    return lambda *words, models=(helpful,): swa("run", *models, *WORDS, *words)


@pytest.fixture
def fails(monkeypatch):
    """Lets a step fail as it is planned."""

    def failing(step, error: BaseException) -> None:
        def plan(*_args):
            raise error

        monkeypatch.setattr(step, "plan", plan)

    return failing


@pytest.fixture
def other(helpful) -> str:
    """A second model."""
    shutil.copytree(helpful, "other")
    return "./other"


def only(root: Path, pattern: str) -> Path:
    (path,) = root.glob(pattern)
    return path


def test_the_model_is_loaded_once_and_everything_is_there_and_valid(first):
    assert first.n_loads == 1
    assert only(FOLDER.evaluations.path, "helpful-*/data/detection_*.json")
    assert only(FOLDER.cards.path, "helpful-*/metrics/super_weights/super_weights.jsonl")
    assert first.called.out.splitlines()[-2:] == ["report: results/report.html", "markdown: results/report.md"]
    assert not FOLDER.comparison.exists()
    files = [path for path in Path("results").rglob("*.json*") if path.is_file()]
    assert len(files) > 8
    assert [path for path in files if validate_file(path).problems] == []


def test_the_page_shows_what_every_step_found(first):
    page = Path("results/report.html").read_text()
    titles = ("1 of 1 candidate is a super weight", "Super-weight cards", "Neuron cards", "Cascade: the")
    assert [part for part in (COORDINATE, *titles) if part not in page] == []


def test_the_steps_one_by_one_give_the_same_numbers(first, swa, helpful, undrawn):
    for command, words in (
        ("detect", (*TEXT, *SEARCH)),
        ("evaluate", (*TEXT, *EVALUATE)),
        ("vocab", (*TEXT, *SEARCH, *VOCAB, "--enable-cascade")),
    ):
        assert swa(command, helpful, *words, "--results-dir", "alone").code == 0
    for root, pattern in (
        (FOLDER.evaluations.path, "helpful-*/data/detection_*.json"),
        (FOLDER.evaluations.path, "helpful-*/data/analysis_*.json"),
        (FOLDER.cards.path, "helpful-*/metrics/super_weights/super_weights.jsonl"),
        (FOLDER.cards.path, "helpful-*/metrics/neurons/neurons.jsonl"),
    ):
        together, alone = (numbers(only(place, pattern)) for place in (root, Path("alone")))
        assert together == alone, pattern


def numbers(path: Path) -> list[dict]:
    """The records of a file without what says when and how they were made."""
    texts = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    return [{k: v for k, v in json.loads(text).items() if k not in ("run", "timings")} for text in texts]


def test_the_same_again_computes_nothing_and_says_the_same(first, swa, helpful, monkeypatch):
    monkeypatch.setattr(load, "load_model", None)
    before = {path: path.read_bytes() for path in files_below(FOLDER.path)}
    again = swa("run", helpful, *WORDS)
    assert (again.code, again.err.count("finished already")) == (0, 3)
    assert again.out.splitlines()[-2:] == first.called.out.splitlines()[-2:]
    assert {path: path.read_bytes() for path in files_below(FOLDER.path)} == before


@pytest.mark.parametrize("step", [evaluate.EvaluateStep, vocab.VocabStep])
def test_an_interrupted_run_goes_on_where_it_stopped(step, whole_way, monkeypatch):
    def interrupted(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(step, "write", interrupted)
        assert whole_way().code == 130
    kept = {path: time for path, time in files_below(FOLDER.path).items() if "ledger" in path.parts}
    assert whole_way().code == 0
    assert len(list(FOLDER.evaluations.path.glob("*/data/detection_*.json"))) == 1
    now = files_below(FOLDER.path)
    assert kept
    assert {path: now[path] for path in kept} == kept


def test_force_does_every_step_again(first, whole_way):
    assert whole_way("--force").code == 0
    for kind in ("detection", "analysis"):
        assert len(list(FOLDER.evaluations.path.glob(f"*/data/{kind}_*.json"))) == 2
    answers = list(FOLDER.path.rglob("ledger/*"))
    assert answers
    assert all(path.stat().st_mtime_ns > (first.place / path).stat().st_mtime_ns for path in answers)


def test_several_models_are_compared_and_the_object_names_every_file(first, whole_way, helpful, other):
    called = whole_way("--json", models=(helpful, other))
    assert called.code == 0, called.err
    result = parse_record(called.out, "CommandResult")
    assert (result.command, result.status) == ("run", "complete")
    assert [one.model for one in result.models] == [helpful, other]
    files = result.models[0].files
    assert all(Path(path).exists() for path in files.values())
    assert {"detection", "analysis", "super_weights", "report", "comparison", "run_config_of_run"} <= files.keys()
    assert {"largest_perplexity_ratio", "combined_ratio", "neuron_zero_delta_loss"} <= result.models[0].headline.keys()
    assert (result.models[0].n_candidates, result.models[0].n_confirmed) == (1, 1)
    block = parse_record(FOLDER.run_config.read_text(), "RunConfig").run
    assert (block.command, block.model, block.status) == ("run", f"{helpful}, {other}", "complete")


def test_its_run_config_repeats_it_and_says_whose_weights_they_were(first, swa, undrawn):
    assert swa("run", "--config", "results/run_config.json", "--results-dir", "again").code == 0
    whole_run, repeated = (
        parse_record(Path(root, "run_config.json").read_text(), "RunConfig").run for root in ("results", "again")
    )
    assert values_of(repeated.options) | {"results_dir": "results"} == values_of(whole_run.options)
    step = parse_record(only(FOLDER.evaluations.path, "helpful-*/run_config.json").read_text(), "RunConfig").detect
    assert (whole_run.weights_fingerprint, whole_run.revision) == (step.weights_fingerprint, step.revision)


def test_a_number_that_is_none_keeps_its_name():
    assert list(merged([("detect", {"loss": math.nan}), ("vocab", {"loss": 2.0})])) == ["loss", "vocab_loss"]


def test_a_step_that_fails_does_not_stop_the_others(whole_way, helpful, fails):
    fails(vocab.VocabStep, UnsupportedModelError("No pass."))
    called = whole_way("--json")
    assert called.code == 7
    assert f"{helpful}, vocab: No pass." in called.err
    assert f"Failed: {helpful}: vocab" in called.err
    assert (called.json["status"], len(called.json["models"])) == ("partial", 1)
    assert "super-weight cards: `swa vocab`" in Path("results/report.md").read_text()


def test_a_model_that_fails_does_not_stop_the_others(first, whole_way, helpful):
    called = whole_way("--json", models=(helpful, "./nothing"))
    assert (called.code, [one["model"] for one in called.json["models"]]) == (7, [helpful])
    assert not FOLDER.comparison.exists()


@pytest.mark.parametrize("words", [(), ("--super-weights", COORDINATE)])
def test_a_run_of_which_nothing_succeeds_ends_as_its_first_step(words, whole_way, fails):
    for step in (detect.DetectStep, evaluate.EvaluateStep, vocab.VocabStep):
        fails(step, UnsupportedModelError("Not this one."))
    assert whole_way(*words).code == 4


def test_models_that_could_not_be_measured_alike_are_compared_only_when_asked(
    first, whole_way, helpful, other, monkeypatch
):
    monkeypatch.setattr("swa.reports.compare.build.mismatches", lambda runs: ["texts: one in a/x; another in b/y"])
    refused = whole_way(models=(helpful, other))
    assert refused.code == 7
    assert "Failed: comparison" in refused.err
    assert whole_way("--allow-mismatch", models=(helpful, other)).code == 0


def test_only_confirmed_ones_are_shown_when_asked(first, whole_way):
    path = only(FOLDER.evaluations.path, "helpful-*/data/detection_*.json")
    record = json.loads(path.read_text())
    weight = record["super_weights"][0]
    refused = weight["confirmation"] | {"confirmed": False}
    record["super_weights"].append(weight | {"coordinate": "L1.mlp.c_proj[6,9]", "row": 6, "confirmation": refused})
    path.write_text(json.dumps(record))
    assert "L1.mlp.c_proj[6,9]" in whole_way().out
    assert "L1.mlp.c_proj[6,9]" not in whole_way("--confirmed-only").out


def test_nothing_to_evaluate_is_refused(whole_way):
    called = whole_way("--skip-perplexity")
    assert called.code == 2
    assert not FOLDER.path.exists()
