"""`swa vocab` that was interrupted, or could not write: what is kept, and how it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from swa.errors import UnsupportedModelError
from swa.store.atomic import WriteError
from tests.unit.cli.fakes import contents
from tests.unit.cli.vocab_fakes import FOLDER, ONE, ROOT, TWO, configuration

BOTH = ("vocab", "a/x", "--super-weights", ONE, "--super-weights", TWO)


def block(path: Path = FOLDER.run_config) -> dict:
    return configuration("vocab", path)


class TestInterrupted:
    def test_in_the_pass_it_goes_on_behind_the_last_batch(self, swa, vocabulary):
        vocabulary.dies_in = "pass"
        assert swa(*BOTH).code == 130
        assert block()["status"] == "interrupted"
        assert not FOLDER.super_weight_cards.exists()
        vocabulary.dies_in = None
        assert swa(*BOTH).code == 0
        assert vocabulary.batches == [0, 1]
        assert [number for _, number in vocabulary.neurons] == [1229, 20]
        assert block()["status"] == "complete"

    def test_sums_of_another_pass_are_not_used(self, swa, vocabulary):
        vocabulary.dies_in = "pass"
        swa(*BOTH)
        swa(*BOTH, "--force")
        vocabulary.dies_in = None
        assert swa(*BOTH, "--tokens", "70").code == 0
        assert vocabulary.batches == [0, 0, 0, 1]

    @pytest.mark.parametrize(
        "change",
        [["--window-len", "70", "--stride", "70"], ["--control-samples", "2"], ["--enable-cascade"]],
        ids=" ".join,
    )
    def test_nor_those_of_other_windows_or_variants(self, swa, vocabulary, change):
        vocabulary.dies_in = "pass"
        swa(*BOTH)
        vocabulary.dies_in = None
        assert swa(*BOTH, *change).code == 0
        assert vocabulary.batches == [0, 0, 1]

    @pytest.mark.parametrize("change", [["--top-tokens", "7"], ["--bootstrap", "7"]], ids=" ".join)
    def test_what_does_not_change_the_sums_uses_them(self, swa, vocabulary, change):
        vocabulary.dies_in = "pass"
        swa(*BOTH, *change)
        vocabulary.dies_in = None
        assert swa(*BOTH, *change).code == 0
        assert vocabulary.batches == [0, 1]

    @pytest.mark.parametrize("place", ["neurons", "pass", "census", "figures"])
    def test_the_same_command_gives_the_same_files(self, swa, vocabulary, monkeypatch, place):
        words = (*BOTH, "--neurons", "11:7", "--all-neurons")
        assert swa(*words).code == 0
        whole = contents(ROOT)
        ROOT.rename("uninterrupted")
        if place == "figures":
            with monkeypatch.context() as broken:
                broken.setattr("swa.reports.plots.style.png", _interrupt)
                assert swa(*words).code == 130
        else:
            vocabulary.dies_in = place
            assert swa(*words).code == 130
            vocabulary.dies_in = None
        called = swa(*words)
        assert called.code == 0, called.err
        assert contents(ROOT) == whole
        assert block()["status"] == block(ROOT / "run_config.json")["status"] == "complete"

    def test_a_torn_card_is_said_and_made_again(self, swa, vocabulary):
        swa("vocab", "a/x", "--neurons", "11:7", "11:8")
        FOLDER.neuron_cards.write_bytes(FOLDER.neuron_cards.read_bytes()[:-30])
        called = swa("vocab", "a/x", "--neurons", "11:7", "11:8")
        assert f"The last line of '{FOLDER.neuron_cards}' was torn" in called.err
        assert [number for _, number in vocabulary.neurons] == [7, 8, 8]
        assert len(FOLDER.neuron_cards.read_text().splitlines()) == 2

    def test_parts_of_the_census_are_kept(self, swa, vocabulary):
        vocabulary.dies_in = "census"
        assert swa("vocab", "a/x", "--all-neurons").code == 130
        vocabulary.dies_in = None
        assert swa("vocab", "a/x", "--all-neurons").code == 0
        assert vocabulary.parts == [0]


def _interrupt(_figure):
    raise KeyboardInterrupt


class TestFailures:
    def test_a_model_without_vocabulary_effects_ends_before_the_pass(self, swa, vocabulary):
        vocabulary.fails_in["space"] = UnsupportedModelError("Several streams.")
        called = swa(*BOTH)
        assert called.code == 4
        assert vocabulary.passes == []
        assert block()["status"] == "failed"

    @pytest.mark.parametrize(("place", "code"), [("space", 2), ("neurons", 7), ("pass", 7)])
    def test_a_full_disk(self, swa, vocabulary, place, code):
        vocabulary.fails_in[place] = WriteError("'x' could not be written: No space left.")
        called = swa(*BOTH)
        assert called.code == code
        assert "No space left" in called.err
        assert ("is kept in" in called.err) == (code == 7)

    def test_a_locked_folder(self, swa, vocabulary):
        FOLDER.path.mkdir(parents=True)
        with FOLDER.locked():
            called = swa(*BOTH)
        assert called.code == 2
        assert "Another run is at work" in called.err

    def test_a_folder_that_cannot_be_written(self, swa, vocabulary):
        ROOT.parent.mkdir()
        ROOT.write_text("a file")
        called = swa(*BOTH)
        assert called.code == 2
        assert "cannot be written" in called.err

    def test_a_write_of_the_root_that_fails_is_partial(self, swa, vocabulary, monkeypatch):
        def fail(*_):
            raise WriteError("'README.md' could not be written: No space left.")

        monkeypatch.setattr("swa.cli.vocab_root.write_if_other", fail)
        called = swa(*BOTH)
        assert called.code == 7
        assert "The models' own files are written" in called.err
