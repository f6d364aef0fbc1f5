"""Environment and config: precedence, forms, origins, mistakes."""

from __future__ import annotations

import json

import pytest


def origin_of(swa, tmp_path, option, *words):
    called = swa("detect", "fake/model", "--force", *words)
    assert called.code == 0, called.err
    config = json.loads(
        (tmp_path / "results/comprehensive_super_weight_analysis/fake--model/run_config.json").read_text()
    )
    return config["detect"]["options"][option]


def test_the_command_line_wins_over_environment_over_config_over_default(swa, machinery, tmp_path, monkeypatch):
    assert origin_of(swa, tmp_path, "screen_top") == {"value": 64, "origin": "default"}
    (tmp_path / "c.toml").write_text("screen-top = 5")
    assert origin_of(swa, tmp_path, "screen_top", "--config", "c.toml") == {"value": 5, "origin": "config"}
    monkeypatch.setenv("SWA_SCREEN_TOP", "6")
    assert origin_of(swa, tmp_path, "screen_top", "--config", "c.toml") == {"value": 6, "origin": "environment"}
    words = ("--config", "c.toml", "--screen-top", "7")
    assert origin_of(swa, tmp_path, "screen_top", *words) == {"value": 7, "origin": "command line"}
    assert machinery.options.screen_top == 7


def test_the_config_itself_may_come_from_the_environment(swa, machinery, tmp_path, monkeypatch):
    (tmp_path / "c.toml").write_text("seed = 7")
    monkeypatch.setenv("SWA_CONFIG", "c.toml")
    assert origin_of(swa, tmp_path, "seed") == {"value": 7, "origin": "config"}


def test_a_table_of_the_command_wins_over_the_top_level(swa, machinery, tmp_path):
    (tmp_path / "c.toml").write_text('max_iterations = 3\nscreen = "spike"\n[detect]\nmax_iterations = 4')
    assert swa("detect", "--config", "c.toml").code == 0
    assert machinery.options.max_iterations == 4
    assert machinery.options.screens == ("spike",)


def test_lists_in_the_environment_are_split_at_commas_and_prompts_at_newlines(swa, machinery, monkeypatch):
    monkeypatch.setenv("SWA_MODELS", "a/one, a/two")
    monkeypatch.setenv("SWA_PROMPT", "Apple Inc. is, well, big.\nSecond.")
    monkeypatch.setenv("SWA_SCREEN", "gradient,spike")
    assert swa("detect").code == 0
    assert machinery.detected == ["a/one", "a/two"]
    assert machinery.options.prompts == ("Apple Inc. is, well, big.", "Second.")
    assert machinery.options.screens == ("gradient", "spike")


@pytest.mark.parametrize(("text", "confirm"), [("1", False), ("TRUE", False), ("0", True), ("false", True), ("", True)])
def test_flags_in_the_environment(swa, machinery, monkeypatch, text, confirm):
    monkeypatch.setenv("SWA_NO_CONFIRM", text)
    assert swa("detect").code == 0
    assert machinery.options.confirm is confirm


def test_a_wrong_flag_names_its_variable(swa, machinery, monkeypatch):
    monkeypatch.setenv("SWA_NO_CONFIRM", "perhaps")
    called = swa("detect")
    assert called.code == 2
    assert "SWA_NO_CONFIRM" in called.err


def test_a_wrong_value_from_elsewhere_names_its_place(swa, machinery, monkeypatch, tmp_path):
    monkeypatch.setenv("SWA_SPIKE_THRESHOLD", "-1")
    called = swa("detect")
    assert called.code == 2
    assert "SWA_SPIKE_THRESHOLD" in called.err
    monkeypatch.delenv("SWA_SPIKE_THRESHOLD")
    (tmp_path / "c.toml").write_text("max_iterations = 0")
    called = swa("detect", "--config", "c.toml")
    assert called.code == 2
    assert "c.toml" in called.err
    assert machinery.loaded == []


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("spike_treshold = 3", ["spike_treshold", "spike_threshold"]),
        ("[detect]\nscren = ['spike']", ["scren", "'screen'"]),
        ("[detct]\nseed = 1", ["detct", "detect"]),
        ("[doctor]\nscreen = ['spike']", ["screen", "doctor"]),
        ("seed = [1]", ["seed", "one value"]),
        ("no_confirm = 'yes'", ["no_confirm", "true or false"]),
        ("seed = ", ["not TOML"]),
    ],
)
def test_mistakes_in_a_config(swa, machinery, tmp_path, content, names):
    (tmp_path / "c.toml").write_text(content)
    called = swa("detect", "--config", "c.toml")
    assert called.code == 2
    assert all(name in called.err for name in names), called.err


def test_a_key_of_another_command_is_no_mistake(swa, tmp_path):
    (tmp_path / "c.toml").write_text('screen_top = 3\n[validate]\nrecord = "SuperWeight"')
    assert swa("detect", "--config", "c.toml", "--json", "--jsonl").err.startswith("Error: --json and --jsonl")


def test_a_missing_config(swa):
    assert swa("detect", "--config", "none.toml").code == 2


def test_a_run_config_repeats_the_run(swa, machinery, tmp_path):
    first = swa("detect", "fake/model", "--screen", "spike", "--seed", "3", "--prompt", "Hi, you.", "--json", "--force")
    folder = tmp_path / first.json["models"][0]["folder"]
    again = swa("detect", "--config", str(folder / "run_config.json"))
    assert again.code == 0
    assert "finished already" in again.err
    assert again.out.startswith("fake/model: 1 confirmed")  # how it was shown is not repeated
    assert machinery.detected == ["fake/model"]
    assert machinery.options.seed == 3


def test_a_json_config_must_be_a_run_config(swa, tmp_path):
    (tmp_path / "c.json").write_text('{"seed": 1}')
    assert swa("detect", "--config", "c.json").code == 6


def test_a_record_to_validate_may_be_named_elsewhere_too(swa, tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "c.toml").write_text('[validate]\nrecord = "NeuronCard"')
    assert "model is missing" in swa("validate", "a.json", "--config", "c.toml").out
    monkeypatch.setenv("SWA_RECORD", "RunConfig")
    assert swa("validate", "a.json").code == 0
