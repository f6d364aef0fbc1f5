"""Log-likelihoods of sequences that share their beginnings, against lm-eval's own HFLM, on many families."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

import swa.engine.packing.scorer as sequences_module
from swa.engine.packing.scorer import SequenceScorer
from swa.engine.packing.trees import Layout
from swa.engine.variants.interventions import BASELINE, ScaleEntries, Variant
from swa.evaluation.harness.bridge import Encoder
from swa.models.discovery.sites import parameter_of
from swa.progress import SilentProgress
from tests.support.tiny_checkpoint import LETTERS, letter_tokenizer
from tests.support.tiny_loaded import loaded_tiny

SHARING = ["llama", "gpt2", "opt", "gpt_neox", "mixtral", "qwen2", "phi", "cohere", "olmo2", "starcoder2", "gptj"]
NOT_SHARING = {
    "gemma3_text": "a window slides over the keys",
    "bloom": "ALiBi counts places, not depths",
    "mpt": "ALiBi counts places, not depths",
    "rwkv": "a state runs through the row",
    "jamba": "a state runs through the row",
}


class Quiet(SilentProgress):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def model_of(name):
    return dataclasses.replace(loaded_tiny(name), tokenizer=letter_tokenizer())


def requests_of(n_items=6, n_choices=4, *, shots=20):
    """Items with a beginning that all share, a question of their own, and choices of one and of several letters."""
    draw = random.Random(4)

    def letters(n):
        return "".join(draw.choice(LETTERS[:60]) for _ in range(n))

    beginning = letters(shots)
    requests = []
    for item in range(n_items):
        question = beginning + letters(draw.randint(4, 18))
        for choice in range(n_choices):
            answer = letters(1 if item % 2 else draw.randint(1, 9))
            requests.append(Instance("loglikelihood", {}, (question, answer), choice, ("letters", item, 1)))
    requests.append(Instance("loglikelihood", {}, ("", letters(5)), 0, ("letters", n_items, 1)))
    return requests


def reference(loaded, requests):
    lm = HFLM(pretrained=loaded.model, tokenizer=letter_tokenizer(), batch_size=3, max_length=loaded.context_length)
    return lm.loglikelihood(requests, disable_tqdm=True)


def scored(loaded, requests, variants=(BASELINE,), **details):
    progress = Quiet()
    edited = [variant for variant in variants if variant is not BASELINE]
    scorer = SequenceScorer(loaded, edited, details.get("batch_size"), progress)
    sequences = Encoder(loaded, batch_size=1).loglikelihood(requests, disable_tqdm=True)
    batches = scorer.batches(sequences, scorer.layout(sequences).layout)
    found = [[None] * len(sequences) for _ in variants]
    for batch in batches:
        for number, variant in enumerate(variants):  # one chunk each
            (scores,) = scorer.score(batch, sequences, [variant]).scores
            for index, score in zip(batch.indices, scores, strict=True):
                found[number][index] = score
    return found, batches, progress.warnings


def n_tokens(batches):
    return sum(len(row.tokens) for batch in batches for row in batch.rows)


@pytest.fixture(params=[Layout.SEGMENTS, Layout.MASKED], ids=lambda layout: layout.value)
def best_layout(request, monkeypatch):
    """The best layout that is tried: elsewhere than on a CPU it is the mask."""
    if request.param is Layout.MASKED:
        monkeypatch.setattr(sequences_module, "can_attend_by_segments", lambda _loaded: False)
    return request.param


@pytest.mark.parametrize("name", [*SHARING, *NOT_SHARING])
def test_log_likelihoods_equal_those_of_lm_eval(name, best_layout):
    loaded, requests = model_of(name), requests_of()
    (found,), batches, warnings = scored(loaded, requests)
    for ours, theirs in zip(found, reference(loaded, requests), strict=True):
        assert ours.logp == pytest.approx(theirs[0], abs=1e-4)
        assert ours.greedy == theirs[1]
    if name in NOT_SHARING:
        assert any("cannot be shared" in warning for warning in warnings), NOT_SHARING[name]
        assert all(not row.branches for batch in batches for row in batch.rows)
    else:
        assert warnings == []
        assert {batch.layout for batch in batches} == {best_layout}
        alone = sum(
            len(Encoder(loaded, batch_size=1).loglikelihood([r], disable_tqdm=True)[0].tokens) for r in requests
        )
        assert n_tokens(batches) < 0.5 * alone


@pytest.mark.parametrize("name", ["llama", "mixtral", "bloom"])
def test_every_variant_equals_lm_eval_on_a_model_that_is_edited_in_place(name, best_layout):
    loaded, requests = model_of(name), requests_of()
    first, last = loaded.sites.sites[0], loaded.sites.sites[-1]
    variants = (
        BASELINE,
        Variant("first", (ScaleEntries(first, 3, None),)),
        Variant("last", (ScaleEntries(last, 2, 1, 40.0),)),
        Variant("both", (ScaleEntries(first, None, 5), ScaleEntries(last, 2, None))),
    )
    found, batches, _ = scored(loaded, requests, variants)
    assert {batch.layout for batch in batches} == {best_layout if name in SHARING else Layout.APART}
    for variant, scores in zip(variants, found, strict=True):
        old = []
        with torch.no_grad():
            for edit in variant.interventions:
                weight = edit.site.view(parameter_of(loaded.model, edit.site).data)
                old.append((weight, edit.index, weight[edit.index].clone()))
                weight[edit.index] *= edit.factor
        expected = reference(loaded, requests)
        with torch.no_grad():
            for weight, index, values in reversed(old):
                weight[index] = values
        assert [s.logp for s in scores] == pytest.approx([logp for logp, _ in expected], abs=1e-4)
    assert len({tuple(s.logp for s in scores) for scores in found}) == 4


def test_long_contexts_are_cut_as_lm_eval_cuts_them():
    loaded, requests = model_of("llama"), requests_of(shots=80)
    (found,), _, _ = scored(loaded, requests)
    assert [s.logp for s in found] == pytest.approx([logp for logp, _ in reference(loaded, requests)], abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 2, None])
def test_the_batch_size_changes_the_batches_and_nothing_else(batch_size):
    loaded, requests = model_of("llama"), requests_of()
    (found,), batches, _ = scored(loaded, requests, batch_size=batch_size)
    if batch_size:
        assert max(len(batch.rows) for batch in batches) == min(batch_size, sum(len(batch.rows) for batch in batches))
    assert [s.logp for s in found] == pytest.approx([logp for logp, _ in reference(loaded, requests)], abs=1e-5)


def test_long_trees_are_divided(monkeypatch):
    monkeypatch.setattr(sequences_module, "LONGEST_TREE", 60)
    loaded, requests = model_of("llama"), requests_of()
    (found,), batches, _ = scored(loaded, requests)
    assert max(len(row.tokens) for batch in batches for row in batch.rows) <= 60
    assert [s.logp for s in found] == pytest.approx([logp for logp, _ in reference(loaded, requests)], abs=1e-4)


def test_out_of_memory_divides_a_tree_and_says_so_once(monkeypatch):
    loaded, requests = model_of("llama"), requests_of()
    expected = reference(loaded, requests)
    sequences = Encoder(loaded, batch_size=1).loglikelihood(requests, disable_tqdm=True)
    progress = Quiet()
    variant = Variant("last", (ScaleEntries(loaded.sites.sites[-1], 2, 1, 40.0),))
    scorer = SequenceScorer(loaded, [variant], 1, progress)
    batches = scorer.batches(sequences, scorer.layout(sequences).layout)
    original = loaded.model.forward

    def small_memory(*args, **kwargs):
        if kwargs["input_ids"].shape[0] == 1 and kwargs["input_ids"].shape[1] > 60:
            raise torch.OutOfMemoryError("out of memory")
        return original(*args, **kwargs)

    monkeypatch.setattr(loaded.model, "forward", small_memory)
    for batch in batches:
        (scores,), notes = scorer.score(batch, sequences, [BASELINE])
        for index, score in zip(batch.indices, scores, strict=True):
            assert score.logp == pytest.approx(expected[index][0], abs=1e-4)
        (edited,), notes_of_next = scorer.score(batch, sequences, [variant])
        assert edited != scores
        assert notes == notes_of_next
        assert all("halved" in note for note in notes)
    assert sum("halved" in warning for warning in progress.warnings) == 1
