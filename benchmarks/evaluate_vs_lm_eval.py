"""Task accuracy by swa against lm-eval's own HFLM, side by side in one run: times, log-likelihoods, accuracies.

    python -m benchmarks.evaluate_vs_lm_eval [--model demo] --data-dir DIR [--case mmlu hellaswag arc_easy] [--items N]

HFLM answers the same requests of the same items on the same model in the same process, with as many tokens in a batch.
Printed is HFLM's time for one model divided by swa's time for one variant. swa answers the intact model and three
removals (in the first tenth, at a third and at 90 % of the layers), HFLM the intact model; of the first removal some
requests are compared too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM

from benchmarks.watch import Spent
from swa.engine.packing.scorer import SequenceScorer
from swa.engine.variants.ablation import edited_in_place
from swa.engine.variants.interventions import BASELINE, ScaleEntries, Variant
from swa.evaluation.accuracy import encode
from swa.evaluation.harness.bridge import Encoder
from swa.evaluation.harness.scoring import score
from swa.evaluation.harness.tasks import load_tasks
from swa.models.loading.load import load_model
from swa.progress import SilentProgress

CASES: dict[str, dict[str, Any]] = {
    "mmlu": {
        "names": ["mmlu_anatomy", "mmlu_astronomy", "mmlu_marketing", "mmlu_virology"],
        "items": 40,
        "shots": 5,
        "batch": 4,
    },
    "hellaswag": {"names": ["hellaswag"], "items": 100, "shots": None, "batch": 16},
    "arc_easy": {"names": ["arc_easy"], "items": 100, "shots": None, "batch": 32},
}


N_CHECKED = 8
"""Requests that are compared under a removal."""


def run(model: str, case: str, data_dir: Path, n_items: int | None) -> None:
    """Measure one case and print it."""
    chosen = CASES[case]
    loaded = load_model(model)
    tasks = load_tasks(
        chosen["names"],
        n_items=n_items or chosen["items"],
        seed=42,
        num_fewshot=chosen["shots"],
        data_dir=data_dir,
        progress=SilentProgress(),
    )
    sites = loaded.sites.sites
    removals = [
        Variant(f"{share:.0%}", (ScaleEntries(sites[int(share * (len(sites) - 1))], 0, 0),))
        for share in (0.07, 0.34, 0.9)
    ]
    variants = (BASELINE, *removals)

    ours: dict[str, dict[str, list[Any]]] = {variant.name: {} for variant in variants}
    spent = Spent()
    with spent.measured():
        encoder, scorer = Encoder(loaded, batch_size=1), SequenceScorer(loaded, removals, None, SilentProgress())
        notes: list[str] = []
        for task in tasks:
            encoded = encode(encoder, task)
            found: dict[str, dict[int, Any]] = {variant.name: {} for variant in variants}
            chosen_layout = scorer.layout(encoded.sequences)
            notes += chosen_layout.notes
            for batch in scorer.batches(encoded.sequences, chosen_layout.layout):
                scored = scorer.score(batch, encoded.sequences, variants)
                notes += scored.notes
                for variant, scores in zip(variants, scored.scores, strict=True):
                    found[variant.name].update(zip(batch.indices, scores, strict=True))
            for variant in variants:
                ordered = [tuple(found[variant.name][number]) for number in range(len(encoded.sequences))]
                ours[variant.name][task.name] = [place(ordered, []) for place in encoded.leaves[0]]

    lm = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=chosen["batch"])
    reference = Spent()
    with reference.measured():
        theirs = {task.name: lm.loglikelihood(task.leaves[0].requests, disable_tqdm=True) for task in tasks}
    worst = max(_difference(ours["baseline"][task.name], theirs[task.name]) for task in tasks)
    same = all(
        [item.correct for item in score(task.leaves[0], ours["baseline"][task.name])]
        == [item.correct for item in score(task.leaves[0], theirs[task.name])]
        for task in tasks
    )
    with edited_in_place(loaded.model, removals[0].interventions):
        some = lm.loglikelihood(tasks[0].leaves[0].requests[:N_CHECKED], disable_tqdm=True)
    worst = max(worst, _difference(ours[removals[0].name][tasks[0].name][:N_CHECKED], some))
    print(
        f"{case}: {spent.times_faster_than(reference, share=1 / len(variants))} (HFLM {reference.wall:.0f} s for one "
        f"model, swa {spent.wall:.0f} s for {len(variants)}); log-likelihoods differ by {worst:.1e}; items "
        f"{'equal' if same else 'DIFFER'}; {torch.get_num_threads()} threads; notes: {sorted(set(notes)) or 'none'}",
        flush=True,
    )


def _difference(ours: Sequence[Any], theirs: Sequence[Any]) -> float:
    return max(abs(one[0] - other[0]) for one, other in zip(ours, theirs, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--items", type=int)
    arguments = parser.parse_args()
    for case in arguments.case:
        run(arguments.model, case, arguments.data_dir, arguments.items)


if __name__ == "__main__":
    main()
