"""`swa vocab` with loading, detection and the analyses replaced: files, order, exit codes, streams."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest

from swa.errors import UnavailableError, UnsupportedModelError
from swa.schemas.moe import MoeBlock
from swa.schemas.registry import json_schema, parse_record
from swa.schemas.validation import validate_file
from swa.store.vocab_tree import VocabFolder
from tests.unit.cli.fakes import confirmation, detection, super_weight

ROOT = Path("results/vocab-analysis")
FOLDER = VocabFolder(ROOT, "fake--model")
DETECT = Path("results/comprehensive_super_weight_analysis")
ONE, TWO = "L11.mlp.down_proj[507,1229]", "L11.mlp.down_proj[10,20]"
BOTH = ("--super-weights", ONE, "--super-weights", TWO)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def table(path: Path) -> list[dict]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_files_of_an_analysis(swa, drawn_vocabulary):
    called = swa("vocab", "fake/model", *BOTH, "--bootstrap", "500", "--enable-cascade", "--neurons", "11:7")
    assert called.code == 0, called.err
    first, second = lines(FOLDER.super_weight_cards)
    assert [first["coordinate"], second["coordinate"]] == [ONE, TWO]
    assert first["bootstrap"]["loss"]["n_windows"] == 58
    assert [card["neuron"] for card in lines(FOLDER.neuron_cards)] == [1229, 20, 7]
    stems = ("mlp_out-L11-R507-C1229", "mlp_out-L11-R10-C20")
    figures = {f"{stem}-{what}.png" for stem in stems for what in ("deltas", "tokens", "cascade")}
    assert names_in(FOLDER.super_weight_plots) == figures
    assert names_in(FOLDER.neuron_plots) == {f"11-{number}-effects.png" for number in (1229, 20, 7)}
    for path in [*FOLDER.super_weight_plots.iterdir(), *FOLDER.neuron_plots.iterdir()]:
        assert path.read_bytes().startswith(b"\x89PNG")
    assert names_in(FOLDER.path) - {".lock"} == {
        "metrics",
        "plots",
        "summaries",
        "ledger",
        "run_config.json",
        "analysis.log",
    }
    assert names_in(FOLDER.super_weight_metrics) == {"super_weights.jsonl"}
    assert names_in(ROOT) - {".lock"} == {"fake--model", "run_config.json", "cross_model_summary.json", "README.md"}
    assert "2 super weights, 10 variants and the intact model on 5 windows" in FOLDER.log("").read_text()
    for path in [path for path in ROOT.rglob("*.json*") if "ledger" not in path.parts]:
        assert validate_file(path).problems == (), path
        for record in lines(path) if path.suffix == ".jsonl" else [json.loads(path.read_text())]:
            jsonschema.validate(record, json_schema(record["record"]))


def test_tables_are_flat_and_safe(swa, vocabulary):
    assert swa("vocab", "fake/model", *BOTH, "--bootstrap", "500").code == 0
    rows = table(FOLDER.super_weight_table)
    assert len(rows) == 2
    row = rows[0]
    assert (row["coordinate"], row["row"], row["col"], row["expert"]) == (ONE, "507", "1229", "")
    assert float(row["delta_loss"]) == 1.94
    assert float(row["delta_topk_margin"]) < 0
    assert (row["loss_ci_2.5"], row["n_windows"], row["n_controls"]) == ("1.7", "58", "3")
    assert json.loads(row["tokens_up"]) == [" the", "\n"]
    neurons = table(FOLDER.neuron_table)
    assert [(one["neuron"], one["label"]) for one in neurons] == [("1229", "prediction"), ("20", "prediction")]
    assert float(neurons[0]["kurt"]) == 30.5
    assert json.loads(neurons[0]["top_tokens_down"]) == ["=cmd()"]


def test_the_name_of_a_model_is_no_formula(swa, vocabulary):
    Path("=cmd").mkdir()
    called = swa("vocab", "=cmd", "--super-weights", ONE)
    assert called.code == 0, called.err
    (path,) = ROOT.glob("*/summaries/super_weights.csv")
    assert table(path)[0]["model"] == "'=cmd"


def test_the_run_config_holds_what_is_effective(swa, vocabulary):
    vocabulary.context_length = 700
    assert swa("vocab", "fake/model", *BOTH, "--stride", "300", "--drop-first-token", "--batch-size", "4").code == 0
    for path in (FOLDER.run_config, ROOT / "run_config.json"):
        block = json.loads(path.read_text())["vocab"]
        assert block["status"] == "complete"
        windows = block["windows"]
        assert windows == {
            "tokens": 2999,
            "tokens_scored": 2999 - windows["n_windows"],
            "window_len": 700,
            "stride": 300,
            "n_windows": 9,
            "batch_size": 4,
        }
    own = json.loads(FOLDER.run_config.read_text())["vocab"]
    assert own["configurations"].keys() == {"super_weights", "neurons"}
    assert own["notes"] == ["a note of the pass"]
    assert own["dataset_fingerprint"] == "text wikitext-2"
    assert "stamp" not in own


def test_the_order_before_a_model_is_loaded(swa, vocabulary):
    assert swa("vocab", "fake/model", *BOTH).code == 0
    assert vocabulary.order == ["text", "tokenizer", "model", "space", "neurons", "pass"]
    assert len(vocabulary.passes) == 1


def test_it_detects_where_nothing_is_known_and_writes_the_record_there(swa, vocabulary):
    vocabulary.results["fake/model"] = detection(
        [super_weight(), super_weight(1, 2, confirmation=confirmation(0.001, confirmed=False))]
    )
    called = swa("vocab", "fake/model")
    assert called.code == 0, called.err
    (record,) = FOLDER.detections()
    assert f"detection: {record}" in called.out
    assert (FOLDER.plots / "detection_iterations.png").exists()
    assert not FOLDER.logs.exists()
    assert json.loads(FOLDER.run_config.read_text()).keys() >= {"detect", "vocab"}
    (done,) = vocabulary.passes
    assert done.weights == [ONE]
    assert set(done.candidates) == {ONE, "L11.mlp.down_proj[1,2]"}
    assert not DETECT.exists()


def test_a_saved_detection_of_the_default_folder_is_found(swa, vocabulary):
    assert swa("detect", "fake/model").code == 0
    called = swa("vocab", "fake/model")
    assert called.code == 0, called.err
    assert vocabulary.detected == ["fake/model"]
    assert f"from '{DETECT}" in called.err
    assert not FOLDER.data.exists()


def test_what_a_card_knows_from_the_detection(swa, vocabulary):
    weight = super_weight(moe=MoeBlock(p_active=0.1, co_spike_score=0.9))
    vocabulary.results["fake/model"] = detection([weight])
    assert swa("vocab", "fake/model").code == 0
    (card,) = lines(FOLDER.super_weight_cards)
    assert card["moe"]["p_active"] == 0.1


def test_a_model_without_super_weights_has_empty_files(swa, vocabulary):
    vocabulary.results["fake/model"] = detection([])
    called = swa("vocab", "fake/model")
    assert called.code == 0, called.err
    assert FOLDER.super_weight_cards.read_bytes() == FOLDER.neuron_cards.read_bytes() == b""
    assert len(FOLDER.super_weight_table.read_text().splitlines()) == 1
    assert vocabulary.passes == []
    assert "fake/model: no super weights, no neurons" in called.out
    for path in [path for path in ROOT.rglob("*.json*") if "ledger" not in path.parts]:
        assert validate_file(path).problems == (), path
    assert "windows" not in json.loads(FOLDER.run_config.read_text())["vocab"]
    again = swa("vocab", "fake/model")
    assert "finished already" in again.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "No model"),
        (["a/x", "--stride", "600", "--window-len", "500"], "--stride 600"),
        (["a/x", "--window-len", "1"], "window-len"),
        (["a/x", "--tokens", "0"], "tokens"),
        (["a/x", "--control-samples", "0"], "control-samples"),
        (["a/x", "--bootstrap", "-1"], "bootstrap"),
        (["a/x", "--top-tokens", "0"], "top-tokens"),
        (["a/x", "--neurons", "11"], "'11' is no neuron"),
        (["a/x", "--neurons", "11:e:3"], "no neuron"),
        (["a/x", "--neurons", "-1:3"], "no neuron"),
        (["a/x", "--neurons"], "at least one value"),
        (["--neurons", "11:3", "demo"], "before list options"),
        (["a/x", "--super-weights", "L11.mlp"], "neither a file nor a coordinate"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_refused_before_anything_is_loaded(swa, vocabulary, words, says):
    called = swa("vocab", *words)
    assert called.code == 2, called.err
    assert says in called.err
    assert called.out == ""
    assert "model" not in vocabulary.order


def test_a_text_without_a_window_is_refused_before_the_model_is_loaded(swa, vocabulary):
    vocabulary.text_length = 0
    called = swa("vocab", "a/x", *BOTH)
    assert called.code == 2
    assert "no window to score" in called.err
    assert "model" not in vocabulary.order


@pytest.mark.parametrize("command", ["vocab", "cascade"])
def test_what_is_clamped_is_said_once_and_before_the_model_is_loaded(swa, vocabulary, monkeypatch, command):
    words = (command, "a/x", *BOTH, "--tokens", "999999", "--window-len", "4096")
    whole = swa(*words)
    assert whole.code == 0

    def refuse(*_, **__):
        raise UnavailableError("The weights are not here.")

    monkeypatch.setattr("swa.models.loading.load.load_model", refuse)
    for called in (whole, swa(*words, "--force")):
        assert called.err.count("The window was clamped from 4096 to 2048 tokens") == 1
        assert called.err.count("--tokens was clamped from 999999 to") == 1


class TestBootstrapWarning:
    def test_it_says_what_would_give_enough_windows(self, swa, vocabulary):
        called = swa(
            "vocab", "a/x", *BOTH, "--bootstrap", "100", "--tokens", "500", "--window-len", "200", "--stride", "100"
        )
        assert called.code == 0
        assert "--bootstrap has 5 windows to draw from; below 20 intervals are rough." in called.err
        assert called.err.index("--bootstrap has") < called.err.index("variants and the intact model")
        assert "--tokens 2100 or" in called.err
        more = ("--tokens", "2100", "--window-len", "200", "--stride", "100")
        assert "--bootstrap has" not in swa("vocab", "b/y", *BOTH, "--bootstrap", "100", *more).err
        shorter = called.err.split(" or ")[1].split(" would give")[0].split()
        assert "--bootstrap has" not in swa("vocab", "c/z", *BOTH, "--bootstrap", "9", "--tokens", "500", *shorter).err

    def test_only_with_a_bootstrap(self, swa, vocabulary):
        assert "--bootstrap has" not in swa("vocab", "a/x", *BOTH, "--tokens", "500").err

    def test_a_short_text_has_no_way_out(self, swa, vocabulary):
        vocabulary.text_length = 10
        called = swa("vocab", "a/x", *BOTH, "--bootstrap", "9")
        assert "The text is too short for more." in called.err


def test_several_models(swa, vocabulary):
    vocabulary.results["a/x"] = detection([super_weight(model="a/x")], model="a/x")
    vocabulary.results["b/y"] = detection([], model="b/y")
    called = swa("vocab", "a/x", "--models", "b/y")
    assert called.code == 0, called.err
    summary = parse_record((ROOT / "cross_model_summary.json").read_bytes(), "CrossModelSummary")
    assert [(model.model, model.n_super_weights, model.n_neurons) for model in summary.models] == [
        ("a/x", 1, 1),
        ("b/y", 0, 0),
    ]
    assert (summary.n_models, summary.n_super_weights, summary.mean_super_weights) == (2, 1, 0.5)
    assert summary.mean_largest_delta_loss == summary.models[0].largest_delta_loss == 1.94
    assert summary.models[0].spike_threshold == 50.0
    assert summary.models[0].labels == {"prediction": 1}
    assert summary.run.model == "a/x, b/y"
    readme = (ROOT / "README.md").read_text()
    assert "| a/x | [a--x](a--x) | 1 | 1 |  |  |" in readme
    assert "| b/y | [b--y](b--y) | 0 | 0 |  |  |" in readme
    block = json.loads((ROOT / "run_config.json").read_text())["vocab"]
    assert block["options"]["models"]["value"] == ["a/x", "b/y"]


def test_one_of_several_models_fails(swa, vocabulary):
    vocabulary.failing["a/x"] = UnsupportedModelError("No MLP.")
    called = swa("vocab", "a/x", "b/y", *BOTH)
    assert called.code == 7
    assert json.loads((ROOT / "run_config.json").read_text())["vocab"]["status"] == "partial"


def test_json_is_one_object(swa, vocabulary):
    vocabulary.results["a/x"] = detection([super_weight(model="a/x")], model="a/x")
    called = swa("vocab", "a/x", "--json")
    assert called.out.count("\n") == 1
    parse_record(called.out, "CommandResult")
    model = called.json["models"][0]
    assert called.json["command"] == "vocab"
    assert (model["n_candidates"], model["n_confirmed"]) == (1, 1)
    assert model["headline"]["largest_delta_loss"] == 1.94
    assert model["headline"]["n_neurons"] == 1
    assert all(Path(path).exists() for path in model["files"].values())
    assert {"super_weights", "neurons", "cross_model_summary", "readme", "detection"} <= model["files"].keys()
    again = swa("vocab", "a/x", "--json")
    assert again.json == called.json


def test_quiet_says_nothing_but_results(swa, vocabulary):
    called = swa("vocab", "a/x", *BOTH, "-q")
    assert called.err == ""
    assert "1.94" in called.out


def test_the_run_config_repeats_the_run(swa, vocabulary):
    first = swa("vocab", "a/x", *BOTH, "--drop-first-token", "--json")
    for path in (Path(first.json["models"][0]["folder"]) / "run_config.json", ROOT / "run_config.json"):
        again = swa("vocab", "--config", str(path))
        assert again.code == 0, again.err
        assert "finished already" in again.err
    assert len(vocabulary.passes) == 1
