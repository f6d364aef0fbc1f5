"""A model of which most weights stay on disk: peak memory, and the time of passes against reading the layers once.

    python -m benchmarks.larger_than_memory [MODEL] [MIB]

Prints P10: what a detection needs above the limit, and what a pass over a prompt, and over a window under eight
removals, takes against reading each layer from disk once. The file cache is warm after the first reading.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from swa.data.sources import load_text
from swa.data.windows import detection_windows
from swa.detection.analysis import detect, prompt_ids
from swa.detection.options import DetectOptions
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.engine.variants.recording import layers_of
from swa.models.loading.load import load_model
from swa.models.loading.loaded import LoadedModel
from swa.models.loading.weights import kept_resident

N_REMOVALS = 8


def seconds(work: Callable[[], Any]) -> float:
    """Wall time, the smallest of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def read_once(loaded: LoadedModel) -> None:
    """Bring the weights of each layer and of the head into memory, and let them go."""
    for part in (*layers_of(loaded.model), loaded.model.get_output_embeddings()):
        with kept_resident(part):
            pass


def prompt_pass(loaded: LoadedModel) -> None:
    """One forward pass of the default prompt, of which the last logits are made."""
    with torch.no_grad():
        loaded.model(input_ids=prompt_ids(loaded, DetectOptions().prompts[0]), use_cache=False, logits_to_keep=1)


def main(model: str = "demo", mib: str = "128") -> None:
    """Measure and print."""
    limit = int(mib) * 2**20
    loaded = load_model(model, max_memory=limit)
    text = load_text("builtin")
    n_bytes = sum(parameter.numel() * parameter.element_size() for parameter in loaded.model.parameters())
    print(f"{loaded.name}: {n_bytes / 2**30:.2f} GiB of weights, {limit / 2**30:.2f} GiB of them may stay in memory")

    reading = seconds(lambda: read_once(loaded))
    one = seconds(lambda: prompt_pass(loaded))
    print(f"P10: a pass over the prompt takes {one / reading:.2f} × reading layers and head once ({reading:.2f} s)")

    windows = detection_windows(loaded.tokenizer, text, context_length=loaded.context_length)
    batch = TokenBatch.all_scored(windows.confirmation[:1])
    site = loaded.sites.sites[0]
    plan = ForwardPlan(loaded, [Variant(str(i), (ScaleEntries(site, i, i + 1),)) for i in range(N_REMOVALS)])
    plan.measure(batch, LossReducer())  # the checks run
    together = seconds(lambda: plan.measure(batch, LossReducer()))
    print(
        f"the intact model and {N_REMOVALS} removals, a window of {batch.input_ids.shape[1]} tokens: "
        f"{together / reading:.1f} × reading the layers once, most of it products"
    )

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    detect(loaded, text, options=DetectOptions(screens=("spike",), max_iterations=2))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    above = peak * 1024 - limit
    print(f"P10: peak memory of a detection {peak / 2**20:.2f} GiB, {above / 2**30:.2f} GiB above the limit (target 1)")
    print(f"     before the detection it was {before / 2**20:.2f} GiB; python with torch alone takes about a half")


if __name__ == "__main__":
    main(*sys.argv[1:])
