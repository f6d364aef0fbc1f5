"""`swa run` does what its steps do alone, with every option of theirs, and ends as they do."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import typer
from swa.cli.run_end import merged

from swa.cli.declare.kinds import option_kinds
from swa.cli.main import app
from swa.errors import UnsupportedModelError
from swa.schemas.registry import parse_record
from swa.store.results import RunFolder
from tests.unit.cli.fakes import confirmation, detection, super_weight
from tests.unit.cli.run_fakes import RunMachinery

COMMANDS = typer.main.get_command(app).commands
STEPS = ("detect", "evaluate", "vocab")
FOLDER = RunFolder(Path("results"))
FIRST, SECOND = "L11.mlp.down_proj[507,1229]", "L11.mlp.down_proj[507,1487]"
VALUES = {
    "accuracy_tasks": "builtin",
    "cache_dir": "cache",
    "data_dir": "data",
    "dataset": "builtin",
    "device": "cpu",
    "dtype": "bfloat16",
    "max_memory": "1GiB",
    "neurons": "11:3",
    "prompt": "Hello.",
    "protocol": "windows",
    "revision": "main",
    "scales": "0.5",
    "screen": "spike",
    "spike_threshold": "auto",
    "super_weights": SECOND,
    "window_len": "700",
}
"""Values other than the default, where a number will not do."""
ABOUT_THE_CALL = {"models", "results_dir", "force", "json", "verbose", "quiet", "confirmed_only", "allow_mismatch"}
ONLY_ALONE = {"jsonl", "list_tasks"}
"""Options of the steps that show something else than a whole way has to show."""


def words_for(kind) -> list[str]:
    if kind.name == "enable_cascade":
        return ["--no-cascade"]
    option = f"--{kind.name.replace('_', '-')}"
    if kind.form == "flag":
        return [option]
    share = kind.name in ("p_active_floor", "co_spike_threshold")
    return [option, VALUES.get(kind.name, "0.5" if share else "70")]


OPTIONS = {kind.name: words_for(kind) for kind in option_kinds(COMMANDS["run"]) if kind.name not in ABOUT_THE_CALL}


@pytest.fixture
def install(monkeypatch):
    def fresh() -> RunMachinery:
        machinery = RunMachinery().install(monkeypatch)
        negligible = super_weight(507, 1487, model="a/x", confirmation=confirmation(0.01, confirmed=False))
        machinery.results["a/x"] = detection([super_weight(model="a/x"), negligible], model="a/x")
        return machinery

    return fresh


@pytest.fixture
def machinery(install):
    return install()


def reached(machinery) -> dict:
    """What each analysis was given, and how the model was loaded."""
    return {
        "models": list(dict.fromkeys(machinery.fetched)),
        "loading": {repr({k: v for k, v in details.items() if k != "progress"}) for details in machinery.loaded},
        "detection": machinery.options,
        "evaluation": [
            (one.model, [weight.coordinate for weight in one.weights], one.text and vars(one.text), one.options)
            for one in machinery.evaluated
        ],
        "tasks": [{k: v for k, v in tasks.items() if k != "progress"} for tasks in machinery.tasks_loaded],
        "passes": machinery.passes,
        "neurons": (machinery.neuron_options, machinery.neurons, machinery.parts, machinery.census_seeds),
    }


def alone(swa, words: list[str]) -> None:
    """The steps as single commands."""
    for step in STEPS if "--super-weights" not in words else STEPS[1:]:
        known = {spelling for option in COMMANDS[step].params for spelling in option.opts}
        more = [*words] if words and words[0] in known else []
        if step == "vocab" and "--no-cascade" not in words:
            more.append("--enable-cascade")
        if step == "vocab" and {"--neurons", "--all-neurons"} & set(words):
            more += ["--super-weights", FIRST]
        called = swa(step, "a/x", *more)
        assert called.code == 0, called.err


@pytest.fixture
def default(swa, install, tmp_path, monkeypatch):
    """What a call without options reaches; computed once."""
    if not _DEFAULT:
        (tmp_path / "default").mkdir()
        monkeypatch.chdir(tmp_path / "default")
        machinery = install()
        assert swa("run", "a/x").code == 0
        _DEFAULT.append(reached(machinery))
        monkeypatch.chdir(tmp_path)
    return _DEFAULT[0]


_DEFAULT: list[dict] = []


def test_every_option_of_the_steps_can_be_given():
    of_steps = {kind.name for step in STEPS for kind in option_kinds(COMMANDS[step])}
    assert {kind.name for kind in option_kinds(COMMANDS["run"])} == of_steps - ONLY_ALONE | {"allow_mismatch"}


@pytest.mark.parametrize("name", [None, *OPTIONS])
def test_every_option_acts_as_in_the_single_commands(name, swa, install, default, tmp_path, monkeypatch):
    words = [] if name is None else OPTIONS[name]
    seen = []
    for folder, call in (("whole", lambda: swa("run", "a/x", *words)), ("alone", lambda: alone(swa, words))):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        machinery = install()
        called = call()
        assert called is None or called.code == 0, called.err
        seen.append(reached(machinery))
    whole, single = seen
    if name in ("neurons", "all_neurons"):  # alone, they take the place of the detected super weights
        whole["passes"], single["passes"] = ([one.weights for one in seen["passes"]] for seen in (whole, single))
    assert whole == single
    assert (whole == default) is (name is None)


def test_the_model_is_loaded_once_and_everything_is_there(swa, machinery):
    called = swa("run", "a/x")
    assert (called.code, len(machinery.loaded)) == (0, 1), called.err
    root = FOLDER.evaluations.path / "a--x"
    assert list((root / "data").glob("detection_*.json"))
    assert list((root / "data").glob("analysis_*.json"))
    assert (FOLDER.cards.path / "a--x/metrics/super_weights/super_weights.jsonl").exists()
    assert called.out.splitlines()[-2:] == ["report: results/report.html", "markdown: results/report.md"]
    assert not FOLDER.comparison.exists()


def test_the_same_again_computes_nothing_and_says_the_same(swa, machinery):
    swa("run", "a/x")
    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    machinery.order.clear()
    again = swa("run", "a/x")
    assert again.code == 0
    assert {"model", "pass", "evaluate", "neurons"}.isdisjoint(machinery.order)
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("place", ["evaluate", "neurons", "pass"])
def test_an_interrupted_run_goes_on_where_it_stopped(place, swa, machinery):
    machinery.dies_in = place
    machinery.dies_after = 0 if place == "evaluate" else None
    assert swa("run", "a/x").code == 130
    machinery.dies_in = machinery.dies_after = None
    machinery.order.clear()
    assert swa("run", "a/x").code == 0
    assert machinery.detected == ["a/x"]
    assert ("evaluate" in machinery.order) is (place == "evaluate")
    assert len(machinery.passes) == 1


def test_force_does_every_step_again(swa, machinery):
    swa("run", "a/x")
    assert swa("run", "a/x", "--force").code == 0
    assert (len(machinery.detected), len(machinery.evaluated), len(machinery.passes)) == (2, 2, 2)


def test_several_models_are_compared_and_the_object_names_every_file(swa, machinery):
    called = swa("run", "a/x", "b/y", "--json")
    assert called.code == 0, called.err
    result = parse_record(called.out, "CommandResult")
    assert (result.command, result.status, [one.model for one in result.models]) == ("run", "complete", ["a/x", "b/y"])
    files = result.models[0].files
    assert all(Path(path).exists() for path in files.values())
    assert {"detection", "analysis", "super_weights", "report", "comparison", "run_config_of_run"} <= files.keys()
    assert {"largest_perplexity_ratio", "combined_ratio", "neuron_zero_delta_loss"} <= result.models[0].headline.keys()
    assert (result.models[0].n_candidates, result.models[0].n_confirmed) == (2, 1)
    block = parse_record(FOLDER.run_config.read_text(), "RunConfig").run
    assert (block.command, block.model, block.status) == ("run", "a/x, b/y", "complete")


def test_its_run_config_repeats_it(swa, machinery, monkeypatch):
    swa("run", "a/x", "--tokens", "70", "--no-cascade", "--skip-accuracy", "--seed", "7")
    assert swa("run", "--config", "results/run_config.json", "--results-dir", "again").code == 0
    assert vars(machinery.passes[0]) == vars(machinery.passes[1])
    assert machinery.evaluated[0].options == machinery.evaluated[1].options


def test_its_run_config_says_whose_weights_they_were(swa, machinery):
    swa("run", "a/x")
    whole = parse_record(FOLDER.run_config.read_text(), "RunConfig").run
    step = parse_record((FOLDER.evaluations.path / "a--x/run_config.json").read_text(), "RunConfig").detect
    assert (whole.weights_fingerprint, whole.revision) == (step.weights_fingerprint, step.revision)


def test_a_number_that_is_none_keeps_its_name():
    assert list(merged([("detect", {"loss": math.nan}), ("vocab", {"loss": 2.0})])) == ["loss", "vocab_loss"]


def test_a_step_that_fails_does_not_stop_the_others(swa, machinery):
    machinery.fails_in["pass"] = UnsupportedModelError("No pass.")
    called = swa("run", "a/x", "--json")
    assert called.code == 7
    assert "a/x, vocab: No pass." in called.err
    assert "Failed: a/x: vocab" in called.err
    assert (called.json["status"], len(called.json["models"])) == ("partial", 1)
    assert "super-weight cards: `swa vocab`" in Path("results/report.md").read_text()


def test_a_model_that_fails_does_not_stop_the_others(swa, machinery):
    machinery.failing["b/y"] = UnsupportedModelError("Not this one.")
    called = swa("run", "a/x", "b/y", "--json")
    assert (called.code, [one["model"] for one in called.json["models"]]) == (7, ["a/x"])
    assert not FOLDER.comparison.exists()


def test_a_run_of_which_nothing_succeeds_ends_as_its_first_step(swa, machinery):
    machinery.failing["a/x"] = UnsupportedModelError("Not this one.")
    assert swa("run", "a/x").code == 4
    assert swa("run", "a/x", "--super-weights", FIRST).code == 4


def test_models_that_could_not_be_measured_alike_are_compared_only_when_asked(swa, machinery, monkeypatch):
    swa("run", "a/x", "--skip-accuracy", "--dataset", "builtin")
    monkeypatch.setattr("swa.reports.compare.build.mismatches", lambda runs: ["texts: one in a/x; another in b/y"])
    refused = swa("run", "a/x", "b/y", "--skip-accuracy", "--dataset", "builtin")
    assert refused.code == 7
    assert "Failed: comparison" in refused.err
    assert swa("run", "a/x", "b/y", "--skip-accuracy", "--dataset", "builtin", "--allow-mismatch").code == 0


def test_only_confirmed_ones_are_shown_when_asked(swa, machinery):
    assert SECOND in swa("run", "a/x").out
    assert SECOND not in swa("run", "a/x", "--confirmed-only").out


def test_nothing_to_evaluate_is_refused(swa, machinery):
    called = swa("run", "a/x", "--skip-accuracy", "--skip-perplexity")
    assert (called.code, machinery.order) == (2, [])
