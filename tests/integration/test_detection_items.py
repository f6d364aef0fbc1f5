"""A detection that was killed after any item goes on: no finished item again, and the record of an unbroken run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from swa.data.sources import TextSource, load_text
from swa.detection.analysis import Detection, detect
from swa.detection.options import DetectOptions
from swa.engine.ledger import finish
from swa.models.loading.load import load_model
from swa.progress import SilentProgress
from swa.store.ledger import FileLedger
from tests.support.ledgers import KilledError, KilledLedger
from tests.support.planted_models import write_planted_models
from tests.support.tiny_loaded import loaded_tiny, text_of

OPTIONS = DetectOptions(
    screen_top=6, max_iterations=2, batch_size=8, router_analysis_samples=2, enable_causal_scoring=True
)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    return {path.name: path for path in write_planted_models(folder)}


@pytest.fixture(scope="module")
def text():
    return load_text("builtin")


def _comparable(result):
    data = json.loads(result.model_dump_json())
    assert all(seconds > 0 for seconds in data.pop("timings").values())
    return data


@pytest.mark.parametrize(
    ("name", "on_disk"), [("dense", False), ("mixture", False), ("mixture", True)], ids=["dense", "moe", "on disk"]
)
def test_killed_after_any_item_it_goes_on_to_the_same_record(checkpoints, text, tmp_path, name, on_disk):
    loaded = load_model(str(checkpoints[name]), max_memory=0 if on_disk else None, cache_dir=tmp_path)
    options = replace(OPTIONS, enable_causal_scoring=not on_disk)
    unbroken = KilledLedger()
    expected = detect(loaded, text, options=options, ledger=unbroken)
    verdicts = [weight.confirmation.confirmed for weight in expected.super_weights]
    assert 2 <= sum(verdicts) < len(verdicts)
    n_items = len(unbroken.computed)
    assert n_items == len(set(unbroken.computed))

    broken = KilledLedger()
    killed_after = range(1, n_items + 1, 4 if on_disk else 1)  # one ledger, killed again and again
    for n_kept in killed_after:
        broken.kill_after = n_kept
        with pytest.raises(KilledError):
            detect(loaded, text, options=options, ledger=broken)
        assert broken.computed == unbroken.computed[:n_kept]
    result = detect(loaded, text, options=options, ledger=broken)
    assert broken.computed == unbroken.computed
    assert _comparable(result) == _comparable(expected)


def test_records_follow_from_the_answers_alone(checkpoints, text, monkeypatch):
    loaded = load_model(str(checkpoints["dense"]))
    ledger = KilledLedger()
    work = Detection(loaded, text, OPTIONS, SilentProgress())
    expected = finish(work, ledger, SilentProgress())

    def runs(*_args, **_kwargs):
        raise AssertionError("the model ran")

    monkeypatch.setattr(type(loaded.model), "forward", runs)
    assert work.records(ledger).model_dump_json() == expected.model_dump_json()


def test_answers_in_files_give_the_same_record(checkpoints, text, tmp_path):
    loaded = load_model(str(checkpoints["mixture"]))
    kept = FileLedger(tmp_path, warn=pytest.fail)
    expected = detect(loaded, text, options=OPTIONS, ledger=kept)
    assert any(weight.confirmation.delta_loss != weight.confirmation.delta_loss for weight in expected.super_weights)
    found = FileLedger(tmp_path, warn=pytest.fail)
    again = detect(loaded, text, options=OPTIONS, ledger=found)
    assert found.n_kept == 0 < kept.n_kept
    assert again.model_dump_json() == expected.model_dump_json()  # the seconds of the answers too


def test_a_second_detection_computes_only_what_the_first_one_did_not(checkpoints, text):
    loaded = load_model(str(checkpoints["dense"]))
    ledger = KilledLedger()
    detect(loaded, text, options=replace(OPTIONS, confirm=False), ledger=ledger)
    assert len(ledger.computed) == 1
    detect(loaded, text, options=OPTIONS, ledger=ledger)
    n_items = len(ledger.computed)
    assert len(set(ledger.computed)) == n_items > 5
    again = detect(loaded, text, options=replace(OPTIONS, seed=7), ledger=ledger)
    assert len(ledger.computed) == n_items  # another bootstrap of the same losses
    assert again.config["seed"] == 7


def test_fallbacks_are_said_by_a_resumed_run_too():
    loaded = loaded_tiny("gemma4_text@double_wide")  # later layers use the keys and values of earlier ones
    text = TextSource("letters", tuple(text_of(64 * 9).documents))
    options = DetectOptions(screens=("spike",), max_iterations=1, spike_threshold=1e-4, batch_size=8)
    unbroken, ledger = KilledLedger(), KilledLedger()
    expected = detect(loaded, text, options=options, ledger=unbroken)
    assert any(note.startswith("Layers before") for note in expected.notes)
    for n_kept in range(2, len(unbroken.computed), 2):
        ledger.kill_after = n_kept
        with pytest.raises(KilledError):
            detect(loaded, text, options=options, ledger=ledger)
    assert detect(loaded, text, options=options, ledger=ledger).notes == expected.notes
