"""Whole evaluations of tiny models: every number against plain forwards and lm-eval on an edited copy."""

from __future__ import annotations

import itertools
import math

import lm_eval
import pytest
import torch
from lm_eval.models.huggingface import HFLM

from swa.errors import UsageError
from swa.evaluation.analysis import evaluate
from swa.evaluation.harness.tasks import load_tasks
from swa.evaluation.options import EvaluateOptions
from swa.models.discovery.sites import parameter_of
from tests.support.evaluating import (
    PARAGRAPHS,
    TEXT,
    Heard,
    edited_copy,
    planted_model,
    reading_model,
    super_weight,
    weights_of,
)
from tests.support.tiny_checkpoint import letter_tokenizer


@pytest.fixture(scope="module")
def builtin():
    return load_tasks(["builtin"], n_items=10, seed=42, num_fewshot=None, data_dir=None, progress=Heard())


@pytest.fixture
def planted(request):
    return planted_model(getattr(request, "param", "llama"))


def plain_perplexity(network, tokenizer, *, context=512):
    """The definition, one paragraph at a time."""
    rows = [row.strip() for row in PARAGRAPHS if len(row.strip()) >= 50]
    nll, n = 0.0, 0
    for row in rows:
        ids = torch.tensor([tokenizer(row)["input_ids"][:context]])
        with torch.no_grad():
            logits = network(input_ids=ids, use_cache=False).logits[0].double()
        nll += float(torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="sum"))
        n += ids.shape[1] - 1
    return math.exp(nll / n), n


@pytest.mark.parametrize("scales", [(0.0,), (0.5, 3.0)])
def test_perplexities_equal_a_plain_loop_on_an_edited_copy(planted, scales):
    loaded, weights = planted
    found = evaluate(loaded, weights, text=TEXT, options=EvaluateOptions(scales=scales)).analysis
    expected, n_tokens = plain_perplexity(loaded.model, letter_tokenizer())
    baseline = found.baseline.perplexity
    assert baseline.value == pytest.approx(expected, rel=1e-6)
    assert (baseline.n_tokens, baseline.protocol, baseline.bos) == (n_tokens, "paragraphs", False)
    assert baseline.dataset_fingerprint == TEXT.fingerprint
    for record, edited in zip(
        [*found.individual, *found.combined],
        [*[([w], f) for w in weights for f in scales], *[(weights, f) for f in scales]],
        strict=True,
    ):
        chosen, factor = edited
        modified, _ = plain_perplexity(edited_copy(loaded, chosen, factor), letter_tokenizer())
        assert record.factor == factor
        assert record.coordinates == [weight.coordinate for weight in chosen]
        assert record.perplexity.modified == pytest.approx(modified, rel=1e-6)
        assert record.perplexity.ratio == pytest.approx(modified / expected, rel=1e-6)
        assert record.perplexity.ratio_ci_low <= record.perplexity.ratio <= record.perplexity.ratio_ci_high
        assert abs(record.perplexity.log_ratio) > 1e-3
    names = [record.variant for record in [*found.individual, *found.combined]]
    suffixes = ["" if f == 0 else f"_x{f:g}" for f in scales]
    assert names == [f"{name}{s}" for name in ("sw_0", "sw_1", "all") for s in suffixes]


def test_a_factor_of_one_is_exactly_the_baseline(planted):
    loaded, weights = planted
    found = evaluate(loaded, weights, text=TEXT, options=EvaluateOptions(scales=(1.0,))).analysis
    for record in [*found.individual, *found.combined]:
        assert record.perplexity.modified == found.baseline.perplexity.value
        assert record.perplexity.ratio == 1.0
        assert record.edit_inactive == "factor 1 changes nothing"


def test_windows_equal_a_plain_loop(planted):
    loaded, weights = planted
    options = EvaluateOptions(protocol="windows", tokens=300, window_len=64, stride=32)
    found = evaluate(loaded, weights[:1], text=TEXT, options=options).analysis
    ids = torch.tensor(letter_tokenizer()(TEXT.text, add_special_tokens=False)["input_ids"])
    nll, n, end = 0.0, 0, 1
    for start in range(0, len(ids), 32):
        stop = min(start + 64, 301)
        with torch.no_grad():
            logits = loaded.model(input_ids=ids[None, start:stop], use_cache=False).logits[0].double()
        losses = torch.nn.functional.cross_entropy(logits[:-1], ids[start + 1 : stop], reduction="none")
        nll, n = nll + float(losses[end - start - 1 :].sum()), n + stop - end
        end = stop
        if stop == 301:
            break
    assert n == 300
    assert found.baseline.perplexity.value == pytest.approx(math.exp(nll / n), rel=1e-6)
    assert (found.baseline.perplexity.n_tokens, found.baseline.perplexity.protocol) == (300, "windows")


def test_the_seed_and_the_number_choose_the_paragraphs(planted):
    loaded, _ = planted
    values = {
        (n, seed): evaluate(loaded, [], text=TEXT, options=EvaluateOptions(perplexity_samples=n, seed=seed)).analysis
        for n in (3, 5)
        for seed in (1, 2)
    }
    baselines = {key: found.baseline.perplexity for key, found in values.items()}
    assert {key: baseline.n_texts for key, baseline in baselines.items()} == {key: key[0] for key in values}
    assert len({baseline.value for baseline in baselines.values()}) == 4


def test_too_few_paragraphs_are_all_used_and_said(planted):
    progress = Heard()
    found = evaluate(planted[0], [], text=TEXT, progress=progress)
    n_long = sum(len(row.strip()) >= 50 for row in PARAGRAPHS)
    assert found.analysis.baseline.perplexity.n_texts == n_long
    assert any(f"has {n_long} paragraphs" in warning for warning in progress.warnings)
    assert any("all are used" in note for note in found.notes)


def test_long_paragraphs_are_cut_and_counted():
    loaded = reading_model("llama", context_length=60)
    found = evaluate(loaded, [], text=TEXT).analysis.baseline.perplexity
    expected, n_tokens = plain_perplexity(loaded.model, letter_tokenizer(), context=60)
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.n_tokens == n_tokens
    assert found.n_truncated == sum(len(row.strip()) > 60 for row in PARAGRAPHS)


@pytest.mark.parametrize("name", ["gpt2", "mixtral", "bloom", "gemma2"])
def test_other_families(name):
    loaded = reading_model(name, context_length=64)
    weights = weights_of(loaded)
    found = evaluate(loaded, weights, text=TEXT, options=EvaluateOptions(scales=(40.0,))).analysis
    expected, _ = plain_perplexity(loaded.model, letter_tokenizer(), context=64)
    assert found.baseline.perplexity.value == pytest.approx(expected, rel=1e-6)
    for record, chosen in zip([*found.individual, *found.combined], [weights[:1], weights[1:], weights], strict=True):
        modified, _ = plain_perplexity(edited_copy(loaded, chosen, 40.0), letter_tokenizer(), context=64)
        assert record.perplexity.modified == pytest.approx(modified, rel=1e-6)


@pytest.mark.parametrize("planted", ["llama", "qwen2_moe", "gpt_oss"], indirect=True)
def test_accuracies_equal_lm_eval_on_an_edited_copy(planted, builtin):
    loaded, weights = planted
    result = evaluate(loaded, weights, tasks=builtin)
    found = result.analysis
    leaves = {leaf.name: list(leaf.doc_ids) for leaf in builtin[0].leaves}
    answers = [[item.loglikelihoods for item in items] for items in result.items["builtin"].values()]
    assert all(one != other for one, other in itertools.combinations(answers, 2))
    for name, chosen in {"baseline": [], "sw_0": weights[:1], "sw_1": weights[1:], "all": weights}.items():
        network = edited_copy(loaded, chosen)
        lm = HFLM(pretrained=network, tokenizer=letter_tokenizer(), batch_size=2, max_length=512)
        tasks = load_tasks(["builtin"], n_items=10, seed=42, num_fewshot=None, data_dir=None, progress=Heard())
        expected = lm_eval.evaluate(
            lm=lm,
            task_dict={"tasks": {leaf.name: leaf.task for leaf in tasks[0].leaves}},
            samples=leaves,
            bootstrap_iters=0,
        )
        items = result.items["builtin"][name]
        by_place = {(item.task, item.doc_id): item for item in items}
        for leaf, samples in expected["samples"].items():
            for sample in samples:
                item = by_place[leaf, sample["doc_id"]]
                if leaf == "builtin_choices":
                    logps = [response[0][0] for response in sample["resps"]]
                    assert item.loglikelihoods == pytest.approx(logps, abs=1e-3)
                    assert item.metrics == {"acc": sample["acc"], "acc_norm": sample["acc_norm"]}
                else:
                    assert item.generation == sample["resps"][0][0]
        record = next((r for r in [*found.individual, *found.combined] if r.variant == name), None)
        right = sum(item.correct for item in items) / 10
        value = found.baseline.accuracy["builtin"].value if record is None else record.accuracy["builtin"].modified
        assert value == pytest.approx(right)


def test_skipped_parts_are_absent(planted, builtin):
    loaded, weights = planted
    found = evaluate(loaded, weights, text=TEXT, options=EvaluateOptions(individual=False)).analysis
    assert (found.individual, [r.variant for r in found.combined]) == ([], ["all"])
    assert "accuracy" not in found.baseline.model_dump()
    assert "accuracy" not in found.combined[0].model_dump()
    found = evaluate(loaded, weights, tasks=builtin, options=EvaluateOptions(combined=False)).analysis
    assert ([r.variant for r in found.individual], found.combined) == (["sw_0", "sw_1"], [])
    assert "perplexity" not in found.baseline.model_dump()
    assert "perplexity" not in found.individual[0].model_dump()
    with pytest.raises(UsageError, match="nothing to measure"):
        evaluate(loaded, weights)


def test_an_edit_without_effect_says_why(planted):
    loaded, _ = planted
    site = loaded.sites.sites[1]
    view = site.view(parameter_of(loaded.model, site).data)
    old = view[4, 4].clone()
    with torch.no_grad():
        view[4, 4] = 0
    found = evaluate(loaded, [super_weight(loaded, 1, 4, 4)], text=TEXT).analysis
    with torch.no_grad():
        view[4, 4] = old
    assert found.individual[0].edit_inactive == "the weight is 0"
    assert found.individual[0].perplexity.ratio == 1.0


def test_a_task_that_writes_more_than_the_context_holds_is_refused(builtin):
    loaded = reading_model("llama", context_length=8)
    with pytest.raises(UsageError, match="context"):
        evaluate(loaded, [], tasks=builtin)
