"""`swa run` on a tiny model that a super weight helps: real analyses, one page, and the same files as step by step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.cli.main import run
from swa.models.loading import load
from swa.schemas.validation import validate_file
from tests.support.helpful import COORDINATE, write_helpful_checkpoint

TEXT = ["--dataset", "builtin", "--batch-size", "4"]
SEARCH = ["--screen", "spike", "--max-iterations", "2"]
EVALUATE = ["--skip-accuracy", "--perplexity-samples", "5"]
VOCAB = ["--tokens", "200", "--window-len", "40", "--stride", "20", "--bootstrap", "50"]
WHOLE = ["run", "model", *TEXT, *SEARCH, *EVALUATE, *VOCAB, "--quiet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_helpful_checkpoint(folder / "model")
    return folder


@pytest.fixture(autouse=True)
def inside(folder, monkeypatch):
    monkeypatch.delenv("SWA_DATA_DIR", raising=False)
    monkeypatch.chdir(folder)


@pytest.fixture(scope="module")
def n_loads(folder, inside_module) -> int:
    """How often the whole way loaded the model; it is gone once here."""
    loads = []
    original = load.load_model

    def counted(*args, **details):
        loads.append(args)
        return original(*args, **details)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "load_model", counted)
        assert run(WHOLE) == 0
    return len(loads)


@pytest.fixture(scope="module")
def inside_module(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SWA_DATA_DIR", raising=False)
        patch.chdir(folder)
        yield


def numbers(path: Path) -> object:
    """A record without what says when and how it was made."""
    record = json.loads(path.read_text().splitlines()[0] if path.suffix == ".jsonl" else path.read_text())
    return {name: value for name, value in record.items() if name not in ("run", "timings")}


def only(pattern: str) -> Path:
    (path,) = Path().glob(pattern)
    return path


def test_the_model_is_loaded_once_and_every_file_is_valid(n_loads):
    assert n_loads == 1
    files = [path for path in Path("results").rglob("*.json*") if path.is_file()]
    assert len(files) > 8
    assert [path for path in files if validate_file(path).problems] == []


def test_the_page_shows_what_every_step_found(n_loads):
    page = Path("results/report.html").read_text()
    for part in (
        "1 of 1 candidate is a super weight",
        COORDINATE,
        "Super-weight cards",
        "Neuron cards",
        "Cascade: the",
    ):
        assert part in page, part


def test_the_steps_one_by_one_give_the_same_numbers(n_loads):
    alone = ["--quiet", "--results-dir"]
    assert run(["detect", "model", *TEXT, *SEARCH, *alone, "alone"]) == 0
    assert run(["evaluate", "model", *TEXT, *EVALUATE, *alone, "alone"]) == 0
    assert run(["vocab", "model", *TEXT, *VOCAB, "--enable-cascade", *SEARCH, *alone, "alone"]) == 0
    for tree, name in (
        ("comprehensive_super_weight_analysis", "data/detection_*.json"),
        ("comprehensive_super_weight_analysis", "data/analysis_*.json"),
        ("vocab-analysis", "metrics/super_weights/super_weights.jsonl"),
        ("vocab-analysis", "metrics/neurons/neurons.jsonl"),
    ):
        assert numbers(only(f"results/{tree}/model-*/{name}")) == numbers(only(f"alone/model-*/{name}")), name
