"""`swa evaluate` on the real model: the known ratios, plain loops, lm-eval's own answers."""

from __future__ import annotations

import math
import random

import pytest
import torch
from lm_eval.models.huggingface import HFLM

from swa.data.sources import load_text
from swa.evaluation.analysis import evaluate
from swa.evaluation.harness.tasks import load_tasks
from swa.evaluation.options import EvaluateOptions
from swa.progress import SilentProgress
from tests.support.evaluating import super_weight

pytestmark = pytest.mark.real_model

# coordinate and the range in which its perplexity ratio lies, whatever the choice of paragraphs
KNOWN = {(11, 507, 1229): (3.5, 12), (9, 260, 200): (1.2, 4), (2, 507, 90): (1.25, 1.9)}


@pytest.fixture(scope="module")
def tasks(data_dir):
    return load_tasks(
        ["hellaswag", "arc_easy", "mmlu_anatomy"],
        n_items=2,
        seed=42,
        num_fewshot=None,
        data_dir=data_dir,
        progress=SilentProgress(),
    )


@pytest.fixture(scope="module")
def found(demo, data_dir, tasks):
    weights = [super_weight(demo, layer, row, col) for layer, row, col in KNOWN]
    text = load_text("wikitext-2", data_dir=data_dir)
    return evaluate(demo, weights, text=text, tasks=tasks, options=EvaluateOptions(perplexity_samples=6))


def plain_perplexity(demo, data_dir):
    rows = [row.strip() for row in load_text("wikitext-2", data_dir=data_dir).documents if len(row.strip()) >= 50]
    assert len(rows) == 1945
    nll, n = 0.0, 0
    for number in sorted(random.Random("42:paragraphs").sample(range(len(rows)), 6)):
        ids = torch.tensor([demo.tokenizer(rows[number])["input_ids"]])
        with torch.no_grad():
            logits = demo.model(input_ids=ids, use_cache=False).logits[0].double()
        nll += float(torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="sum"))
        n += ids.shape[1] - 1
    return math.exp(nll / n)


def test_perplexities_and_answers_equal_plain_ones(demo, data_dir, found, tasks):
    analysis = found.analysis
    baseline = analysis.baseline.perplexity.value
    assert baseline == pytest.approx(plain_perplexity(demo, data_dir), rel=1e-5)
    worst = analysis.individual[0]
    layer, row, col = next(iter(KNOWN))
    weight = demo.model.model.layers[layer].mlp.down_proj.weight
    old = weight[row, col].clone()
    lm = HFLM(pretrained=demo.model, tokenizer=demo.tokenizer, batch_size=4)
    for name, value in (("baseline", old), ("sw_0", torch.zeros(()))):
        with torch.no_grad():
            weight[row, col] = value
        if name == "sw_0":
            assert worst.perplexity.modified == pytest.approx(plain_perplexity(demo, data_dir), rel=1e-5)
        for task in tasks:
            theirs = [logp for logp, _ in lm.loglikelihood(task.leaves[0].requests, disable_tqdm=True)]
            items = found.items[task.name][name]
            ours = [logp for item in items for logp in item.loglikelihoods]
            assert ours == pytest.approx(theirs, abs=1e-3)
            n_choices = len(theirs) // len(items)
            if task.name.startswith("mmlu"):
                best = [max(range(4), key=lambda c: theirs[4 * i + c]) for i in range(len(items))]
                assert n_choices == 4
                assert [item.correct for item in items] == [
                    choice == int(item.target) for choice, item in zip(best, items, strict=True)
                ]
    with torch.no_grad():
        weight[row, col] = old


def test_the_known_super_weights_cost_what_they_cost(found):
    for record, (low, high) in zip(found.analysis.individual, KNOWN.values(), strict=True):
        assert low < record.perplexity.ratio < high
        assert record.perplexity.ratio_ci_low > 1
    assert found.analysis.individual[0].perplexity.severity in ("severe", "catastrophic")
    assert found.analysis.combined[0].perplexity.ratio > found.analysis.individual[0].perplexity.ratio
    assert found.notes == ()
