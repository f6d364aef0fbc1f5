"""How the cost grows with tokens and with variants (P11): a figure, and the slopes that are printed.

    python -m benchmarks.slopes [--model demo] [--output docs/benchmarks-slopes.png]

Losses of windows of 128 tokens, by processor time. To the left more windows, intact and with one removal in the middle;
to the right more removals on four windows, in the first, the middle and the last layer.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.watch import Spent
from swa.data.sources import load_text
from swa.data.windows import token_stream
from swa.engine.measures.reducers import LossReducer
from swa.engine.variants.batch import TokenBatch
from swa.engine.variants.interventions import ScaleEntries, Variant
from swa.engine.variants.plan import ForwardPlan
from swa.models.loading.load import load_model
from swa.reports.plots.style import figure_style, new_figure, png

LENGTH = 128
N_WINDOWS = (1, 2, 4, 8, 12)
N_REMOVALS = (0, 1, 2, 4, 8)
DEPTHS = {"first layer": 0.0, "middle layer": 0.5, "last layer": 1.0}


def seconds(loaded: Any, windows: torch.Tensor, n_removals: int, depth: float) -> float:
    """Processor time of the intact model and some removals, four windows at a time, after a warm-up."""
    site = loaded.sites.sites[int(depth * (len(loaded.sites) - 1))]
    plan = ForwardPlan(loaded, [Variant(str(i), (ScaleEntries(site, i, i + 1),)) for i in range(n_removals)])
    plan.measure(TokenBatch.all_scored(windows[:1, :8]), LossReducer())
    spent = Spent()
    with spent.measured():
        for part in TokenBatch.all_scored(windows).split(4):
            plan.measure(part, LossReducer())
    return spent.processor


def draw(tokens: Mapping[str, Sequence[float]], variants: Mapping[str, Sequence[float]]) -> bytes:
    """Both panels; the lines are least squares."""
    with figure_style():
        figure = new_figure(8.4, 3.4)
        panels = figure.subplots(1, 2)
        for panel, curves, places, label in (
            (panels[0], tokens, [n * LENGTH for n in N_WINDOWS], "tokens"),
            (panels[1], variants, N_REMOVALS, "removals"),
        ):
            for name, values in curves.items():
                slope, start = np.polyfit(places, values, 1)
                (line,) = panel.plot(places, [start + slope * place for place in places], lw=1, alpha=0.6)
                panel.plot(places, values, "o", ms=4, color=line.get_color(), label=name)
            panel.set_xlabel(label)
            panel.set_ylabel("seconds of processor time")
            panel.set_ylim(bottom=0)
            panel.legend(frameon=False)
        return png(figure)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks-slopes.png"))
    arguments = parser.parse_args()
    loaded = load_model(arguments.model)
    stream = token_stream(loaded.tokenizer, load_text("builtin").text)
    windows = stream[: max(N_WINDOWS) * LENGTH].view(-1, LENGTH)
    tokens = {
        name: [seconds(loaded, windows[:n], n_removals, 0.5) for n in N_WINDOWS]
        for name, n_removals in {"intact": 0, "intact and a removal in the middle": 1}.items()
    }
    variants = {name: [seconds(loaded, windows[:4], n, depth) for n in N_REMOVALS] for name, depth in DEPTHS.items()}
    for name, values in tokens.items():
        slope, start = np.polyfit([n * LENGTH for n in N_WINDOWS], values, 1)
        print(f"P11, {name}: {1000 * slope:.2f} s for 1000 tokens, {start:.2f} s for none")
    for name, values in variants.items():
        slope, start = np.polyfit(N_REMOVALS, values, 1)
        print(f"P11, {name}: a removal costs {slope / start:.2f} of the intact model")
    arguments.output.write_bytes(draw(tokens, variants))


if __name__ == "__main__":
    main()
