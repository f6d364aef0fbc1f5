"""Vocabulary and cascade killed after any item: the same records, and nothing finished is computed again."""

from __future__ import annotations

import torch

import swa
from swa.cascades.analysis import CascadeOptions, plan_cascade
from swa.data.options import WindowOptions
from swa.engine.ledger import MemoryLedger, finish
from swa.engine.measures.layer_choice import LayerChoice
from swa.models.discovery.sites import parameter_of
from swa.schemas.moe import MoeBlock
from swa.store.ledger import FileLedger
from swa.vocabulary import neurons
from swa.vocabulary.census import plan_census
from swa.vocabulary.neurons import plan_neuron_cards
from swa.vocabulary.options import InterventionOptions, NeuronOptions
from swa.vocabulary.space import vocabulary_space
from swa.vocabulary.super_weight_cards import plan_super_weight_cards
from tests.support.at_once import records_of
from tests.support.dying import killed_after_each_item, n_items
from tests.support.evaluating import Heard, reading_model, super_weight
from tests.support.tiny_loaded import text_of
from tests.support.tiny_vocabulary import speaking

TEXT = text_of(400)
WINDOWS = WindowOptions(tokens=150, window_len=40, stride=20)


def of_site(loaded, *numbers):
    return [super_weight(loaded, number, 3, 5) for number in numbers]


def bytes_of(records):
    return [record.model_dump_json() for record in records]


def test_cards_of_super_weights(tmp_path):
    loaded = reading_model("llama", context_length=64)
    options = InterventionOptions(batch_size=3, cascade=True, bootstrap=20, top_tokens=4)

    def plan(chosen=options):
        return plan_super_weight_cards(loaded, of_site(loaded, 1, 2), TEXT, windows=WINDOWS, options=chosen)

    whole = records_of(plan())
    assert n_items(plan()) == 3 * 3  # three batches, ten variants in chunks of four
    killed = killed_after_each_item(plan, tmp_path)
    assert bytes_of(killed.cards) == bytes_of(whole.cards)
    assert killed.notes == whole.notes
    again = FileLedger(tmp_path, warn=print)
    other = finish(plan(InterventionOptions(batch_size=3, cascade=True, bootstrap=9, top_tokens=2)), again, Heard())
    assert again.n_kept == 0  # what is made of the sums runs nothing
    assert len(other.cards[0].token_shifts.up) == 2


def test_a_cascade(tmp_path):
    loaded = reading_model("gpt2", context_length=64)
    options = CascadeOptions(tokens=150, window_len=40, stride=20, layers=LayerChoice(every=1), batch_size=3)

    def plan(*numbers):
        return plan_cascade(loaded, of_site(loaded, *numbers), TEXT, options=options)

    whole = records_of(plan(0, 1, 2))
    killed = killed_after_each_item(lambda: plan(0, 1, 2), tmp_path)
    assert bytes_of(killed.results) == bytes_of(whole.results)
    assert bytes_of(whole.results) == bytes_of(swa.cascade(loaded, of_site(loaded, 0, 1, 2), TEXT, options=options))


def test_what_could_not_be_shared_is_known_after_a_kill(tmp_path):
    loaded = reading_model("gemma4_text@double_wide", context_length=64)  # later layers use what earlier ones computed
    options = CascadeOptions(tokens=50, window_len=40, stride=20, batch_size=1)

    def plan():
        return plan_cascade(loaded, of_site(loaded, 1, 2, 3), TEXT, options=options)

    whole = records_of(plan())
    assert any("cannot be shared" in note for note in whole.notes)
    assert killed_after_each_item(plan, tmp_path).notes == whole.notes
    heard = Heard()
    assert finish(plan(), FileLedger(tmp_path, warn=heard.warn), heard).notes == whole.notes
    assert heard.warnings == []


def test_cards_of_neurons(tmp_path, monkeypatch):
    monkeypatch.setattr(neurons, "_AT_ONCE", 2)
    loaded = speaking("mixtral")
    places = [(site, col) for site in loaded.sites.sites[:3] for col in (5, 7)][:5]
    options = NeuronOptions(cosine=True, enrichment=True, top_tokens=4)

    def plan(chosen=options):
        return plan_neuron_cards(vocabulary_space(loaded), places, options=chosen)

    whole = records_of(plan())
    assert [(card.module, card.expert, card.neuron) for card in whole] == [
        (site.module, site.expert, col) for site, col in places
    ]
    assert n_items(plan()) == 3
    assert bytes_of(killed_after_each_item(plan, tmp_path)) == bytes_of(whole)
    ledger = FileLedger(tmp_path, warn=print)
    for other in (NeuronOptions(), NeuronOptions(seed=7, cosine=True, enrichment=True, top_tokens=4)):
        finish(plan(other), ledger, Heard())
    assert ledger.n_kept == 6


def test_a_neuron_that_writes_nothing_survives(tmp_path):
    loaded = speaking("llama")
    site = loaded.sites.sites[0]
    view = site.view(parameter_of(loaded.model, site).data)
    with torch.no_grad():
        view[:, 3] = 0

    def plan():
        return plan_neuron_cards(vocabulary_space(loaded), [(site, 3)])

    (card,) = killed_after_each_item(plan, tmp_path)
    assert bytes_of([card]) == bytes_of(records_of(plan()))
    assert "percentiles" not in card.model_dump()


def test_the_census(tmp_path):
    loaded = speaking("mixtral")
    space = vocabulary_space(loaded)
    whole = records_of(plan_census(space))
    killed = killed_after_each_item(lambda: plan_census(space), tmp_path)
    assert len(killed) == len(loaded.sites) == n_items(plan_census(space))
    for one, other in zip(killed, whole, strict=True):
        assert one.site == other.site
        assert one.labels == other.labels
        assert [v.tobytes() for v in one.effects + one.cosines] == [v.tobytes() for v in other.effects + other.cosines]
    ledger = FileLedger(tmp_path, warn=print)
    finish(plan_census(space, sites=loaded.sites.sites[2:4]), ledger, Heard())
    assert ledger.n_kept == 0
    finish(plan_census(space, sites=loaded.sites.sites[2:4], seed=7), ledger, Heard())
    assert ledger.n_kept == 2


def test_a_census_keeps_a_module_in_memory_for_its_experts_and_lets_it_go(monkeypatch):
    from contextlib import contextmanager

    loaded = speaking("mixtral")
    held = []

    @contextmanager
    def watched(module):
        held.append(("in", id(module)))
        yield
        held.append(("out", id(module)))

    monkeypatch.setattr("swa.vocabulary.census.resident", watched)
    records_of(plan_census(vocabulary_space(loaded)))
    modules = list(dict.fromkeys(id(loaded.model.get_submodule(site.module)) for site in loaded.sites))
    assert len(modules) < len(loaded.sites)
    assert held == [(what, module) for module in modules for what in ("in", "out")]


class Tokenised:
    """Counts how often a whole text is tokenised."""

    def __init__(self, tokenizer) -> None:
        self._tokenizer, self.n = tokenizer, 0

    def __getattr__(self, name):
        return getattr(self._tokenizer, name)

    def __len__(self):
        return len(self._tokenizer)

    def __call__(self, text, **details):
        self.n += text == TEXT.text
        return self._tokenizer(text, **details)


def test_a_text_is_tokenised_once_for_all_analyses_of_a_model():
    from dataclasses import replace

    loaded = reading_model("llama", context_length=64)
    loaded = replace(loaded, tokenizer=Tokenised(loaded.tokenizer))
    plan_super_weight_cards(loaded, of_site(loaded, 1), TEXT, windows=WINDOWS)
    plan_cascade(loaded, of_site(loaded, 1), TEXT, options=CascadeOptions(tokens=150, window_len=40, stride=20))
    assert loaded.tokenizer.n == 1


def test_a_plan_says_what_will_run():
    loaded = reading_model("llama", context_length=64)
    windows = WindowOptions(tokens=150, window_len=40, stride=20, drop_first_token=True)
    work = plan_super_weight_cards(
        loaded, of_site(loaded, 1, 2), TEXT, windows=windows, options=InterventionOptions(batch_size=3)
    )
    laid = work.windows
    assert (laid.tokens, laid.tokens_scored, laid.n_windows, laid.batch_size) == (150, 150 - laid.n_windows, 7, 3)
    assert work.text == ("2 super weights, 10 variants and the intact model on 7 windows of 40 tokens (143 scored)")
    followed = plan_cascade(
        loaded, of_site(loaded, 1), TEXT, options=CascadeOptions(tokens=150, window_len=40, stride=20)
    )
    assert followed.text == "1 super weight on 7 windows of 40 tokens (150 scored)"


def test_cards_leave_the_analysis_complete():
    loaded = reading_model("mixtral", context_length=64)
    block = MoeBlock(p_active=0.25)
    (weight,) = of_site(loaded, 2)
    routed = weight.model_copy(update={"moe": block})
    dense, found = (
        swa.vocab(loaded, [one], TEXT, windows=WINDOWS, options=InterventionOptions(batch_size=3))
        for one in (weight, routed)
    )
    (card,) = found.super_weights
    assert (card.coordinate, card.moe) == (weight.coordinate, block)
    assert "moe" not in dense.super_weights[0].model_dump()
    assert len(found.neurons) == 1
    assert found.notes == dense.notes


def test_items_of_one_model_are_not_another_s():
    ledger = MemoryLedger()
    for name in ("llama", "gpt2"):
        loaded = reading_model(name, context_length=64)
        plan = plan_cascade(
            loaded, of_site(loaded, 1), TEXT, options=CascadeOptions(tokens=50, window_len=40, stride=20)
        )
        assert not any(ledger.has(item.key) for _, items in plan.rounds(ledger) for item in items)
        finish(plan, ledger, Heard())
