"""Perplexity of a model and eight removals against naive passes, and window losses against a plain forward.

    python -m benchmarks.perplexity_vs_naive [--model demo] [--texts 24] [--dataset builtin] [--data-dir DIR]

Naive is what existing scripts do: for each removal a plain forward of the intact and one of the edited model, full
logits, cross-entropy, the same texts in the same batches, padded. Both run in this process, in turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from benchmarks.watch import Spent
from swa.data.sources import load_text
from swa.data.windows import token_stream
from swa.engine.measures.reducers import LossReducer
from swa.engine.packing.scorer import SequenceScorer
from swa.engine.variants.ablation import edited_in_place
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import BASELINE, ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.evaluation.texts import paragraphs
from swa.models.loading.load import load_model
from swa.progress import SilentProgress

N_REMOVALS = 8


def plain_losses(model: Any, batch: TokenBatch) -> torch.Tensor:
    """Losses of the batch's reads from a plain forward with all logits."""
    with torch.no_grad():
        logits = model(**batch.model_inputs, use_cache=False).logits
        # scripts score every position; padding is left out of the sum afterwards
        labels = torch.zeros_like(batch.input_ids)
        labels[batch.rows, batch.positions] = batch.targets
        losses = functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="none")
        return losses.view(labels.shape)[batch.rows, batch.positions]


def removals(loaded: Any, depth: float, *, n_texts: int, text: Any) -> None:
    """P3: perplexity of the intact model and of eight removals at one depth."""
    sequences = paragraphs(loaded, text, n_samples=n_texts, seed=42).sequences
    site = loaded.sites.sites[int(depth * (len(loaded.sites) - 1))]
    variants = (BASELINE, *(Variant(str(i), (ScaleEntries(site, i, i + 1),)) for i in range(N_REMOVALS)))
    scorer = SequenceScorer(loaded, variants[1:], None, SilentProgress())
    batches = scorer.batches(sequences, scorer.layout(sequences).layout)
    scorer.score(batches[-1], sequences, variants)  # warm up, and let the self-checks run
    ours, naive, worst = Spent(), Spent(), 0.0
    for batch in batches:
        texts = [sequences[index] for index in batch.indices]
        tokens = TokenBatch.of_sequences(
            [text.tokens for text in texts], score_from=[len(text.tokens) - text.n_targets for text in texts]
        )
        with ours.measured():
            scores = scorer.score(batch, sequences, variants).scores
        plain = []
        with naive.measured():
            for variant in variants[1:]:
                for edits in ((), variant.interventions):
                    with edited_in_place(loaded.model, edits):
                        plain.append(plain_losses(loaded.model, tokens))
        for found, expected in zip(scores[1:], plain[1::2], strict=True):
            total = sum(score.logp for score in found)
            worst = max(worst, abs(-total - float(expected.double().sum())) / len(expected))
    print(
        f"P3, depth {depth:.0%}: {ours.times_faster_than(naive)} than {2 * N_REMOVALS} naive passes "
        f"({naive.wall:.1f} s against {ours.wall:.1f} s); mean losses differ by {worst:.1e}",
        flush=True,
    )


def windows(loaded: Any, stream: Sequence[int], *, n_windows: int, length: int, n_rounds: int) -> None:
    """P5: losses of windows against a plain forward, and the share of the machine's own rate of products."""
    batch = TokenBatch.all_scored(torch.tensor(stream[: n_windows * length]).view(n_windows, length))
    plan = ForwardPlan(loaded, [])
    plan.measure(batch.part(0, 1), LossReducer())
    n_parameters = sum(parameter.numel() for parameter in set(loaded.model.parameters()))
    ours, plain, products = Spent(), Spent(), Spent()
    for _ in range(n_rounds):
        with ours.measured():
            plan.measure(batch, LossReducer())
        with plain.measured():
            plain_losses(loaded.model, batch)
        with products.measured():
            _multiply()
    rates = [n_rounds * 20 * 2 * 4096 * 576 * 1536 / spent for spent in (products.wall, products.processor)]
    n_operations = n_rounds * 2 * n_parameters * n_windows * length
    shares = [n_operations / ours.wall / rates[0], n_operations / ours.processor / rates[1]]
    print(
        f"P5: {ours.times_faster_than(plain)} than a plain forward with all logits; {shares[0]:.0%} of the machine's "
        f"rate of products by the clock, {shares[1]:.0%} by processor time ({n_windows} × {length} tokens)",
        flush=True,
    )


def _multiply() -> None:
    """Twenty products, each of 4096 × 576 × 1536."""
    left, right = torch.randn(4096, 576), torch.randn(576, 1536)
    for _ in range(20):
        left @ right


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--dataset", default="builtin")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--texts", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window-length", type=int, default=1024)
    arguments = parser.parse_args()
    loaded = load_model(arguments.model)
    text = load_text(arguments.dataset, data_dir=arguments.data_dir)
    windows(
        loaded,
        token_stream(loaded.tokenizer, text.text).tolist(),
        n_windows=4,
        length=arguments.window_length,
        n_rounds=arguments.rounds,
    )
    for depth in (0.07, 0.5):
        removals(loaded, depth, n_texts=arguments.texts, text=text)


if __name__ == "__main__":
    main()
