"""Evaluations in items: a killed one goes on to the same records, and what two have in common is computed once."""

from __future__ import annotations

import pytest
import torch

import swa.engine.packing.scorer as sequences_module
from swa.engine.ledger import Ledger, MemoryLedger
from swa.evaluation.analysis import Evaluation, evaluate
from swa.evaluation.harness.tasks import load_tasks
from swa.evaluation.options import EvaluateOptions
from swa.store.ledger import FileLedger
from tests.support.dying import DyingLedger
from tests.support.evaluating import TEXT, Heard, planted_model, super_weight
from tests.support.ledgers import KilledLedger


@pytest.fixture
def planted(request):
    return planted_model(getattr(request, "param", "llama"))


def n_tokens_run(loaded, monkeypatch):
    """Counts tokens that go through the first layer, and through the whole model by its last."""
    counts = {"first": 0, "last": 0}
    layers = loaded.model.model.layers
    for name, layer in (("first", layers[0]), ("last", layers[-1])):
        original = layer.forward

        def counted(hidden, *args, _name=name, _original=original, **kwargs):
            counts[_name] += hidden.shape[0] * hidden.shape[1]
            return _original(hidden, *args, **kwargs)

        monkeypatch.setattr(layer, "forward", counted)
    return counts


@pytest.mark.parametrize("planted", ["llama", "bloom"], indirect=True)
def test_killed_after_each_item_it_gives_the_same_records_and_notes(planted, tmp_path):
    loaded, weights = planted
    tasks = load_tasks(["builtin"], n_items=6, seed=42, num_fewshot=None, data_dir=None, progress=Heard())
    options = EvaluateOptions(perplexity_samples=6, batch_size=4, scales=(0.0, 1e30))  # losses that are no numbers too
    before = {name: parameter.clone() for name, parameter in loaded.model.named_parameters()}

    def evaluated(ledger: Ledger) -> Evaluation:
        return evaluate(loaded, weights, text=TEXT, tasks=tasks, options=options, ledger=ledger)

    expected = evaluated(MemoryLedger())
    found = None
    while found is None:
        try:
            found = evaluated(DyingLedger(tmp_path))
        except KeyboardInterrupt:
            assert all(torch.equal(parameter, before[name]) for name, parameter in loaded.model.named_parameters())
    assert len(list(tmp_path.iterdir())) > 10
    ledger = FileLedger(tmp_path, warn=print)
    for other in (found, evaluated(ledger)):
        assert other.analysis.model_dump_json() == expected.analysis.model_dump_json()
        assert repr(other.items) == repr(expected.items)
        assert other.notes == expected.notes
    assert ledger.n_kept == 0
    shares = loaded.model.config.model_type == "llama"
    assert sum("cannot be shared" in note for note in expected.notes) == (not shares)


def more_than(planted, before, after):
    """How many items an evaluation has, and how many more a second one; the second gives what it gives alone."""
    loaded, weights = planted
    weights = weights + [super_weight(loaded, 1, row, 4) for row in range(4)]

    def evaluated(choice, ledger):
        n, *options = choice
        chosen = EvaluateOptions(perplexity_samples=2, **dict(options))
        return evaluate(loaded, weights[:n], text=TEXT, options=chosen, ledger=ledger)

    ledger, alone = KilledLedger(), KilledLedger()
    evaluated(before, ledger)
    n_before = len(ledger.computed)
    assert evaluated(after, ledger) == evaluated(after, alone)
    new = ledger.computed[n_before:]
    assert len(set(ledger.computed)) == len(ledger.computed)
    assert set(new) <= set(alone.computed)
    return n_before, len(new)


def test_one_more_scale_or_super_weight_keeps_all_other_items(planted):
    # one batch of texts: its layout, the intact model, five single ones in two chunks, all together
    assert more_than(planted, (5,), (5, ("scales", (0.0, 0.5)))) == (5, 3)
    assert more_than(planted, (5,), (5, ("scales", (0.5, 0.0)))) == (5, 3)
    assert more_than(planted, (4,), (5,)) == (4, 2)  # a chunk of its own, and another 'all together'
    for left_out, n in (("individual", 2), ("combined", 1)):
        assert more_than(planted, (5,), (5, (left_out, False))) == (5, 0)
        assert more_than(planted, (5, (left_out, False)), (5,)) == (5 - n, n)


def test_one_super_weight_alone_and_together_is_measured_once(planted, monkeypatch):
    loaded, weights = planted
    ledger = KilledLedger()
    monkeypatch.setattr(sequences_module, "layout_is_exact", lambda *_: True)
    counts = n_tokens_run(loaded, monkeypatch)
    evaluate(loaded, [], text=TEXT, ledger=ledger)
    once = dict(counts)
    n_items = len(ledger.computed)
    counts.update(first=0, last=0)
    found = evaluate(loaded, weights[1:], text=TEXT, ledger=ledger).analysis  # in the last of four layers
    assert found.individual[0].perplexity == found.combined[0].perplexity
    assert len(ledger.computed) == 2 * n_items - 1  # the layout is there already
    # the intact model shares its layers
    assert counts["first"] < 1.2 * once["first"]
    assert counts["last"] > 1.8 * once["last"]


def test_the_intact_model_runs_once_for_all_chunks_of_a_batch(planted, monkeypatch):
    loaded, _ = planted
    monkeypatch.setattr(sequences_module, "layout_is_exact", lambda *_: True)
    counts = n_tokens_run(loaded, monkeypatch)
    last = len(loaded.sites) - 1
    runs = {}
    for n in (1, 9):  # in the last layer: only the intact model runs through the first one
        counts.update(first=0, last=0)
        evaluate(loaded, [super_weight(loaded, last, row, 1) for row in range(n)], text=TEXT)
        runs[n] = dict(counts)
    assert runs[9]["first"] == runs[1]["first"]
    assert runs[9]["last"] > 4 * runs[1]["last"]


def test_other_numbers_are_not_taken_for_finished(planted):
    loaded, weights = planted
    ledger = KilledLedger()
    evaluate(loaded, weights[:1], text=TEXT, ledger=ledger)
    for options in (
        EvaluateOptions(perplexity_samples=3),
        EvaluateOptions(batch_size=1),
        EvaluateOptions(protocol="windows", tokens=300, window_len=64, stride=32),
    ):
        alone = KilledLedger()
        evaluate(loaded, weights[:1], text=TEXT, ledger=alone, options=options)
        assert not {key for key in alone.computed if "layout" not in alone.get(key).values} & {*ledger.computed}
