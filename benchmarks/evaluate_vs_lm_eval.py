"""Task accuracy by swa against lm-eval's own HFLM, side by side in one run: times, log-likelihoods, accuracies.

    python benchmarks/evaluate_vs_lm_eval.py [--model demo] --data-dir DIR [--case mmlu hellaswag arc_easy] [--items N]

HFLM answers the same requests of the same items on the same model in the same process, with as many tokens in a batch.
Printed is HFLM's time for one model divided by swa's time for one variant. swa answers the intact model and three
removals (in the first tenth, at a third and at 90 % of the layers), HFLM the intact model and the first removal.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM

from swa.engine.ablation import edited_in_place
from swa.engine.edits import BASELINE, Edit, Variant
from swa.engine.sequences import SequenceScorer
from swa.evaluation.accuracy import encode
from swa.evaluation.bridge import Encoder
from swa.evaluation.scoring import score
from swa.evaluation.tasks import load_tasks
from swa.models.load import load_model
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
        Variant(f"{share:.0%}", (Edit(sites[int(share * (len(sites) - 1))], 0, 0),)) for share in (0.07, 0.34, 0.9)
    ]
    variants = (BASELINE, *removals)

    start = time.perf_counter()
    encoder, scorer = Encoder(loaded, batch_size=1), SequenceScorer(loaded, None, SilentProgress())
    ours: dict[str, dict[str, list[Any]]] = {variant.name: {} for variant in variants}
    for task in tasks:
        encoded = encode(encoder, task)
        found: dict[str, dict[int, Any]] = {variant.name: {} for variant in variants}
        for batch in scorer.batches(encoded.sequences):
            for variant, scores in zip(variants, scorer.score(batch, encoded.sequences, variants), strict=True):
                found[variant.name].update(zip(batch.indices, scores, strict=True))
        for variant in variants:
            ordered = [tuple(found[variant.name][number]) for number in range(len(encoded.sequences))]
            ours[variant.name][task.name] = [place(ordered, []) for place in encoded.leaves[0]]
    ours_each = (time.perf_counter() - start) / len(variants)

    lm = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=chosen["batch"])
    times, worst, same = [], 0.0, True
    for variant in (BASELINE, removals[0]):
        start = time.perf_counter()
        with edited_in_place(loaded.model, variant.edits):
            theirs = {task.name: lm.loglikelihood(task.leaves[0].requests, disable_tqdm=True) for task in tasks}
        times.append(time.perf_counter() - start)
        for task in tasks:
            pairs = zip(ours[variant.name][task.name], theirs[task.name], strict=True)
            worst = max(worst, *(abs(one[0] - other[0]) for one, other in pairs))
            right, expected = (
                [item.correct for item in score(task.leaves[0], answers)]
                for answers in (ours[variant.name][task.name], theirs[task.name])
            )
            same = same and right == expected
    theirs_each = sum(times) / len(times)
    print(
        f"{case}: {theirs_each / ours_each:.2f} × (HFLM {theirs_each:.1f} s, swa {ours_each:.1f} s a variant); "
        f"log-likelihoods differ by {worst:.1e}; items {'equal' if same else 'DIFFER'}; "
        f"{torch.get_num_threads()} threads; notes: {scorer.notes or 'none'}",
        flush=True,
    )


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
