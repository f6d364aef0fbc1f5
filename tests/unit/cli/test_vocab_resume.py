"""`swa vocab` on a tiny model again: more of it, another configuration, --force, interruptions, failures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from swa.errors import UnsupportedModelError
from swa.models.readout.residual_write import Branches
from swa.store.ledger import FileLedger
from swa.store.names import model_folder_name
from swa.store.vocab_tree import VocabFolder
from tests.support.dying import full_after, raising
from tests.support.helpful import COORDINATE as ONE
from tests.support.records import contents, files_below

pytestmark = pytest.mark.usefixtures("undrawn")
ROOT = Path("results/vocab-analysis")
TWO = "L2.mlp.c_proj[6,9]"
WINDOWS = ("--dataset", "builtin", "--tokens", "60", "--window-len", "30", "--stride", "30", "--batch-size", "2")
NAMED = ("--super-weights", ONE)
BOTH = (*NAMED, "--super-weights", TWO)


@pytest.fixture
def folder(helpful) -> VocabFolder:
    return VocabFolder(ROOT, model_folder_name(helpful, Path(helpful)))


@pytest.fixture
def vocab(swa, helpful):
    def call(*words: str):
        return swa("vocab", helpful, *WINDOWS, *words)

    return call


@pytest.fixture(scope="module")
def original(elsewhere, helpful):
    """A finished analysis of the first super weight, of a neuron and of all neurons."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("swa.runs.files.cards.draw_missing", lambda *_: None)
        return elsewhere("vocab", helpful, *WINDOWS, *NAMED, "--neurons", "0:7", "--all-neurons")[1]


@pytest.fixture
def finished(original):
    """Its files are in this test's folder."""
    shutil.copytree(original, ".", dirs_exist_ok=True)


def block(folder: VocabFolder) -> dict:
    return json.loads(folder.run_config.read_text())["vocab"]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def coordinates(folder: VocabFolder) -> list[str]:
    return [card["coordinate"] for card in lines(folder.super_weight_cards)]


def neurons(folder: VocabFolder) -> list[tuple[int, int]]:
    return [(card["layer"], card["neuron"]) for card in lines(folder.neuron_cards)]


@pytest.mark.usefixtures("finished")
class TestMore:
    def test_cards_that_are_there_are_kept(self, vocab, folder):
        before = folder.super_weight_cards.read_bytes()
        census, config = folder.census.stat().st_mtime_ns, block(folder)
        called = vocab(*BOTH, "--neurons", "0:7", "0:8", "0:8")
        assert called.code == 0, called.err
        assert "1 super weight, 5 variants" in called.err
        assert folder.super_weight_cards.read_bytes().startswith(before)
        assert coordinates(folder) == [ONE, TWO]
        assert neurons(folder) == [(1, 9), (0, 7), (2, 9), (0, 8)]
        assert folder.census.stat().st_mtime_ns == census
        assert block(folder)["configurations"] == config["configurations"]

    def test_what_another_run_said_of_its_file_stays(self, vocab, folder):
        before = block(folder)
        assert vocab("--neurons", "0:8").code == 0
        assert {name: block(folder)[name] for name in ("windows", "notes", "configurations")} == {
            name: before[name] for name in ("windows", "notes", "configurations")
        }
        assert "finished already" in vocab(*NAMED).err

    def test_a_card_whose_control_is_near_a_new_super_weight_is_made_again(self, vocab, folder):
        (card,) = lines(folder.super_weight_cards)
        row, col = card["controls"]["random_coords"][0]
        near = f"L1.mlp.c_proj[{(row + 1) % 5},{col}]"
        called = vocab(*NAMED, "--super-weights", near)
        assert "2 super weights, 10 variants" in called.err
        assert coordinates(folder) == [ONE, near]
        for card in lines(folder.super_weight_cards):
            assert all(control[1] != col for control in card["controls"]["random_coords"])

    def test_a_torn_card_is_said_and_made_again(self, vocab, folder):
        folder.neuron_cards.write_bytes(folder.neuron_cards.read_bytes()[:-30])
        called = vocab("--neurons", "0:7")
        assert f"The last line of '{folder.neuron_cards}' was torn" in called.err
        assert neurons(folder) == [(1, 9), (0, 7)]


@pytest.mark.usefixtures("finished")
class TestOtherConfiguration:
    """Which options make another one: tests of keys."""

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            ((*NAMED, "--tokens", "70"), "super_weights.jsonl' holds records of another configuration: --tokens was"),
            ((*NAMED, "--enable-cosine"), "neurons.jsonl' holds records of another configuration: --enable-cosine"),
            (("--all-neurons", "--seed", "7"), "census.parquet' holds records of another configuration: --seed was 42"),
            ((*NAMED, "--dtype", "bfloat16"), "--dtype was float32 and is now bfloat16"),
        ],
        ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else "",
    )
    def test_it_is_refused_and_force_replaces(self, vocab, folder, words, says):
        before = files_below(folder.path)
        called = vocab(*words)
        assert called.code == 2, called.err
        assert says in called.err
        assert "--force" in called.err
        after = files_below(folder.path)
        assert {path for path in after if after[path] != before[path]} <= {folder.log("")}
        assert vocab(*words, "--force").code == 0
        assert "finished already" in vocab(*words).err

    def test_other_weights(self, vocab, folder, helpful):
        shutil.copytree(helpful, "other")
        config = json.loads(Path("other/config.json").read_text())
        Path("other/config.json").write_text(json.dumps({**config, "note": "other"}))
        folder.path.rename(ROOT / model_folder_name("other", Path("other")))
        called = vocab(*NAMED, "--models", "other")
        assert called.code == 7
        assert "the weights are others" in called.err

    def test_cards_of_which_nothing_is_known_are_not_added_to(self, vocab, folder):
        folder.run_config.write_text("{")
        called = vocab(*NAMED)
        assert called.code == 2
        assert "run_config.json does not say which" in called.err
        assert vocab(*NAMED, "--force").code == 0
        assert "finished already" in vocab(*NAMED).err


@pytest.mark.usefixtures("finished")
class TestForce:
    WORDS = (*NAMED, "--neurons", "0:7", "--all-neurons", "--force")

    def test_everything_is_computed_again(self, vocab, folder):
        vocab(*NAMED)  # draws
        whole, before = contents(ROOT), files_below(folder.path)
        assert vocab(*self.WORDS).code == 0
        assert contents(ROOT) == whole
        after = files_below(folder.path)
        answers = {*folder.ledger.iterdir()}
        assert len(answers) == 4 + 4 + 1  # two batches in two chunks, four matrices, some neurons
        assert not {path for path in answers if after[path] == before[path]}

    def test_cards_and_figures_of_others_go(self, vocab, folder):
        assert vocab("--super-weights", TWO, "--force").code == 0
        assert (coordinates(folder), neurons(folder)) == ([TWO], [(2, 9)])
        assert {path.name.split("-C")[0] for path in folder.super_weight_plots.iterdir()} == {"mlp_out-L2-R6"}
        assert [path.name for path in folder.neuron_plots.iterdir()] == ["2-9-effects.png"]

    def test_neurons_alone_leave_super_weights(self, vocab, folder):
        before = folder.super_weight_cards.stat().st_mtime_ns
        assert vocab("--neurons", "0:8", "--force").code == 0
        assert folder.super_weight_cards.stat().st_mtime_ns == before

    def test_an_interrupted_one_leaves_what_was_finished(self, vocab, folder, monkeypatch):
        before = folder.super_weight_cards.read_bytes()
        with monkeypatch.context() as dying:
            dying.setattr(FileLedger, "put", raising(KeyboardInterrupt()))
            assert vocab(*self.WORDS).code == 130
        assert block(folder)["status"] == "interrupted"
        assert folder.super_weight_cards.read_bytes() == before
        assert "finished already" in vocab(*NAMED).err
        assert block(folder)["status"] == "complete"


class TestNeurons:
    def test_alone_nothing_is_detected_and_no_text_is_read(self, swa, helpful, folder):
        called = swa("vocab", helpful, "--dataset", "nothing.txt", "--neurons", "0:7", "0:3")
        assert called.code == 0, called.err
        assert neurons(folder) == [(0, 7), (0, 3)]
        assert not folder.super_weight_cards.exists()
        assert not folder.super_weight_table.exists()
        assert block(folder)["dataset_fingerprint"] is None

    def test_one_that_is_not_there_is_said_after_loading(self, vocab, folder):
        called = vocab("--neurons", "9:7")
        assert called.code == 2
        assert "Layers with a down projection are 0 to 3" in called.err
        assert not folder.ledger.exists()

    class TestWithoutEffects:
        @pytest.fixture(autouse=True)
        def undefined(self, monkeypatch):
            branch_of = Branches.of

            def of(branches, site):
                if site.layer == 1:
                    raise UnsupportedModelError("It writes elsewhere.")
                return branch_of(branches, site)

            monkeypatch.setattr(Branches, "of", of)

        def test_super_weights_have_no_neuron_card(self, vocab, folder):
            called = vocab(*BOTH)
            assert called.code == 0, called.err
            assert (coordinates(folder), neurons(folder)) == ([ONE, TWO], [(2, 9)])
            assert "Note: Neurons of transformer.h.1.mlp.c_proj write elsewhere" in called.out
            assert block(folder)["without_effects"] == ["transformer.h.1.mlp.c_proj"]
            assert "finished already" in vocab(*BOTH).err

        def test_named_ones_must_have_them(self, vocab):
            assert vocab(*NAMED, "--neurons", "1:9").code == 4

        def test_the_census_leaves_them_out(self, vocab):
            called = vocab("--all-neurons")
            assert "1 of 4 down projections do not write" in called.err
            assert "finished already" in vocab("--all-neurons").err


class TestFailures:
    def test_a_model_without_vocabulary_effects_ends_before_the_pass(self, vocab, folder, monkeypatch):
        failing = raising(UnsupportedModelError("Several streams."))
        monkeypatch.setattr("swa.vocabulary.space.vocabulary_space", failing)
        called = vocab(*BOTH)
        assert called.code == 4
        assert not folder.ledger.exists()

    @pytest.mark.parametrize(("n_kept", "code"), [(0, 2), (1, 7)])
    def test_a_full_disk(self, vocab, folder, monkeypatch, n_kept, code):
        with monkeypatch.context() as failing:
            failing.setattr(FileLedger, "put", full_after(n_kept))
            called = vocab(*BOTH)
        assert called.code == code
        assert "No space left" in called.err
        assert ("is kept in" in called.err) == (code == 7)
        assert block(folder)["status"] == "failed"

    def test_a_locked_folder(self, vocab, folder):
        folder.path.mkdir(parents=True)
        with folder.locked():
            called = vocab(*BOTH)
        assert called.code == 2
        assert "Another run is at work" in called.err

    def test_a_folder_that_cannot_be_written(self, vocab):
        ROOT.parent.mkdir()
        ROOT.write_text("a file")
        called = vocab(*BOTH)
        assert called.code == 2
        assert "cannot be written" in called.err

    def test_a_write_of_the_root_that_fails_is_partial(self, vocab):
        (ROOT / "README.md").mkdir(parents=True)
        called = vocab("--neurons", "0:7")
        assert called.code == 7
        assert "The models' own files are written" in called.err
