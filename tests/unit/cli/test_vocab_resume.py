"""`swa vocab` again: finished runs, more of it, other configurations, --force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swa.schemas.cards import SuperWeightCard
from tests.unit.cli.fakes import confirmation, contents, detection, files_below, super_weight
from tests.unit.cli.vocab_fakes import FOLDER, ONE, ROOT, TWO, configuration

BOTH = ("vocab", "a/x", "--super-weights", ONE, "--super-weights", TWO)


def block(path: Path = FOLDER.run_config) -> dict:
    return configuration("vocab", path)


def coordinates() -> list[str]:
    return [json.loads(line)["coordinate"] for line in FOLDER.super_weight_cards.read_text().splitlines()]


class TestFinished:
    def test_nothing_is_loaded_computed_or_written(self, swa, vocabulary):
        words = (*BOTH, "--neurons", "11:7", "--all-neurons")
        first = swa(*words)
        assert first.code == 0, first.err
        files = files_below(ROOT)
        vocabulary.order.clear()
        again = swa(*words)
        assert again.code == 0
        assert files_below(ROOT) == files
        assert vocabulary.order == ["text"]
        assert "a/x is finished already" in again.err
        assert again.out == first.out

    def test_manners_and_options_that_do_not_act_are_no_other_question(self, swa, vocabulary):
        assert swa(*BOTH).code == 0
        called = swa(*BOTH, "-v", "--json", "--spike-threshold", "3", "--device", "cpu")
        assert "finished already" in called.err
        assert swa(*BOTH[:2], "--neurons", "11:1229", "--tokens", "70", "--bootstrap", "5").code == 0
        assert len(vocabulary.passes) == len(vocabulary.neurons) - 1 == 1

    def test_part_of_it_is_finished_too(self, swa, vocabulary):
        swa(*BOTH)
        called = swa("vocab", "a/x", "--super-weights", TWO)
        assert "finished already" in called.err
        assert TWO in called.out
        assert ONE not in called.out

    def test_derived_files_are_made_from_the_cards(self, swa, vocabulary):
        swa(*BOTH)
        before = contents(ROOT)
        for path in [*FOLDER.super_weight_plots.iterdir(), *FOLDER.neuron_plots.iterdir(), *FOLDER.summaries.iterdir()]:
            path.unlink()
        for path in (ROOT / "README.md", ROOT / "cross_model_summary.json", ROOT / "run_config.json"):
            path.unlink()
        assert "finished already" in swa(*BOTH).err
        assert contents(ROOT) == before
        assert (ROOT / "cross_model_summary.json").exists()
        assert block(ROOT / "run_config.json")["status"] == "complete"

    def test_models_that_were_finished_apart_are_put_together(self, swa, vocabulary):
        words = ("--super-weights", ONE)
        swa("vocab", "a/x", *words)
        swa("vocab", "b/y", *words)
        assert swa("vocab", "a/x", "b/y", *words).code == 0
        assert len(vocabulary.loaded) == 2
        summary = json.loads((ROOT / "cross_model_summary.json").read_text())
        assert [model["model"] for model in summary["models"]] == ["a/x", "b/y"]


class TestMore:
    def test_cards_that_are_there_are_kept(self, swa, vocabulary):
        swa("vocab", "a/x", "--super-weights", ONE)
        before = FOLDER.super_weight_cards.read_text()
        assert swa(*BOTH).code == 0
        assert [one.weights for one in vocabulary.passes] == [[ONE], [TWO]]
        assert coordinates() == [ONE, TWO]
        assert FOLDER.super_weight_cards.read_text().startswith(before)
        assert [number for _, number in vocabulary.neurons] == [1229, 20]
        assert set(vocabulary.passes[1].candidates) == {ONE, TWO}

    def test_a_card_whose_control_is_near_a_new_super_weight_is_made_again(self, swa, vocabulary):
        vocabulary.controls = ((1, 20), (3, 4), (5, 6))
        swa("vocab", "a/x", "--super-weights", ONE)
        vocabulary.controls = ((1, 2), (3, 4), (5, 6))
        assert swa(*BOTH).code == 0
        assert [one.weights for one in vocabulary.passes] == [[ONE], [ONE, TWO]]
        assert coordinates() == [ONE, TWO]
        first = SuperWeightCard.model_validate_json(FOLDER.super_weight_cards.read_text().splitlines()[0])
        assert first.controls.random_coords[0] == (1, 2)

    def test_and_so_is_one_near_a_new_candidate(self, swa, vocabulary):
        vocabulary.controls = ((1, 20), (3, 4), (5, 6))
        vocabulary.results["a/x"] = detection([super_weight(model="a/x")], model="a/x")
        swa("vocab", "a/x")
        assert "finished already" in swa("vocab", "a/x").err
        weak = super_weight(9, 20, model="a/x", confirmation=confirmation(0.001, confirmed=False))
        vocabulary.results["a/x"] = detection([super_weight(model="a/x"), weak], model="a/x")
        swa("detect", "a/x", "--force", "--results-dir", str(ROOT))
        assert "finished already" not in swa("vocab", "a/x").err
        assert vocabulary.passes[-1].weights == [ONE]

    def test_named_neurons_are_added(self, swa, vocabulary):
        swa("vocab", "a/x", "--neurons", "11:7")
        swa("vocab", "a/x", "--neurons", "11:7", "11:8")
        swa(*BOTH, "--neurons", "11:8")
        assert [number for _, number in vocabulary.neurons] == [7, 8, 1229, 20]
        assert block()["configurations"].keys() == {"neurons", "super_weights"}

    def test_what_another_run_said_of_its_file_stays(self, swa, vocabulary):
        swa(*BOTH)
        swa("vocab", "a/x", "--all-neurons")
        assert block()["configurations"].keys() == {"neurons", "super_weights", "census"}
        assert block()["windows"]["n_windows"] == 5
        assert block()["notes"] == ["a note of the pass"]
        assert "finished already" in swa(*BOTH).err


class TestOtherConfiguration:
    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--tokens", "70"], "--tokens was 30000 and is now 70"),
            (["--window-len", "700"], "--window-len was 1024 and is now 700"),
            (["--stride", "70"], "--stride was 512 and is now 70"),
            (["--drop-first-token"], "--drop-first-token was not given and is now given"),
            (["--bootstrap", "7"], "--bootstrap was 0 and is now 7"),
            (["--control-samples", "2"], "--control-samples was 3 and is now 2"),
            (["--top-tokens", "7"], "--top-tokens was 20 and is now 7"),
            (["--enable-cascade"], "--enable-cascade"),
            (["--enable-cosine"], "--enable-cosine"),
            (["--enable-enrichment"], "--enable-enrichment"),
            (["--seed", "7"], "--seed was 42 and is now 7"),
            (["--batch-size", "7"], "--batch-size was auto and is now 7"),
            (["--max-memory", "4GiB"], "--max-memory was not given and is now 4GiB"),
            (["--dtype", "bfloat16"], "--dtype was float32 and is now bfloat16"),
            (["--dataset", "builtin"], "the text is another"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_it_is_refused_by_name_and_force_replaces(self, swa, vocabulary, words, says):
        swa(*BOTH, "--neurons", "11:7")
        before = files_below(FOLDER.path)
        called = swa(*BOTH, *words)
        assert called.code == 2, called.err
        assert says in called.err
        assert "--force" in called.err
        after = files_below(FOLDER.path)
        assert {path for path in after if after[path] != before.get(path)} <= {FOLDER.log("")}
        assert len(vocabulary.loaded) == 1
        forced = swa(*BOTH, *words, "--force")
        assert forced.code == 0, forced.err
        assert coordinates() == [ONE, TWO]
        assert "finished already" in swa(*BOTH, *words).err

    def test_other_weights_and_another_revision(self, swa, vocabulary, monkeypatch):
        swa(*BOTH)
        fetch = vocabulary.fetch
        for change, says in (
            ({"revision": "abc"}, "the revision is another"),
            ({"fingerprint": "other"}, "the weights are others"),
        ):

            def changed(reference, change=change, **details):
                found = fetch(reference, **details)
                vars(found).update(change)
                return found

            monkeypatch.setattr("swa.models.loading.load.fetch", changed)
            called = swa(*BOTH)
            assert called.code == 2
            assert says in called.err

    def test_of_the_census(self, swa, vocabulary):
        swa("vocab", "a/x", "--all-neurons")
        called = swa("vocab", "a/x", "--all-neurons", "--seed", "7")
        assert called.code == 2
        assert f"'{FOLDER.census}' holds records of another configuration" in called.err
        assert swa("vocab", "a/x", "--all-neurons", "--seed", "7", "--force").code == 0
        assert vocabulary.census_seeds == [42, 7]

    def test_an_empty_file_takes_any(self, swa, vocabulary):
        vocabulary.results["a/x"] = detection([], model="a/x")
        swa("vocab", "a/x")
        assert "finished already" in swa("vocab", "a/x", "--tokens", "70").err
        assert swa(*BOTH, "--tokens", "70").code == 0
        assert block()["configurations"]["super_weights"]["values"]["tokens"] == 70

    def test_cards_of_which_nothing_is_known_are_not_added_to(self, swa, vocabulary):
        swa(*BOTH)
        FOLDER.run_config.write_text("{")
        called = swa(*BOTH)
        assert called.code == 2
        assert "run_config.json does not say which" in called.err
        assert swa(*BOTH, "--force").code == 0
        assert "finished already" in swa(*BOTH).err


class TestForce:
    def test_everything_is_computed_again(self, swa, vocabulary):
        words = (*BOTH, "--neurons", "11:7", "--all-neurons")
        swa(*words)
        whole = contents(ROOT)
        assert swa(*words, "--force").code == 0
        assert len(vocabulary.passes) == 2
        assert len(vocabulary.neurons) == 6
        assert vocabulary.parts == [0, 0]
        assert contents(ROOT) == whole

    def test_cards_and_figures_of_others_go(self, swa, vocabulary):
        swa(*BOTH)
        assert swa("vocab", "a/x", "--super-weights", TWO, "--force").code == 0
        assert coordinates() == [TWO]
        assert {path.name.split("-C")[0] for path in FOLDER.super_weight_plots.iterdir()} == {"mlp_out-L11-R10"}
        assert [path.name for path in FOLDER.neuron_plots.iterdir()] == ["11-20-effects.png"]

    def test_an_interrupted_one_leaves_the_finished_super_weights(self, swa, vocabulary):
        swa(*BOTH)
        before = FOLDER.super_weight_cards.read_bytes()
        vocabulary.dies_in = "pass"
        assert swa(*BOTH, "--force").code == 130
        vocabulary.dies_in = None
        assert FOLDER.super_weight_cards.read_bytes() == before
        assert "finished already" in swa(*BOTH).err

    def test_neurons_alone_leave_super_weights(self, swa, vocabulary):
        swa(*BOTH)
        before = FOLDER.super_weight_cards.read_bytes()
        assert swa("vocab", "a/x", "--neurons", "11:7", "--force").code == 0
        assert FOLDER.super_weight_cards.read_bytes() == before
        assert len(vocabulary.passes) == 1

    def test_the_detection_is_not_made_again(self, swa, vocabulary):
        swa("vocab", "a/x")
        swa("vocab", "a/x", "--force")
        assert vocabulary.detected == ["a/x"]
