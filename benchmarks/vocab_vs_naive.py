"""Cards of super weights and neurons against naive computations, side by side in one run.

    python -m benchmarks.vocab_vs_naive [--model demo] [--windows 3] [--layers 3] [--only P4 P5 P6 P7 P8]

P4: one super-weight card (removal, three controls, neuron, token shifts, bootstrap of 500) against the 11 plain
forward passes with full logits that existing scripts make for it. P5: window losses against a plain forward. P6: the
census of all neurons of some layers against the bare matrix product, and its memory. P7: seconds for the enrichment of
one neuron. P8: memory of window metrics with 128k tokens in the vocabulary.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from typing import Any

import torch
from torch.nn import functional

from benchmarks.perplexity_vs_naive import windows
from benchmarks.watch import Spent, resident_peak
from swa.data.options import WindowOptions
from swa.data.sources import load_text
from swa.data.token_classes import token_classes
from swa.data.token_text import token_texts
from swa.data.windows import token_stream
from swa.engine.ledger import MemoryLedger, finish
from swa.engine.measures.text_windows import text_windows
from swa.models.loading.load import load_model
from swa.progress import SilentProgress
from swa.schemas.detection import SuperWeight
from swa.vocabulary.census import plan_census
from swa.vocabulary.enrichment import enrichment
from swa.vocabulary.options import InterventionOptions
from swa.vocabulary.space import vocabulary_space
from swa.vocabulary.super_weight_cards import plan_super_weight_cards

N_NAIVE = 11
WINDOW = 512


def naive_pass(model: Any, ids: torch.Tensor, stopwords: torch.Tensor) -> None:
    """What existing scripts do for one edit: full logits, softmax, and the four metrics from it."""
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
        logp = functional.log_softmax(logits, dim=-1)
        p = logp.exp()
        functional.nll_loss(logp.flatten(0, 1), ids[:, 1:].flatten())
        (p * logp).sum(dim=-1)
        p.topk(2, dim=-1)
        p[..., stopwords].sum(dim=-1)
        p.mean(dim=(0, 1))


def card(loaded: Any, depth: float, n_windows: int) -> None:
    """P4."""
    text = load_text("builtin")
    site = loaded.sites.sites[int(depth * (len(loaded.sites) - 1))]
    weight = SuperWeight(
        model=loaded.name,
        layer=site.layer,
        site=site.kind,
        expert=site.expert,
        row=0,
        col=0,
        module=site.module,
        coordinate=loaded.sites.text(site, 0, 0),
        weight=0.0,
        prompts=[],
        found_by=[],
        published=False,
    )
    cut = WindowOptions(tokens=n_windows * WINDOW - 1, window_len=WINDOW, stride=WINDOW)
    options = InterventionOptions(bootstrap=500)
    ours, naive = Spent(), Spent()
    with ours.measured():
        planned = plan_super_weight_cards(loaded, [weight], text, windows=cut, options=options)
        finish(planned, MemoryLedger(), SilentProgress())
    found = text_windows(loaded, text, tokens=cut.tokens, window_len=WINDOW, stride=WINDOW)
    rows = [torch.tensor([sequence.tokens]) for sequence in found.sequences]
    stopwords = torch.arange(200)
    with naive.measured():
        for _ in range(N_NAIVE):
            for ids in rows:
                naive_pass(loaded.model, ids, stopwords)
    print(
        f"P4, depth {depth:.0%}: {ours.times_faster_than(naive)} than {N_NAIVE} naive passes ({naive.wall:.1f} s "
        f"against {ours.wall:.1f} s)",
        flush=True,
    )


def losses(loaded: Any, n_windows: int) -> None:
    """P5."""
    stream = token_stream(loaded.tokenizer, load_text("builtin").text).tolist()
    windows(loaded, stream, n_windows=n_windows, length=WINDOW, n_rounds=2)


def all_neurons(loaded: Any, n_layers: int) -> None:
    """P6, on evenly spaced layers."""
    space = vocabulary_space(loaded)
    sites = loaded.sites.sites[:: max(1, len(loaded.sites) // n_layers)][:n_layers]
    rows = space.unembedding.rows(0, len(space.unembedding), dtype=torch.float32)
    directions = [space.directions(site, slice(None), dtype=torch.float32) for site in sites]
    bare = Spent()
    with bare.measured():
        for columns in directions:
            for some in rows.split(4096):  # the whole product would be 300 MB
                some @ columns
    del rows, directions
    ours = Spent()
    with resident_peak() as peak, ours.measured():
        finish(plan_census(space, sites=sites), MemoryLedger(), SilentProgress())
    print(
        f"P6: {sum(site.d_ff for site in sites)} neurons cost {bare.times_faster_than(ours)} of the bare matrix "
        f"product ({bare.wall:.1f} s), {peak.above / 2**30:.2f} GiB above the model",
        flush=True,
    )


def enrichments(loaded: Any, n: int = 5) -> None:
    """P7."""
    space = vocabulary_space(loaded)
    classes = token_classes(token_texts(loaded.tokenizer, space.token_ids))
    site = loaded.sites.sites[-1]
    effects = space.effects(space.directions(site, slice(0, n + 1), dtype=torch.float64)).numpy()
    enrichment(effects[n], classes)  # imports scipy
    ours = Spent()
    with ours.measured():
        for own in effects[:n]:
            enrichment(own, classes)
    print(f"P7: {ours.wall / n:.3f} s a card by the clock, {ours.processor / n:.3f} s of processor time", flush=True)


def memory() -> None:
    """P8, in a process of its own, so that its peak is its own."""
    subprocess.run([sys.executable, "-m", "benchmarks.vocab_vs_naive", "--only", "memory"], check=True)


def print_memory() -> None:
    """Peak of the resident memory while window metrics of a large vocabulary are measured."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from swa.engine.measures.window_metrics import WindowReducer
    from swa.engine.variants.batch import TokenBatch
    from swa.engine.variants.readout import ReadOut

    class Loaded:
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=128_000, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4
            )
        ).eval()
        device = torch.device("cpu")

    loaded: Any = Loaded()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    batch = TokenBatch.all_scored(torch.randint(128_000, (1, 2048)))
    readout = ReadOut(loaded)
    with torch.no_grad():
        readout.check(batch)
        WindowReducer(()).reduce(readout.read(batch), batch)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    full = 4 * 2048 * 128_000 / 2**30
    print(f"P8: {(after - before) / 2**20:.2f} GiB above the model (full logits alone: {full:.2f} GiB)", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=["P4", "P5", "P6", "P7", "P8"])
    arguments = parser.parse_args()
    if arguments.only == ["memory"]:
        print_memory()
        return
    if "P8" in arguments.only:
        memory()
    loaded = load_model(arguments.model)
    if "P4" in arguments.only:
        for depth in (0.07, 0.35, 0.7):
            card(loaded, depth, arguments.windows)
    if "P5" in arguments.only:
        losses(loaded, arguments.windows)
    if "P6" in arguments.only:
        all_neurons(loaded, arguments.layers)
    if "P7" in arguments.only:
        enrichments(loaded)


if __name__ == "__main__":
    main()
