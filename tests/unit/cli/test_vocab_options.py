"""Every option of `swa vocab` reaches what it is for; defaults are those of the analysis."""

from __future__ import annotations

from pathlib import Path

import pytest

from swa.data.options import WindowOptions
from swa.store.vocab_tree import VocabFolder
from swa.vocabulary.options import InterventionOptions, NeuronOptions

ROOT = Path("results/vocab-analysis")
FIRST = ("--super-weights", "L11.mlp.down_proj[507,1229]")


@pytest.fixture
def vocab(swa, vocabulary):
    def call(*words: str):
        called = swa("vocab", "a/x", *FIRST, *words)
        assert called.code == 0, called.err
        return vocabulary.passes[-1]

    return call


def test_the_defaults_are_those_of_the_analysis(vocab, vocabulary):
    seen = vocab()
    assert seen.options == InterventionOptions()
    assert seen.windows == WindowOptions()
    assert seen.text == "wikitext-2"
    assert vocabulary.neuron_options == [NeuronOptions()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--control-samples", "2"], {"control_samples": 2}),
        (["--bootstrap", "7"], {"bootstrap": 7}),
        (["--top-tokens", "7"], {"top_tokens": 7}),
        (["--enable-cascade"], {"cascade": True}),
        (["--seed", "7"], {"seed": 7}),
        (["--batch-size", "7"], {"batch_size": 7}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_of_the_interventions(vocab, words, expected):
    assert vocab(*words).options == InterventionOptions(**expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--tokens", "70"], {"tokens": 70}),
        (["--window-len", "700"], {"window_len": 700}),
        (["--stride", "70"], {"stride": 70}),
        (["--drop-first-token"], {"drop_first_token": True}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_of_the_windows(vocab, words, expected):
    assert vocab(*words).windows == WindowOptions(**expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--enable-cosine"], {"cosine": True}),
        (["--enable-enrichment"], {"enrichment": True}),
        (["--top-tokens", "7"], {"top_tokens": 7}),
        (["--seed", "7"], {"seed": 7}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_of_the_neurons(vocab, vocabulary, words, expected):
    vocab(*words)
    assert vocabulary.neuron_options == [NeuronOptions(**expected)]


def test_the_seed_of_the_census(swa, vocabulary):
    assert swa("vocab", "a/x", "--all-neurons", "--seed", "7").code == 0
    assert vocabulary.census_seeds == [7]


@pytest.mark.parametrize("command", ["vocab", "cascade"])
@pytest.mark.parametrize("option", ["--output-dir", "--results-dir"])
def test_the_results_folder(swa, vocabulary, command, option):
    assert swa(command, "a/x", *FIRST, option, "other").code == 0
    assert VocabFolder(Path("other"), "a--x").run_config.exists()
    assert not ROOT.exists()


@pytest.mark.parametrize("command", ["vocab", "cascade"])
def test_the_results_folder_from_environment_and_config(swa, vocabulary, command, monkeypatch):
    for number, key in enumerate(("output_dir", "output-dir", "results_dir", "results-dir")):
        for place, text in enumerate((f'{key} = "top{number}"', f'[{command}]\n{key} = "own{number}"')):
            Path("c.toml").write_text(text)
            called = swa(command, "a/x", *FIRST, "--config", "c.toml")
            assert called.code == 0, called.err
            assert VocabFolder(Path(f"{('top', 'own')[place]}{number}"), "a--x").run_config.exists()
    monkeypatch.setenv("SWA_RESULTS_DIR", "env")
    assert swa(command, "a/x", *FIRST).code == 0
    assert VocabFolder(Path("env"), "a--x").run_config.exists()


def test_options_from_the_environment(swa, vocabulary, monkeypatch):
    for name, value in {
        "SWA_MODELS": "a/x",
        "SWA_SUPER_WEIGHTS": "L11.mlp.down_proj[507,1229]",
        "SWA_NEURONS": "11:3, 11:4",
        "SWA_BOOTSTRAP": "7",
        "SWA_ENABLE_CASCADE": "1",
        "SWA_DROP_FIRST_TOKEN": "true",
        "SWA_TOP_TOKENS": "5",
    }.items():
        monkeypatch.setenv(name, value)
    called = swa("vocab")
    assert called.code == 0, called.err
    (seen,) = vocabulary.passes
    assert seen.options == InterventionOptions(bootstrap=7, cascade=True, top_tokens=5)
    assert seen.windows == WindowOptions(drop_first_token=True)
    assert [number for _, number in vocabulary.neurons] == [1229, 3, 4]


def test_options_from_a_config(swa, vocabulary):
    Path("c.toml").write_text('neurons = ["11:3"]\n[vocab]\nbootstrap = 7\nall_neurons = true')
    assert swa("vocab", "a/x", "--config", "c.toml").code == 0
    assert vocabulary.neurons == [("model.layers.11.mlp.down_proj", 3)]
    assert vocabulary.parts == [0]
    assert vocabulary.passes == []


@pytest.mark.parametrize("words", ["a/x b/y", "--models a/x b/y", "--models a/x --models b/y", "a/x --models b/y"])
@pytest.mark.parametrize("command", ["vocab", "cascade"])
def test_three_spellings_of_several_models(swa, vocabulary, command, words):
    assert swa(command, *words.split(), *FIRST).code == 0
    done = vocabulary.passes if command == "vocab" else vocabulary.cascades
    assert [one.model for one in done] == ["a/x", "b/y"]
