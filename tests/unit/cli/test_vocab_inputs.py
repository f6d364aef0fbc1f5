"""What `swa vocab` and `swa cascade` work on: a detection, a text, several models."""

from __future__ import annotations

import csv
import io
import json
import shutil
import weakref
from pathlib import Path

import pytest

from swa.errors import UnavailableError
from swa.models.loading import load as loading
from swa.schemas.registry import parse_record
from swa.schemas.validation import validate_file
from swa.store.names import model_folder_name
from swa.store.vocab_tree import VocabFolder
from tests.support.dying import raising
from tests.support.helpful import COORDINATE as ONE

pytestmark = pytest.mark.usefixtures("undrawn")
ROOT = Path("results/vocab-analysis")
TWO = "L2.mlp.c_proj[6,9]"
WINDOWS = ("--dataset", "builtin", "--tokens", "200", "--window-len", "40", "--stride", "20", "--batch-size", "4")
BOTH = ("--super-weights", ONE, "--super-weights", TWO)


@pytest.fixture
def folder(helpful) -> VocabFolder:
    return VocabFolder(ROOT, model_folder_name(helpful, Path(helpful)))


@pytest.fixture
def unloadable(monkeypatch) -> None:
    """Weights cannot be loaded."""
    monkeypatch.setattr(loading, "load_model", raising(UnavailableError("The weights are not here.")))


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def block(path: Path) -> dict:
    return json.loads(path.read_text())["vocab"]


class TestDetection:
    @pytest.fixture
    def search(self, helpful):
        return (helpful, *WINDOWS, "--screen", "spike")

    def test_where_nothing_is_known_it_detects_and_writes_the_record_there(self, swa, search, folder):
        called = swa("vocab", *search, "--json")
        assert called.code == 0, called.err
        (record,) = folder.detections()
        (model,) = called.json["models"]
        assert (model["n_candidates"], model["n_confirmed"]) == (1, 1)
        assert model["files"]["detection"] == str(record)
        assert (folder.plots / "detection_iterations.png").exists()
        assert not folder.logs.exists()
        assert json.loads(folder.run_config.read_text()).keys() >= {"detect", "vocab"}
        assert [card["coordinate"] for card in lines(folder.super_weight_cards)] == [ONE]
        assert not Path("results/comprehensive_super_weight_analysis").exists()
        swa("vocab", *search, "--force")
        assert folder.detections() == [record]

    def test_one_of_the_default_folder_is_found(self, swa, helpful, search, folder):
        assert swa("detect", helpful, *WINDOWS[:2], "--screen", "spike").code == 0
        called = swa("vocab", *search)
        assert called.code == 0, called.err
        assert "from 'results/comprehensive_super_weight_analysis/" in called.err
        assert not folder.data.exists()

    def test_a_model_without_super_weights_has_empty_files(self, swa, search, helpful, folder):
        none = ("--spike-threshold", "1e9")
        called = swa("vocab", *search, *none, "-q")
        assert (called.code, called.err) == (0, "")
        assert folder.super_weight_cards.read_bytes() == folder.neuron_cards.read_bytes() == b""
        assert len(folder.super_weight_table.read_text().splitlines()) == 1
        assert f"{helpful}: no super weights, no neurons" in called.out
        assert "windows" not in block(folder.run_config)
        for path in (path for path in ROOT.rglob("*.json*") if "ledger" not in path.parts):
            assert validate_file(path).problems == (), path
        assert "finished already" in swa("vocab", *search, *none).err
        # an empty file takes records of any configuration
        assert "finished already" in swa("vocab", *search, *none, "--tokens", "70").err
        assert swa("vocab", helpful, *WINDOWS, "--super-weights", TWO, "--tokens", "70").code == 0
        assert block(folder.run_config)["configurations"]["super_weights"]["values"]["tokens"] == 70


class TestText:
    @pytest.mark.parametrize("command", ["vocab", "cascade"])
    def test_one_without_a_window_is_refused(self, swa, helpful, unloadable, command):
        Path("text.txt").write_text("a")
        called = swa(command, helpful, *BOTH, "--dataset", "text.txt")
        assert called.code == 2
        assert "no window to score" in called.err

    @pytest.mark.parametrize("command", ["vocab", "cascade"])
    def test_what_is_clamped_is_said_once_and_before_the_model_is_loaded(self, swa, helpful, command, request):
        Path("text.txt").write_text("What a model reads. " * 20)
        words = (command, helpful, "--super-weights", ONE, "--dataset", "text.txt", "--tokens", "999999")
        whole = swa(*words, "--window-len", "4096")
        assert whole.code == 0, whole.err
        request.getfixturevalue("unloadable")
        for called in (whole, swa(*words, "--window-len", "4096", "--force")):
            assert called.err.count("The window was clamped from 4096 to ") == 1
            assert called.err.count("--tokens was clamped from 999999 to") == 1

    def test_a_bootstrap_of_few_windows_is_warned_of_before_the_model_is_loaded(self, swa, helpful, unloadable):
        words = ("vocab", helpful, *WINDOWS, "--super-weights", ONE)
        assert "--bootstrap has 10 windows to draw from" in swa(*words, "--bootstrap", "9").err
        assert "--bootstrap has" not in swa(*words).err


class TestModels:
    @pytest.fixture
    def second(self, helpful) -> str:
        shutil.copytree(helpful, "=cmd")  # a name that is no formula
        return "=cmd"

    @pytest.mark.parametrize(("command", "words"), [("vocab", ("--neurons", "0:1")), ("cascade", BOTH[2:])])
    def test_each_is_freed_before_the_next_is_loaded(self, swa, helpful, second, monkeypatch, command, words):
        load, seen, alive = loading.load_model, [], []

        def watched(*args, **options):
            alive.append([one() is not None for one in seen])
            loaded = load(*args, **options)
            seen.extend((weakref.ref(loaded), weakref.ref(loaded.model)))
            return loaded

        monkeypatch.setattr(loading, "load_model", watched)
        assert swa(command, helpful, second, *WINDOWS, *words).code == 0
        assert alive == [[], [False, False]]

    def test_a_summary_of_all(self, swa, helpful, second, folder):
        words = (*WINDOWS, "--super-weights", ONE)
        assert swa("vocab", second, *words).code == 0
        called = swa("vocab", helpful, "--models", second, *words)
        assert called.err.count("finished already") == 1
        summary = parse_record((ROOT / "cross_model_summary.json").read_bytes(), "CrossModelSummary")
        assert [(one.model, one.n_super_weights, one.n_neurons) for one in summary.models] == [
            (helpful, 1, 1),
            (second, 1, 1),
        ]
        assert summary.run.model == f"{helpful}, {second}"
        assert block(ROOT / "run_config.json")["options"]["models"]["value"] == [helpful, second]
        assert f"| [{folder.name}]({folder.name}) | 1 | 1 |  |  |" in (ROOT / "README.md").read_text()
        (table,) = (path for path in ROOT.glob("*/summaries/super_weights.csv") if folder.name not in path.parts)
        assert next(csv.DictReader(io.StringIO(table.read_text())))["model"] == "'=cmd"

    def test_one_fails(self, swa, helpful):
        called = swa("vocab", "./nothing", helpful, *WINDOWS, "--super-weights", ONE)
        assert called.code == 7
        assert block(ROOT / "run_config.json")["status"] == "partial"
