"""`swa cascade` on a tiny model: files, finished work, other configurations, interruptions, what is shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from swa.cli.tables.cascade_show import N_SHOWN, show
from swa.cli.terminal.output import Output
from swa.runs.driver.step import Outcome
from swa.schemas.registry import json_schema, parse_record
from swa.schemas.validation import validate_file
from swa.store.ledger import FileLedger
from swa.store.names import model_folder_name
from swa.store.vocab_tree import VocabFolder
from tests.support.artifacts import header
from tests.support.cards import cascade_result
from tests.support.dying import full_after, raising
from tests.support.helpful import COORDINATE as ONE
from tests.support.records import files_below, super_weight

ROOT = Path("results/vocab-analysis")
TWO = "L2.mlp.c_proj[6,9]"
TEXT = ("--dataset", "builtin", "--tokens", "60", "--window-len", "30", "--stride", "30", "--batch-size", "2")
NAMED = (*TEXT, "--super-weights", ONE)
BOTH = (*NAMED, "--super-weights", TWO)


@pytest.fixture
def folder(helpful) -> VocabFolder:
    return VocabFolder(ROOT, model_folder_name(helpful, Path(helpful)))


@pytest.fixture
def figure(folder) -> Path:
    return folder.super_weight_plots / "mlp_out-L1-R5-C9-cascade.png"


@pytest.fixture
def cascade(swa, helpful):
    def call(*words: str):
        return swa("cascade", helpful, *words)

    return call


@pytest.fixture(scope="module")
def original(elsewhere, helpful):
    return elsewhere("cascade", helpful, *BOTH, "--layers", "all")


@pytest.fixture
def first(original):
    """The call of a whole cascade; its files are in this test's folder."""
    called, place = original
    shutil.copytree(place, ".", dirs_exist_ok=True)
    return called


def records(folder: VocabFolder) -> list[dict]:
    return [json.loads(line) for line in folder.cascade_results.read_text().splitlines()]


def block(path: Path) -> dict:
    return json.loads(path.read_text())["cascade"]


@pytest.mark.usefixtures("first")
class TestFiles:
    def test_names(self, folder, figure):
        other = "mlp_out-L2-R6-C9-cascade.png"
        assert {path.name for path in folder.super_weight_plots.iterdir()} == {figure.name, other}
        assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.super_weight_plots.iterdir())
        assert {path.name for path in ROOT.iterdir()} - {".lock"} == {folder.name, "run_config.json", "README.md"}
        assert {path.name for path in folder.cascade_metrics.iterdir()} == {"cascade.jsonl"}
        assert f"[{folder.name}]({folder.name}) |  |  | 2 |  |" in (ROOT / "README.md").read_text()

    def test_records(self, folder):
        planted, other = records(folder)
        assert [planted["coordinate"], other["coordinate"]] == [ONE, TWO]
        assert planted["run"]["command"] == "cascade"
        assert planted["run"]["windows"]["n_windows"] == 3
        assert "configurations" not in planted["run"]
        assert planted["cascade"]["layers"] == [0, 1, 2, 3]
        assert planted["cascade"]["delta_entropy"][0] == 0.0
        assert planted["h_row_removed"][1] < 0.1 * planted["h_row_baseline"][1]
        for path in (path for path in ROOT.rglob("*.json*") if "ledger" not in path.parts):
            assert validate_file(path).problems == (), path
        for record in (planted, other):
            jsonschema.validate(record, json_schema("CascadeResult"))
        for path in (folder.run_config, ROOT / "run_config.json"):
            assert block(path)["status"] == "complete"
            assert block(path)["windows"]["tokens"] == 60


@pytest.mark.usefixtures("undrawn")
class TestAgain:
    def test_nothing_is_loaded_computed_or_written(self, cascade, first, folder, monkeypatch):
        monkeypatch.setattr("swa.models.loading.load.load_model", raising(AssertionError("nothing is missing")))
        before = files_below(ROOT)
        again = cascade(*BOTH, "--layers", "all")
        assert again.out == first.out
        for words in (("--seed", "7", "--spike-threshold", "3", "-v"), ("--config", str(folder.run_config))):
            assert "finished already" in cascade(*BOTH, "--layers", "all", *words).err
        called = cascade(*BOTH, "--layers", "all", "--json")
        parse_record(called.out, "CommandResult")
        (model,) = called.json["models"]
        assert (called.json["command"], model["n_candidates"]) == ("cascade", 2)
        assert model["headline"]["largest_kl"] > 1
        assert {"cascade", "figures", "readme"} <= model["files"].keys()
        assert all(Path(path).exists() for path in model["files"].values())
        assert files_below(ROOT) == before

    def test_records_that_are_there_are_kept_and_their_figures_made_again(self, cascade, folder, figure):
        assert cascade(*NAMED).code == 0
        before = folder.cascade_results.read_text()
        figure.unlink()
        assert cascade(*BOTH).code == 0
        assert folder.cascade_results.read_text().startswith(before)
        assert [record["coordinate"] for record in records(folder)] == [ONE, TWO]
        assert figure.exists()

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ((*NAMED, "--layers", "3"), "--layers was all and is now 3"),
            ((*NAMED, "--layers", "all", "--dtype", "bfloat16"), "--dtype was float32 and is now bfloat16"),
        ],
        ids=["layers", "dtype"],
    )
    @pytest.mark.usefixtures("first")
    def test_another_configuration_is_refused_and_force_replaces(self, cascade, folder, figure, words, says):
        called = cascade(*words)
        assert called.code == 2, called.err
        assert says in called.err
        assert cascade(*words, "--force").code == 0
        assert [record["coordinate"] for record in records(folder)] == [ONE]
        assert [*folder.super_weight_plots.iterdir()] == [figure]
        assert "finished already" in cascade(*words).err

    def test_killed_before_the_figures(self, cascade, folder, monkeypatch):
        with monkeypatch.context() as dying:
            dying.setattr("swa.reports.plots.style.png", raising(KeyboardInterrupt()))
            assert cascade(*BOTH).code == 130
        assert block(folder.run_config)["status"] == "interrupted"
        assert len(records(folder)) == 2
        assert "finished already" in cascade(*BOTH).err
        assert len(list(folder.super_weight_plots.iterdir())) == 2
        assert block(folder.run_config)["status"] == "complete"

    def test_a_full_disk(self, cascade, folder, monkeypatch):
        with monkeypatch.context() as failing:
            failing.setattr(FileLedger, "put", full_after(1))
            called = cascade(*NAMED, "--batch-size", "1")
        assert called.code == 7
        assert "is kept in" in called.err
        kept = files_below(folder.ledger)
        assert len(kept) == 1
        assert cascade(*NAMED, "--batch-size", "1").code == 0
        assert kept.items() <= files_below(folder.ledger).items()


def test_a_layer_that_is_not_there(cascade):
    called = cascade(*NAMED, "--layers", "4")
    assert called.code == 2
    assert "the model has 0 to 3" in called.err


@pytest.mark.usefixtures("undrawn")
def test_beside_vocab_in_one_folder_the_newest_has_the_figure(swa, helpful, cascade, figure, monkeypatch):
    def draw(block, *, title, layer, residual=None):
        return "of a card" if residual is None else "of a cascade"

    def drawn(command, *words):
        called = swa(command, helpful, *BOTH, *words)
        assert called.code == 0, called.err
        return figure.read_text(), "finished already" in called.err

    monkeypatch.setattr("swa.reports.plots.cascade.draw", draw)
    vocab = ("vocab", "--enable-cascade")
    assert drawn(*vocab) == ("of a card", False)
    assert drawn("cascade") == ("of a cascade", False)
    assert drawn(*vocab) == ("of a cascade", True)
    assert drawn(*vocab, "--force") == ("of a card", False)
    assert drawn("cascade") == ("of a card", True)
    assert drawn("cascade", "--force") == ("of a cascade", False)
    assert json.loads((figure.parents[2] / "run_config.json").read_text()).keys() >= {"vocab", "cascade"}
    assert "| 2 | 2 | 2 |  |" in (ROOT / "README.md").read_text()


@pytest.mark.usefixtures("undrawn")
class TestDetection:
    def test_where_nothing_is_known_it_detects(self, cascade, folder):
        called = cascade(*TEXT, "--screen", "spike", "--json")
        assert called.code == 0, called.err
        (model,) = called.json["models"]
        assert (model["n_candidates"], model["n_confirmed"]) == (1, 1)
        assert [model["files"]["detection"]] == [*map(str, folder.detections())]

    def test_a_model_without_super_weights(self, cascade, helpful, folder):
        words = (*TEXT, "--screen", "spike", "--spike-threshold", "1e9")
        called = cascade(*words)
        assert called.code == 0, called.err
        assert f"{helpful}: no super weights" in called.out
        assert folder.cascade_results.read_bytes() == b""
        assert "finished already" in cascade(*words).err


def test_a_table_of_layers_for_each_super_weight(capsys):
    results = [cascade_result(super_weight(number, 2)) for number in range(N_SHOWN + 5)]
    done = Outcome(results, header("cascade"), Path("results"), {"cascade": "cascade.jsonl"}, is_new=True)
    show(done, Output())
    out = capsys.readouterr().out
    rows = [line.split()[:6] for line in out.splitlines() if line.strip()[:2] in ("0 ", "10", "11")]
    assert rows[:3] == [
        ["0"] * 6,
        ["10", "0", "0", "0", "10.0", "10.0"],
        ["11", "+0.100", "−0.0100", "0.100", "11.0", "11.0"],
    ]
    assert len(rows) == 3 * N_SHOWN
    assert out.index("[0,2], by layer") < out.index("[1,2], by layer")
    assert "and 5 super weights more in cascade.jsonl (-v shows all)" in out
