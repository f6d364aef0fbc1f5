"""Environment and config: precedence, forms, origins, mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_the_command_line_wins_over_environment_over_config_over_default(swa, handed, monkeypatch):
    def screen_top(*words: str) -> dict[str, object]:
        called = swa("detect", *words)
        assert called.code == 0, called.err
        option = handed[-1].call.options["screen_top"]
        assert handed[-1].options.screen_top == option.value
        return option.model_dump()

    assert screen_top() == {"value": 64, "origin": "default"}
    Path("c.toml").write_text("screen-top = 5")
    assert screen_top("--config", "c.toml") == {"value": 5, "origin": "config"}
    monkeypatch.setenv("SWA_SCREEN_TOP", "6")
    assert screen_top("--config", "c.toml") == {"value": 6, "origin": "environment"}
    assert screen_top("--config", "c.toml", "--screen-top", "7") == {"value": 7, "origin": "command line"}


def test_the_config_itself_may_come_from_the_environment(swa, handed, monkeypatch):
    Path("c.toml").write_text("seed = 7")
    monkeypatch.setenv("SWA_CONFIG", "c.toml")
    assert swa("detect").code == 0
    assert handed[0].call.options["seed"].model_dump() == {"value": 7, "origin": "config"}


def test_a_table_of_the_command_wins_over_the_top_level(swa, handed):
    Path("c.toml").write_text('max_iterations = 3\nscreen = "spike"\n[detect]\nmax_iterations = 4')
    assert swa("detect", "--config", "c.toml").code == 0
    assert handed[0].options.max_iterations == 4
    assert handed[0].options.screens == ("spike",)


def test_lists_in_the_environment_are_split_at_commas_and_prompts_at_newlines(swa, handed, monkeypatch):
    monkeypatch.setenv("SWA_MODELS", "a/one, a/two")
    monkeypatch.setenv("SWA_PROMPT", "Apple Inc. is, well, big.\nSecond.")
    monkeypatch.setenv("SWA_SCREEN", "gradient,spike")
    assert swa("detect").code == 0
    assert handed[0].models == ["a/one", "a/two"]
    assert handed[0].options.prompts == ("Apple Inc. is, well, big.", "Second.")
    assert handed[0].options.screens == ("gradient", "spike")


@pytest.mark.parametrize(("text", "confirm"), [("1", False), ("TRUE", False), ("0", True), ("false", True), ("", True)])
def test_flags_in_the_environment(swa, handed, monkeypatch, text, confirm):
    monkeypatch.setenv("SWA_NO_CONFIRM", text)
    assert swa("detect").code == 0
    assert handed[0].options.confirm is confirm


@pytest.mark.parametrize(("name", "value"), [("SWA_NO_CONFIRM", "perhaps"), ("SWA_SPIKE_THRESHOLD", "-1")])
def test_a_wrong_value_in_the_environment_names_its_variable(swa, handed, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    called = swa("detect")
    assert called.code == 2
    assert name in called.err
    assert handed == []


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("spike_treshold = 3", ["spike_treshold", "spike_threshold"]),
        ("[detect]\nscren = ['spike']", ["scren", "'screen'"]),
        ("[detct]\nseed = 1", ["detct", "detect"]),
        ("[doctor]\nscreen = ['spike']", ["screen", "doctor"]),
        ("seed = [1]", ["seed", "one value"]),
        ("no_confirm = 'yes'", ["no_confirm", "true or false"]),
        ("max_iterations = 0", ["c.toml", "--max-iterations"]),
        ("seed = ", ["not TOML"]),
    ],
)
def test_mistakes_in_a_config(swa, handed, content, names):
    Path("c.toml").write_text(content)
    called = swa("detect", "--config", "c.toml")
    assert called.code == 2
    assert all(name in called.err for name in names), called.err
    assert handed == []


def test_a_key_of_another_command_is_no_mistake(swa):
    Path("c.toml").write_text('screen_top = 3\n[validate]\nrecord = "SuperWeight"')
    assert swa("detect", "--config", "c.toml", "--json", "--jsonl").err.startswith("Error: --json and --jsonl")


def test_a_missing_config(swa):
    assert swa("detect", "--config", "none.toml").code == 2


def test_a_run_config_repeats_the_run(swa, helpful, detecting):
    words = ["--dataset", "builtin", "--screen", "spike", "--seed", "3", "--prompt", "Hi, you.", "--json", "--force"]
    words += ["--p-active-floor", "0.3", "--enable-causal-scoring"]
    first = swa("detect", helpful, *words)
    config = Path(first.json["models"][0]["folder"]) / "run_config.json"
    again = swa("detect", "--config", str(config))
    assert again.code == 0
    assert "finished already" in again.err
    assert again.out.startswith(f"{helpful}: 1 confirmed")  # how it was shown is not repeated
    assert swa("detect", "--config", str(config), "--force").code == 0
    first_options, second_options = detecting.asked
    assert first_options == second_options
    assert second_options.seed == 3


def test_a_json_config_must_be_a_run_config(swa):
    Path("c.json").write_text('{"seed": 1}')
    assert swa("detect", "--config", "c.json").code == 6


def test_a_record_to_validate_may_be_named_elsewhere_too(swa, monkeypatch):
    Path("a.json").write_text("{}")
    Path("c.toml").write_text('[validate]\nrecord = "NeuronCard"')
    assert "model is missing" in swa("validate", "a.json", "--config", "c.toml").out
    monkeypatch.setenv("SWA_RECORD", "RunConfig")
    assert swa("validate", "a.json").code == 0
