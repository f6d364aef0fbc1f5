"""Removals with shared layers against plain forwards of an edited model, side by side in one run.

    python benchmarks/shared_layers.py [MODEL] [N_WINDOWS]

Prints the ratio of times by depth of the removed scalars, and that both give the same losses.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch

from swa.data.sources import load_text
from swa.data.windows import detection_windows
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.ablation import edited_in_place
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.models.loading.load import load_model

N_REMOVALS = 8


def naive(loaded: Any, variants: list[Variant], batch: TokenBatch) -> list[torch.Tensor]:
    """For each removal a plain forward of the intact and one of the edited model, as existing scripts do."""
    losses = []
    with torch.no_grad():
        for variant in variants:
            for edits in ((), variant.interventions):
                with edited_in_place(loaded.model, edits):
                    logits = loaded.model(input_ids=batch.input_ids, use_cache=False).logits
                flat = torch.nn.functional.cross_entropy(
                    logits[:, :-1].flatten(0, 1).float(), batch.input_ids[:, 1:].flatten(), reduction="none"
                )
            losses.append(flat.view(len(batch), -1).double().sum(dim=1))
    return losses


def main(model: str = "demo", n_windows: str = "4") -> None:
    """Measure and print."""
    loaded = load_model(model)
    windows = detection_windows(loaded.tokenizer, load_text("builtin"), context_length=loaded.context_length)
    batch = TokenBatch.all_scored(windows.confirmation[: int(n_windows)])
    n_sites = len(loaded.sites)
    for share in (0.0, 0.5, 0.9):
        site = loaded.sites.sites[min(int(share * n_sites), n_sites - 1)]
        variants = [Variant(str(i), (ScaleEntries(site, i, i + 1),)) for i in range(N_REMOVALS)]
        plan = ForwardPlan(loaded, variants)
        plan.measure(batch.part(0, 1), LossReducer())  # warm up, and let the self-check run
        start = time.perf_counter()
        shared = plan.measure(batch, LossReducer())
        middle = time.perf_counter()
        plain = naive(loaded, variants, batch)
        end = time.perf_counter()
        worst = max(float((one.result.nll - other).abs().max()) for one, other in zip(shared[1:], plain, strict=True))
        ratio = (end - middle) / (middle - start)
        print(f"depth {share:.0%}: {ratio:.2f} × {2 * N_REMOVALS} plain passes; losses differ by {worst:.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
