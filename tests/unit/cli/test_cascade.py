"""`swa cascade` with loading, detection and the analysis replaced: files, options, resuming, streams."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import torch

from swa.cascades.options import CascadeOptions
from swa.engine.measures.layer_choice import LayerChoice
from swa.models.discovery.sites import SiteMap
from swa.schemas.registry import json_schema, parse_record
from swa.schemas.validation import validate_file
from swa.store.atomic import WriteError
from tests.unit.cli.fakes import detection, files_below, super_weight
from tests.unit.cli.vocab_fakes import FOLDER, ONE, ROOT, TWO, configuration, site

BOTH = ("cascade", "a/x", "--super-weights", ONE, "--super-weights", TWO)


def records() -> list[dict]:
    return [json.loads(line) for line in FOLDER.cascade_results.read_text().splitlines()]


def block(path: Path = FOLDER.run_config) -> dict:
    return configuration("cascade", path)


def test_of_two_commands_in_one_folder_the_newest_has_the_figure(swa, drawn_vocabulary):
    def drawn(*words):
        assert swa(*words).code == 0
        return (FOLDER.super_weight_plots / "mlp_out-L11-R507-C1229-cascade.png").read_bytes()

    vocab = ("vocab", "a/x", "--super-weights", ONE, "--enable-cascade")
    of_card, of_cascade = drawn(*vocab), drawn("cascade", "a/x", "--super-weights", ONE)
    assert of_card != of_cascade
    assert drawn(*vocab) == of_cascade  # finished, nothing is new
    assert drawn(*vocab, "--force") == of_card
    assert drawn("cascade", "a/x", "--super-weights", ONE, "--force") == of_cascade


def test_the_files_of_a_cascade(swa, drawn_vocabulary):
    called = swa(*BOTH)
    assert called.code == 0, called.err
    assert "Note: Layers run again." in called.out
    assert block(FOLDER.run_config)["notes"] == ["Layers run again."]
    first, second = records()
    assert [first["coordinate"], second["coordinate"]] == [ONE, TWO]
    assert first["run"]["command"] == "cascade"
    assert first["run"]["windows"]["n_windows"] == 5
    assert "configurations" not in first["run"]
    figures = {path.name for path in FOLDER.super_weight_plots.iterdir()}
    assert figures == {"mlp_out-L11-R507-C1229-cascade.png", "mlp_out-L11-R10-C20-cascade.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in FOLDER.super_weight_plots.iterdir())
    assert {path.name for path in ROOT.iterdir()} - {".lock"} == {"a--x", "run_config.json", "README.md"}
    assert {path.name for path in FOLDER.cascade_metrics.iterdir()} == {"cascade.jsonl"}
    for path in (FOLDER.run_config, ROOT / "run_config.json"):
        assert block(path)["status"] == "complete"
        assert block(path)["windows"]["tokens"] == 2999
    assert "| a/x | [a--x](a--x) |  |  | 2 |  |" in (ROOT / "README.md").read_text()
    for path in [path for path in ROOT.rglob("*.json*") if "ledger" not in path.parts]:
        assert validate_file(path).problems == (), path
    for record in records():
        jsonschema.validate(record, json_schema("CascadeResult"))


def test_the_defaults_are_those_of_the_analysis(swa, vocabulary):
    assert swa(*BOTH).code == 0
    (seen,) = vocabulary.cascades
    assert seen.options == CascadeOptions()
    assert seen.text == "wikitext-2"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--layers", "all"], {"layers": LayerChoice(every=1)}),
        (["--layers", "every", "4"], {"layers": LayerChoice(every=4)}),
        (["--layers", "every:4"], {"layers": LayerChoice(every=4)}),
        (["--layers", "3", "5", "7"], {"layers": LayerChoice(layers=(3, 5, 7))}),
        (["--layers", "3,5,7"], {"layers": LayerChoice(layers=(3, 5, 7))}),
        (["--tokens", "70"], {"tokens": 70}),
        (["--window-len", "700"], {"window_len": 700}),
        (["--stride", "70"], {"stride": 70}),
        (["--drop-first-token"], {"drop_first_token": True}),
        (["--batch-size", "7"], {"batch_size": 7}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_of_the_analysis(swa, vocabulary, words, expected):
    called = swa(*BOTH, *words)
    assert called.code == 0, called.err
    assert vocabulary.cascades[-1].options == CascadeOptions(**expected)
    again = swa(*BOTH, "--config", str(FOLDER.run_config))
    assert "finished already" in again.err


def test_layers_from_the_environment(swa, vocabulary, monkeypatch):
    monkeypatch.setenv("SWA_LAYERS", "every 3")
    assert swa(*BOTH).code == 0
    assert vocabulary.cascades[-1].options.layers == LayerChoice(every=3)


def test_text_and_loading(swa, vocabulary):
    assert swa(*BOTH, "--dataset", "builtin", "--dtype", "bfloat16").code == 0
    assert vocabulary.cascades[-1].text == "builtin"
    assert vocabulary.loaded[0]["dtype"] == "bfloat16"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["cascade"], "No model"),
        ([*BOTH, "--layers", "some"], "neither all"),
        ([*BOTH, "--layers", "every", "0"], "neither all"),
        ([*BOTH, "--layers", "every"], "neither all"),
        ([*BOTH, "--layers", "-1"], "neither all"),
        ([*BOTH, "--layers", "all", "3"], "--layers has all beside"),
        ([*BOTH, "--layers", "every", "4", "3"], "--layers has every:4 beside"),
        ([*BOTH, "--layers"], "at least one value"),
        ([*BOTH, "--stride", "600", "--window-len", "500"], "--stride 600"),
        ([*BOTH, "--tokens", "0"], "tokens"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_refused_before_anything_is_loaded(swa, vocabulary, words, says):
    called = swa(*words)
    assert called.code == 2, called.err
    assert says in called.err
    assert "model" not in vocabulary.order


def test_a_layer_that_is_not_there(swa, vocabulary):
    called = swa(*BOTH, "--layers", "12")
    assert called.code == 2
    assert "the model has 0 to 11" in called.err


def test_a_text_without_a_window_is_refused_before_the_model_is_loaded(swa, vocabulary):
    vocabulary.text_length = 0
    called = swa(*BOTH)
    assert called.code == 2
    assert "model" not in vocabulary.order


def test_names_of_figures_in_crowded_layers(swa, vocabulary):
    two = [site(5, module=f"model.layers.5.mlps.{n}.down_proj") for n in range(2)]
    vocabulary.sites = SiteMap(tuple(two), {"model.layers": 12}, 600)
    vocabulary.network.model.layers["5"] = vocabulary.network.model.layers["11"]
    coordinate = "L5.mlps.1.down_proj[3,4]"
    vocabulary.network.model.layers["5"].mlps = torch.nn.ModuleList([vocabulary.network.model.layers["11"].mlp] * 2)
    called = swa("cascade", "a/x", "--super-weights", coordinate)
    assert called.code == 0, called.err
    (figure,) = FOLDER.super_weight_plots.iterdir()
    assert figure.name == "mlp_out-L5-R3-C4-model_layers_5_mlps_1_down_proj-cascade.png"
    figure.unlink()
    assert "finished already" in swa("cascade", "a/x", "--super-weights", coordinate).err
    assert figure.exists()


class TestAgain:
    def test_nothing_is_loaded_computed_or_written(self, swa, vocabulary):
        first = swa(*BOTH)
        files = files_below(ROOT)
        vocabulary.order.clear()
        again = swa(*BOTH)
        assert files_below(ROOT) == files
        assert vocabulary.order == ["text"]
        assert again.out == first.out

    def test_records_that_are_there_are_kept(self, swa, vocabulary):
        swa(*BOTH[:4])
        before = FOLDER.cascade_results.read_text()
        assert swa(*BOTH).code == 0
        assert [one.weights for one in vocabulary.cascades] == [[ONE], [TWO]]
        assert FOLDER.cascade_results.read_text().startswith(before)

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--layers", "all"], "--layers was not given and is now all"),
            (["--tokens", "70"], "--tokens was 30000 and is now 70"),
            (["--window-len", "700"], "--window-len"),
            (["--stride", "70"], "--stride"),
            (["--drop-first-token"], "--drop-first-token"),
            (["--batch-size", "7"], "--batch-size"),
            (["--max-memory", "4GiB"], "--max-memory"),
            (["--dtype", "bfloat16"], "--dtype"),
            (["--dataset", "builtin"], "the text is another"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_another_configuration_is_refused_and_force_replaces(self, swa, vocabulary, words, says):
        swa(*BOTH)
        called = swa(*BOTH, *words)
        assert called.code == 2, called.err
        assert says in called.err
        assert swa(*BOTH[:4], *words, "--force").code == 0
        assert [record["coordinate"] for record in records()] == [ONE]
        assert len(list(FOLDER.super_weight_plots.iterdir())) == 1
        assert "finished already" in swa(*BOTH[:4], *words).err

    def test_options_that_do_not_act_are_no_other_question(self, swa, vocabulary):
        swa(*BOTH)
        assert "finished already" in swa(*BOTH, "--seed", "7", "--spike-threshold", "3", "-v").err

    def test_an_interrupted_pass_goes_on(self, swa, vocabulary):
        vocabulary.dies_in = "cascade"
        assert swa(*BOTH).code == 130
        assert block()["status"] == "interrupted"
        vocabulary.dies_in = None
        assert swa(*BOTH).code == 0
        assert vocabulary.batches == [0, 1]

    @pytest.mark.parametrize("change", [["--layers", "all"], ["--tokens", "70"], ["--force"]], ids=" ".join)
    def test_sums_of_another_pass_are_not_used(self, swa, vocabulary, change):
        vocabulary.dies_in = "cascade"
        swa(*BOTH)
        vocabulary.dies_in = None
        assert swa(*BOTH, *change).code == 0
        assert vocabulary.batches == [0, 0, 1]

    def test_killed_before_the_figures(self, swa, vocabulary, monkeypatch):
        def interrupt(_figure):
            raise KeyboardInterrupt

        with monkeypatch.context() as broken:
            broken.setattr("swa.reports.plots.style.png", interrupt)
            assert swa(*BOTH).code == 130
        assert len(records()) == 2
        assert swa(*BOTH).code == 0
        assert len(list(FOLDER.super_weight_plots.iterdir())) == 2
        assert block()["status"] == "complete"
        assert len(vocabulary.cascades) == 1

    def test_a_full_disk(self, swa, vocabulary):
        vocabulary.fails_in["cascade"] = WriteError("'x' could not be written: No space left.")
        called = swa(*BOTH)
        assert called.code == 7
        assert "is kept in" in called.err


def test_both_commands_share_a_folder(swa, vocabulary):
    swa("vocab", *BOTH[1:])
    swa(*BOTH)
    assert json.loads(FOLDER.run_config.read_text()).keys() >= {"vocab", "cascade"}
    assert "finished already" in swa("vocab", *BOTH[1:]).err
    assert "finished already" in swa(*BOTH).err
    assert "| 2 | 2 | 2 |  |" in (ROOT / "README.md").read_text()


def test_a_model_without_super_weights(swa, vocabulary):
    vocabulary.results["a/x"] = detection([], model="a/x")
    called = swa("cascade", "a/x")
    assert called.code == 0, called.err
    assert "a/x: no super weights" in called.out
    assert FOLDER.cascade_results.read_bytes() == b""
    assert "finished already" in swa("cascade", "a/x").err


def test_it_detects_where_nothing_is_known(swa, vocabulary):
    called = swa("cascade", "a/x")
    assert called.code == 0, called.err
    assert vocabulary.detected == ["a/x"]
    assert len(FOLDER.detections()) == 1


def test_json_is_one_object(swa, vocabulary):
    vocabulary.results["a/x"] = detection([super_weight(model="a/x")], model="a/x")
    called = swa("cascade", "a/x", "--json")
    parse_record(called.out, "CommandResult")
    (model,) = called.json["models"]
    assert (called.json["command"], model["n_candidates"], model["n_confirmed"]) == ("cascade", 1, 1)
    assert model["headline"]["largest_kl"] == pytest.approx(0.1)
    assert {"cascade", "figures", "readme", "detection"} <= model["files"].keys()
    assert all(Path(path).exists() for path in model["files"].values())


def test_the_table_has_a_row_a_layer(swa, vocabulary):
    called = swa(*BOTH)
    rows = [line.split() for line in called.out.splitlines() if line.strip()[:2] in ("0 ", "10", "11")]
    assert rows[:3] == [
        ["0"] * 8,
        ["10", "0", "0", "0", "10.0", "10.0", "10.0", "10.0"],
        ["11", "+0.100", "−0.0100", "0.100", "11.0", "11.0", "11.0", "11.0"],
    ]
    assert called.out.index(ONE) < called.out.index(TWO)
