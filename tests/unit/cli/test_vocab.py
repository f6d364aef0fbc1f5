"""`swa vocab` on a tiny model: its files and what stands in them, finished work."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest

from swa.schemas.registry import json_schema, parse_record
from swa.schemas.validation import validate_file
from swa.store.names import model_folder_name
from swa.store.vocab_tree import VocabFolder
from tests.support.dying import raising
from tests.support.helpful import COORDINATE as ONE
from tests.support.records import contents, files_below

ROOT = Path("results/vocab-analysis")
TWO = "L2.mlp.c_proj[6,9]"
WINDOWS = ("--dataset", "builtin", "--tokens", "200", "--window-len", "40", "--stride", "20", "--batch-size", "4")
BOTH = ("--super-weights", ONE, "--super-weights", TWO)
MORE = ("--bootstrap", "50", "--enable-cascade", "--enable-cosine", "--enable-enrichment", "--top-tokens", "5")
WORDS = (*WINDOWS, *BOTH, *MORE, "--neurons", "0:3", "1:4", "--all-neurons")


@pytest.fixture
def folder(helpful) -> VocabFolder:
    return VocabFolder(ROOT, model_folder_name(helpful, Path(helpful)))


@pytest.fixture(scope="module")
def original(elsewhere, helpful):
    """The call of a whole analysis with its figures, and where it wrote."""
    return elsewhere("vocab", helpful, *WORDS)


@pytest.fixture
def first(original):
    """The call of that analysis; its files are in this test's folder."""
    called, place = original
    shutil.copytree(place, ".", dirs_exist_ok=True)
    return called


@pytest.fixture
def again(swa, helpful, first, monkeypatch):
    """The same call, which must load nothing."""
    monkeypatch.setattr("swa.models.loading.load.load_model", raising(AssertionError("nothing is missing")))

    def call(*words: str):
        called = swa("vocab", helpful, *WORDS, *words)
        assert called.code == 0, called.err
        return called

    return call


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def block(path: Path) -> dict:
    return json.loads(path.read_text())["vocab"]


@pytest.mark.usefixtures("first")
class TestFiles:
    def test_names(self, folder):
        stems = ("mlp_out-L1-R5-C9", "mlp_out-L2-R6-C9")
        figures = {f"{stem}-{what}.png" for stem in stems for what in ("deltas", "tokens", "cascade")}
        assert names_in(folder.super_weight_plots) == figures
        assert names_in(folder.neuron_plots) == {f"{place}-effects.png" for place in ("1-9", "2-9", "0-3", "1-4")}
        for path in [*folder.super_weight_plots.iterdir(), *folder.neuron_plots.iterdir()]:
            assert path.read_bytes().startswith(b"\x89PNG")
        own = {"metrics", "plots", "summaries", "ledger", "run_config.json", "analysis.log"}
        assert names_in(folder.path) == own
        assert names_in(folder.super_weight_metrics) == {"super_weights.jsonl"}
        assert names_in(folder.neuron_metrics) == {"neurons.jsonl", "census.parquet"}
        assert names_in(ROOT) == {folder.name, "run_config.json", "cross_model_summary.json", "README.md"}
        assert "2 super weights, 10 variants and the intact model on 10 windows" in folder.log("").read_text()

    def test_every_record_is_valid_here_and_for_a_foreign_validator(self):
        for path in (path for path in ROOT.rglob("*.json*") if "ledger" not in path.parts):
            assert validate_file(path).problems == (), path
            for record in lines(path) if path.suffix == ".jsonl" else [json.loads(path.read_text())]:
                jsonschema.validate(record, json_schema(record["record"]))

    def test_the_planted_one_stands_out(self, folder):
        planted, other = lines(folder.super_weight_cards)
        assert [planted["coordinate"], other["coordinate"]] == [ONE, TWO]
        assert abs(planted["deltas"]["loss"]) > 100 * abs(other["deltas"]["loss"])
        assert planted["bootstrap"]["loss"]["mean"] == planted["deltas"]["loss"]
        assert len(planted["controls"]["random_coords"]) == 3
        assert planted["cascade"]["delta_entropy"][-1] == pytest.approx(planted["deltas"]["entropy"], rel=1e-4)
        assert 0 < len(planted["token_shifts"]["up"]) <= 5

    def test_tables_and_census(self, folder):
        rows = list(csv.DictReader(io.StringIO(folder.super_weight_table.read_text())))
        assert [float(row["delta_loss"]) for row in rows] == [
            card["deltas"]["loss"] for card in lines(folder.super_weight_cards)
        ]
        neurons = lines(folder.neuron_cards)
        assert [(card["layer"], card["neuron"]) for card in neurons] == [(1, 9), (2, 9), (0, 3), (1, 4)]
        assert all({"moments_cos", "enrichment"} <= card.keys() for card in neurons)
        table = pq.read_table(folder.census).to_pylist()
        by_place = {(row["layer"], row["neuron"]): row for row in table}
        assert len(by_place) == len(table)
        for card in neurons:
            row = by_place[card["layer"], card["neuron"]]
            assert row["label"] == card["label"]
            # a card is float64 throughout, the census multiplies in float32: half the time, and seven digits are enough
            for name, tolerance in (("var", {"rel": 1e-5}), ("kurt", {"rel": 1e-5, "abs": 1e-5})):
                assert row[name] == pytest.approx(card["moments"][name], **tolerance)
                assert row[f"{name}_cos"] == pytest.approx(card["moments_cos"][name], **tolerance)

    def test_the_run_config_holds_what_is_effective(self, folder):
        for path in (folder.run_config, ROOT / "run_config.json"):
            assert block(path)["status"] == "complete"
            assert block(path)["windows"] == {
                "tokens": 200,
                "tokens_scored": 200,
                "window_len": 40,
                "stride": 20,
                "n_windows": 10,
                "batch_size": 4,
            }
        own = block(folder.run_config)
        assert own["configurations"].keys() == {"super_weights", "neurons", "census"}
        assert own["dataset_fingerprint"] == own["configurations"]["super_weights"]["values"]["dataset_fingerprint"]
        assert "stamp" not in own

    def test_what_is_shown(self, first, helpful, folder):
        assert f"{helpful}: 2 super weights, 4 neurons, 200 tokens in 10 windows" in first.out
        assert f"census: {folder.census}" in first.out


class TestFinished:
    def test_nothing_is_loaded_computed_or_written(self, first, again, helpful):
        before = files_below(ROOT)
        called = again()
        assert f"{helpful} is finished already" in called.err
        assert called.out == first.out
        again("-v", "--json", "--spike-threshold", "3", "--device", "cpu")
        assert files_below(ROOT) == before

    def test_nor_by_the_run_config_that_repeats_it(self, swa, again, folder):
        for path in (folder.run_config, ROOT / "run_config.json"):
            assert "finished already" in swa("vocab", "--config", str(path)).err

    def test_a_part_of_it_is_finished_too(self, swa, again, helpful):
        called = swa("vocab", helpful, *WINDOWS, *MORE, "--super-weights", TWO)
        assert "finished already" in called.err
        assert TWO in called.out
        assert ONE not in called.out
        only_neurons = swa("vocab", helpful, *MORE, "--neurons", "1:9", "--tokens", "70")
        assert "finished already" in only_neurons.err

    def test_derived_files_are_made_from_the_cards(self, again, folder):
        before = contents(ROOT)
        (folder.super_weight_plots / "mlp_out-L1-R5-C9-cascade.png").unlink()
        for path in (*folder.summaries.iterdir(), ROOT / "README.md", ROOT / "cross_model_summary.json"):
            path.unlink()
        (ROOT / "run_config.json").unlink()
        again()
        assert contents(ROOT) == before
        assert (ROOT / "cross_model_summary.json").exists()
        assert block(ROOT / "run_config.json")["status"] == "complete"

    def test_json_is_one_object(self, again):
        called = again("--json")
        assert called.out.count("\n") == 1
        parse_record(called.out, "CommandResult")
        (model,) = called.json["models"]
        assert (called.json["command"], model["n_candidates"], model["n_confirmed"]) == ("vocab", 2, 0)
        assert model["headline"]["largest_delta_loss"] > 2
        assert model["headline"]["n_neurons"] == 4
        assert {"super_weights", "neurons", "census", "cross_model_summary", "readme"} <= model["files"].keys()
        assert all(Path(path).exists() for path in model["files"].values())
