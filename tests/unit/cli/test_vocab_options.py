"""Options of `swa vocab` and `swa cascade`: what reaches the run, and what is refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from swa.cascades.options import CascadeOptions
from swa.data.options import WindowOptions
from swa.engine.measures.layer_choice import LayerChoice
from swa.vocabulary.options import InterventionOptions, NeuronOptions

WINDOWS = ("--tokens", "70", "--window-len", "50", "--stride", "30", "--drop-first-token")


def test_the_defaults_of_vocab_are_those_of_the_analyses(swa, handed):
    assert swa("vocab", "a/x").code == 0
    (asked,) = handed
    assert (asked.options, asked.windows, asked.neurons) == (InterventionOptions(), WindowOptions(), NeuronOptions())
    assert (asked.results_dir, asked.force) == (Path("results/vocab-analysis"), False)


def test_every_choice_of_vocab(swa, handed):
    interventions = ("--control-samples", "2", "--bootstrap", "7", "--enable-cascade", "--batch-size", "6")
    neurons = ("--neurons", "11:3", "3:e1:4", "--all-neurons", "--enable-cosine", "--enable-enrichment")
    called = swa("vocab", "a/x", *WINDOWS, *interventions, "--top-tokens", "8", "--seed", "9", "--force", *neurons)
    assert called.code == 0, called.err
    (asked,) = handed
    assert asked.windows == WindowOptions(tokens=70, window_len=50, stride=30, drop_first_token=True)
    assert asked.options == InterventionOptions(
        control_samples=2, bootstrap=7, cascade=True, batch_size=6, top_tokens=8, seed=9
    )
    assert asked.neurons == NeuronOptions(
        neurons=("11:3", "3:e1:4"), all_neurons=True, cosine=True, enrichment=True, top_tokens=8, seed=9
    )
    assert asked.force


def test_every_choice_of_cascade(swa, handed):
    assert swa("cascade", "a/x").code == 0
    called = swa("cascade", "a/x", *WINDOWS, "--batch-size", "6", "--layers", "3", "5")
    assert called.code == 0, called.err
    default, asked = handed
    assert default.options == CascadeOptions()
    assert asked.options == CascadeOptions(
        tokens=70,
        window_len=50,
        stride=30,
        drop_first_token=True,
        batch_size=6,
        layers=LayerChoice(layers=(3, 5)),
    )


@pytest.mark.parametrize("command", ["vocab", "cascade"])
def test_the_results_folder_has_two_names_everywhere(swa, handed, command, monkeypatch):
    words = (command, "a/x")
    for option in ("--output-dir", "--results-dir"):
        swa(*words, option, option[2:])
    for key in ("output_dir", "output-dir", "results_dir", "results-dir"):
        for text in (f'{key} = "{key}"', f'[{command}]\n{key} = "{key}"'):
            Path("c.toml").write_text(text)
            swa(*words, "--config", "c.toml")
    monkeypatch.setenv("SWA_RESULTS_DIR", "env")
    swa(*words)
    keys = [key for key in ("output_dir", "output-dir", "results_dir", "results-dir") for _ in range(2)]
    assert [str(one.results_dir) for one in handed] == ["output-dir", "results-dir", *keys, "env"]


def test_options_from_environment_and_config(swa, handed, monkeypatch):
    coordinate = "L11.mlp.down_proj[507,1229]"
    for name, value in {"MODELS": "a/x, b/y", "SUPER_WEIGHTS": coordinate, "NEURONS": "11:3, 11:4"}.items():
        monkeypatch.setenv(f"SWA_{name}", value)
    Path("c.toml").write_text('neurons = ["1:1"]\ntop_tokens = 5\n[vocab]\nbootstrap = 7\nenable_cascade = true')
    called = swa("vocab", "--config", "c.toml")
    assert called.code == 0, called.err
    (asked,) = handed
    assert asked.models == ["a/x", "b/y"]
    assert asked.weights.super_weights == (coordinate,)
    assert asked.options == InterventionOptions(bootstrap=7, cascade=True, top_tokens=5)
    assert asked.neurons == NeuronOptions(neurons=("11:3", "11:4"), top_tokens=5)


@pytest.mark.parametrize("words", ["a/x b/y", "--models a/x b/y", "--models a/x --models b/y", "a/x --models b/y"])
@pytest.mark.parametrize("command", ["vocab", "cascade"])
def test_spellings_of_several_models(swa, handed, command, words):
    assert swa(command, *words.split()).code == 0
    assert handed[0].models == ["a/x", "b/y"]


SHORT = ("--stride", "600", "--window-len", "500")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("vocab",), "No model"),
        (("cascade",), "No model"),
        (("vocab", "a/x", *SHORT), "--stride 600"),
        (("cascade", "a/x", *SHORT), "--stride 600"),
        (("vocab", "a/x", "--window-len", "1"), "window-len"),
        (("cascade", "a/x", "--tokens", "0"), "tokens"),
        (("vocab", "a/x", "--control-samples", "0"), "control-samples"),
        (("vocab", "a/x", "--bootstrap", "-1"), "bootstrap"),
        (("vocab", "a/x", "--top-tokens", "0"), "top-tokens"),
        (("vocab", "a/x", "--neurons", "11"), "'11' is no neuron"),
        (("vocab", "a/x", "--neurons", "11:e:3"), "no neuron"),
        (("vocab", "a/x", "--neurons", "-1:3"), "no neuron"),
        (("vocab", "a/x", "--neurons"), "at least one value"),
        (("vocab", "--neurons", "11:3", "demo"), "before list options"),
        (("vocab", "a/x", "--super-weights", "L11.mlp"), "neither a file nor a coordinate"),
        (("cascade", "a/x", "--layers", "some"), "neither all"),
        (("cascade", "a/x", "--layers", "every", "0"), "neither all"),
        (("cascade", "a/x", "--layers", "every"), "neither all"),
        (("cascade", "a/x", "--layers", "-1"), "neither all"),
        (("cascade", "a/x", "--layers", "all", "3"), "--layers has all beside"),
        (("cascade", "a/x", "--layers", "every", "4", "3"), "--layers has every:4 beside"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_options_are_refused_before_anything_is_loaded(swa, words, says):
    called = swa(*words)
    assert called.code == 2, called.err
    assert says in called.err
    assert called.out == ""
    assert not Path("results").exists()
