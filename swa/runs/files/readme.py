"""The README of a results folder of `swa vocab`: what is in it and how to read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from swa.reports.page.markdown_text import escape

_HEAD = """# Vocabulary analysis

Written by `swa vocab` and `swa cascade`. One folder a model:

| file | what it holds |
|---|---|
| `metrics/super_weights/super_weights.jsonl` | SuperWeightCard, one a line: what its removal does to predictions |
| `metrics/neurons/neurons.jsonl` | NeuronCard, one a line: what the neuron writes into the vocabulary |
| `metrics/neurons/census.parquet` | moments and label of every neuron (`--all-neurons`) |
| `metrics/cascade/cascade.jsonl` | CascadeResult, one a line: the removal layer by layer (`swa cascade`) |
| `plots/super_weights/*-deltas.png` | each metric on its own axis, with interval and controls |
| `plots/super_weights/*-tokens.png` | tokens that become more and less likely |
| `plots/super_weights/*-cascade.png` | the removal through the logit lens, by layer (of a card or of `swa cascade`) |
| `plots/neurons/*-effects.png` | top tokens both ways, and the effects on the whole vocabulary |
| `summaries/*.csv` | the cards as tables, one row a card |
| `run_config.json` | options with their origin, versions, fingerprints, the windows as they were laid |
| `analysis.log` | what happened when |

Every delta is modified minus baseline. Loss, entropy and KL are in nats a token; `topk_margin` is the probability of
the most likely token minus that of the second, `stopword_mass` that of English function words. Optional blocks are
absent, never null; numbers that are not finite are `"Infinity"`, `"-Infinity"`, `"NaN"`. `swa schema SuperWeightCard`
explains every key, `swa validate FILE...` checks the files.

"""
_TAIL = """
    jq -r 'select((.deltas.loss | type) == "number") | [.coordinate, .deltas.loss] | @tsv' \\
        */metrics/super_weights/super_weights.jsonl
"""


def readme_text(folder: Path) -> str:
    """The text for a results folder as it is now."""
    rows = [
        "| model | folder | super weights | neurons | cascades | census |",
        "|---|---|---|---|---|---|",
        *_rows(folder),
    ]
    return _HEAD + "\n".join(rows) + "\n" + _TAIL


def _rows(folder: Path) -> Iterator[str]:
    for path in sorted(one for one in folder.iterdir() if (one / "metrics").is_dir()):
        counts = [
            _n_lines(path / "metrics" / place)
            for place in ("super_weights/super_weights.jsonl", "neurons/neurons.jsonl", "cascade/cascade.jsonl")
        ]
        census = "yes" if (path / "metrics/neurons/census.parquet").exists() else ""
        link = f"[{escape(path.name)}]({quote(path.name)})"
        yield f"| {escape(_model_of(path))} | {link} | {' | '.join(counts)} | {census} |"


def _n_lines(path: Path) -> str:
    """Number of records, nothing where there is no such file."""
    return str(sum(1 for line in path.read_bytes().split(b"\n") if line.strip())) if path.exists() else ""


def _model_of(path: Path) -> str:
    """The model as it was named, from its run_config."""
    try:
        config = json.loads((path / "run_config.json").read_bytes())
        return next(str(config[name]["model"]) for name in ("vocab", "cascade") if name in config)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return path.name  # written by something else, or in this moment
