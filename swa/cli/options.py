"""The options as typer sees them. Values stay `None` when they are not given; `settings` fills them in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SAFETY = "Model code"
"""Help panel of the option that lets a checkpoint's own code run."""

ModelWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODEL]...", help="Hub id (org/name, optional @revision), folder, .gguf file, or demo."),
]
Models = Annotated[list[str] | None, typer.Option("--models", help="The same, as an option.", show_default="demo")]
Dataset = Annotated[
    str | None,
    typer.Option(
        help="Text: wikitext-2, wikitext-103, builtin, a text, JSONL or parquet file, or name:config:split:column.",
        show_default="wikitext-2",
    ),
]
DataDir = Annotated[
    str | None, typer.Option(metavar="DIR", help="Local copies of hub data sets; nothing contacts the hub for them.")
]
CacheDir = Annotated[
    str | None, typer.Option(metavar="DIR", help="Where unpacked GGUF files lie.", show_default="~/.cache/swa")
]
ResultsDir = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Results.", show_default="results/comprehensive_super_weight_analysis"),
]
Seed = Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="42")]
Dtype = Annotated[
    str | None,
    typer.Option(help="Type of the weights: auto (the checkpoint's), float32, bfloat16, float16.", show_default="auto"),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.", show_default="auto")]
MaxMemory = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Weights in memory at most, e.g. 4GiB; the rest stays on disk.")
]
BatchSize = Annotated[str | None, typer.Option(help="Windows in one forward pass, or auto.", show_default="auto")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of hub ids without an @.")]
TrustRemoteCode = Annotated[
    bool | None,
    typer.Option(
        "--trust-remote-code",
        help="Let code in the checkpoint run. Read that code first: it can do anything you can.",
        rich_help_panel=SAFETY,
    ),
]
Force = Annotated[bool | None, typer.Option("--force", help="Do finished steps again.")]
Json = Annotated[bool | None, typer.Option("--json", help="Print one JSON object instead of a table.")]
Jsonl = Annotated[bool | None, typer.Option("--jsonl", help="Print one record a line instead of a table.")]
Verbose = Annotated[bool | None, typer.Option("--verbose", "-v", help="Tell more, and show every candidate.")]
Quiet = Annotated[bool | None, typer.Option("--quiet", "-q", help="Show results and errors only.")]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Options from a TOML file or a run_config.json (also SWA_CONFIG).")
]

Screen = Annotated[
    list[str] | None, typer.Option(help="Screens: spike, gradient, or both.", show_default="spike gradient")
]
ScreenTop = Annotated[int | None, typer.Option(help="Gradient candidates to keep.", show_default="64")]
SpikeThreshold = Annotated[
    str | None,
    typer.Option(
        help="|input| and |output| must both exceed it; auto is the rule of massive activations, relative to the "
        "residual stream, which misses weaker super weights.",
        show_default="50.0",
    ),
]
MaxIterations = Annotated[int | None, typer.Option(help="Rounds of the spike screen at most.", show_default="10")]
Prompt = Annotated[
    list[str] | None,
    typer.Option(help="Text in which spikes are sought; repeatable.", show_default="Apple Inc. is a worldwide tech company."),
]
NoConfirm = Annotated[bool | None, typer.Option("--no-confirm", help="Do not remove candidates on held-out text.")]
ConfirmedOnly = Annotated[
    bool | None, typer.Option("--confirmed-only", help="Show confirmed ones only; the files hold all candidates.")
]
