"""Options for mixtures of experts reach the detection of every command, from everywhere; records know them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.detection.options import DetectOptions
from swa.schemas.registry import parse_record
from tests.unit.cli.fakes import Machinery
from tests.unit.report.moe_records import expert_weight, layer_routing, moe_detection

COMMANDS = {"detect": "machinery", "evaluate": "evaluation", "vocab": "vocabulary", "cascade": "vocabulary"}
CHOICES = {
    "router_analysis_samples": ("7", 7),
    "p_active_floor": ("0.3", 0.3),
    "co_spike_threshold": ("0.4", 0.4),
    "enable_causal_scoring": ("1", True),
}


@pytest.fixture(params=COMMANDS)
def command(request) -> str:
    return request.param


@pytest.fixture
def called(request, swa, command, undrawn):
    """Call a command; gives the options of the detection it made."""
    machinery: Machinery = request.getfixturevalue(COMMANDS[command])
    more = ("--skip-accuracy",) if command == "evaluate" else ()

    def call(*words: str) -> DetectOptions:
        done = swa(command, "a/x", *more, *words)
        assert done.code == 0, done.err
        return machinery.options

    return call


@pytest.fixture
def undrawn(monkeypatch):
    """Figures take most of the time; each is a sentence instead."""
    for name in ("detection_iterations", "super_weight_distribution", "moe_analysis"):
        monkeypatch.setattr(f"swa.reports.plots.{name}.draw", lambda result, name=name: f"{name} of {result.model}")
    monkeypatch.setattr("swa.reports.plots.style.png", str.encode)


def test_the_defaults_are_those_of_the_analysis(called, command):
    assert called() == DetectOptions(router_analysis_samples=5 if command == "vocab" else 10)


@pytest.mark.parametrize("name", CHOICES)
class TestEachOption:
    def test_on_the_command_line(self, called, name):
        text, value = CHOICES[name]
        option = f"--{name.replace('_', '-')}"
        words = (option,) if value is True else (option, text)
        assert getattr(called(*words), name) == value

    def test_in_the_environment(self, called, name, monkeypatch):
        text, value = CHOICES[name]
        monkeypatch.setenv(f"SWA_{name.upper()}", text)
        assert getattr(called(), name) == value

    def test_in_a_config(self, called, name):
        value = CHOICES[name][1]
        Path("c.toml").write_text(f"{name} = {json.dumps(value)}")
        assert getattr(called("--config", "c.toml"), name) == value


def test_a_run_config_holds_and_repeats_them(swa, machinery, undrawn):
    words = [f"--{name.replace('_', '-')}={text}" for name, (text, value) in CHOICES.items() if value is not True]
    swa("detect", "a/x", *words, "--enable-causal-scoring")
    (path,) = Path("results").rglob("run_config.json")
    options = json.loads(path.read_text())["detect"]["options"]
    assert {name: options[name]["value"] for name in CHOICES} == {name: value for name, (_, value) in CHOICES.items()}
    asked = machinery.options
    assert swa("detect", "b/y", "--config", str(path), "--force").code == 0
    assert machinery.options == asked


@pytest.mark.parametrize(
    "words",
    [
        ["--router-analysis-samples", "0"],
        ["--p-active-floor", "1.5"],
        ["--p-active-floor", "-0.1"],
        ["--co-spike-threshold", "2"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused(swa, machinery, words):
    assert swa("detect", "a/x", *words).code == 2
    assert machinery.loaded == []


@pytest.mark.usefixtures("undrawn")
class TestText:
    """Every detection in experts reads the text: the routing windows are cut from it."""

    WORDS = ("detect", "a/x", "--screen", "spike", "--no-confirm")

    def test_without_screens_that_need_it(self, swa, machinery):
        assert swa(*self.WORDS).code == 0
        machinery.kinds = ["mlp_out", "expert"]
        assert swa(*self.WORDS, "--force").code == 0
        assert machinery.texts == [None, "wikitext-2"]

    def test_another_text_is_another_question(self, swa, machinery):
        machinery.kinds = ["expert"]
        machinery.results["a/x"] = _result()
        for dataset in ("builtin", "builtin", "wikitext-2"):
            assert swa(*self.WORDS, "--dataset", dataset).code == 0
        assert machinery.texts == ["builtin", "wikitext-2"]


def _result():
    routing = [layer_routing(0, 4, 2), layer_routing(1, 4, 2, super_experts=[1])]
    block = {"p_active": 0.11, "co_spike_score": 0.83, "gate_weight": 0.72, "expert_rank": 1}
    weights = [
        expert_weight(1, 1, 5, confirmed=True, **block, impact_natural=0.6, impact_interventional=1.9),
        expert_weight(1, 3, 6, confirmed=False),
    ]
    found = moe_detection(weights, routing, n_layers=2, model="a/x")
    missed = [f"L0.mlp.experts.{number}: no token reached it" for number in range(3)]
    more = {"text": "examined 5/8 experts", "n_experts": 8, "n_experts_examined": 5, "not_examined": missed}
    return found.model_copy(update={"coverage": found.coverage.model_copy(update=more)})


class TestShown:
    @pytest.fixture(autouse=True)
    def experts(self, machinery, undrawn):
        machinery.results["a/x"] = _result()

    def test_people_see_what_experts_did(self, swa):
        text = swa("detect", "a/x").out
        assert "a/x: 1 confirmed of 2 candidates; examined 5/8 experts" in text
        assert "3 sites not examined (-v shows all):\n  L0.mlp.experts.0: no token reached it\n" in text
        assert "L0.mlp.experts.2" not in text
        assert "super experts: L1 e1\n" in text
        table = text[text.index("in experts") :].splitlines()
        assert table[2].split() == ["L1.mlp.experts.1.down_proj[5,7]", "0.11", "0.83", "0.72", "1", "+0.600", "+1.90"]
        assert table[3].split() == ["L1.mlp.experts.3.down_proj[6,7]", "0.1", "0.5", *"––––"]
        everything = swa("detect", "a/x", "-v").out
        assert "3 sites not examined:\n" in everything
        assert "L0.mlp.experts.2: no token reached it" in everything

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_it_fits(self, swa, width, monkeypatch):
        monkeypatch.setenv("COLUMNS", str(width))
        text = swa("detect", "a/x").out
        table = text[text.index("in experts") : text.index("3 sites")].splitlines()
        assert max(map(len, table)) <= width
        assert any("0.83" in line for line in table)

    def test_scripts_get_the_counts(self, swa):
        called = swa("detect", "a/x", "--json")
        headline = called.json["models"][0]["headline"]
        assert (headline["n_experts"], headline["n_experts_examined"], headline["n_super_experts"]) == (8, 5, 1)
        parse_record(called.out, "CommandResult")

    def test_the_figure_is_that_of_the_record(self, swa):
        called = swa("detect", "a/x", "--json")
        path = Path(called.json["models"][0]["files"]["moe_analysis"])
        assert path.name == "moe_analysis.png"
        assert path.read_text() == "moe_analysis of a/x"
        path.unlink()
        swa("detect", "a/x")
        assert path.exists()

    def test_dense_models_show_nothing_of_it(self, swa, machinery):
        del machinery.results["a/x"]
        called = swa("detect", "a/x")
        assert "expert" not in called.out
        assert "n_experts" not in swa("detect", "a/x", "--json").json["models"][0]["headline"]
        assert not list(Path("results").rglob("moe_analysis.png"))


def test_without_causal_scores_there_are_no_columns_for_them(swa, machinery, undrawn):
    weights = [expert_weight(0, 1, 5, confirmed=True)]
    machinery.results["a/x"] = moe_detection(weights, [layer_routing(0, 4, 2)], n_layers=1, model="a/x")
    text = swa("detect", "a/x").out
    assert "natural" not in text
    assert "super experts: none\n" in text
    assert "not examined" not in text
