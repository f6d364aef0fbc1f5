"""The options that commands share, in groups: name, type, default and help in one place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from swa.cli.declare.command import SETTINGS, option_kinds
from swa.cli.declare.settings import config_settings, environment_settings
from swa.cli.declare.values import batch_size_text, device_text, size_text, threshold_text

MODEL, TEXT, WEIGHTS, WINDOWS, SEARCH, EXPERTS, RUN, OUTPUT = (
    "Model",
    "Text",
    "Super weights",
    "Windows",
    "Detection",
    "Mixture of experts",
    "Run",
    "Output",
)
REMOTE_CODE = "Code from the checkpoint"


def in_panel(panel: str) -> Callable[..., Any]:
    """Declare options of one section of the help page."""

    def option(*spellings: str, **details: Any) -> Any:
        return typer.Option(*spellings, rich_help_panel=panel, **details)

    return option


def _read_settings(ctx: typer.Context, path: Path | None) -> Path | None:
    """Take environment and config as the command's defaults, before its other options are read."""
    root = ctx.find_root().command
    known = {name: option_kinds(command) for name, command in root.commands.items()}  # type: ignore[attr-defined]
    name = str(ctx.info_name)
    path = path or (Path(os.environ["SWA_CONFIG"]) if os.environ.get("SWA_CONFIG") else None)
    settings = config_settings(path, name, known) if path else {}
    settings |= environment_settings(known[name], os.environ)
    ctx.meta[SETTINGS] = settings
    ctx.default_map = {key: setting.value for key, setting in settings.items()}
    return path


Config = Annotated[
    Path | None,
    in_panel(RUN)(
        "--config",
        metavar="FILE",
        is_eager=True,
        callback=_read_settings,
        help="TOML file with options, or the run_config.json of a run to repeat. The command line wins over "
        "environment variables (SWA_SCREEN_TOP for --screen-top), these over the file.",
    ),
]

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        rich_help_panel=MODEL,
        help="Hub id (org/name, org/name@revision), folder, .gguf file, or demo. Also --models A B, or --models "
        "A --models B.",
    ),
]


@dataclass(frozen=True)
class LoadOptions:
    """How models are loaded."""

    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        in_panel(MODEL)("--dtype", help="Type of the weights in memory; auto is the checkpoint's own."),
    ] = "auto"
    device: Annotated[
        str,
        in_panel(MODEL)("--device", parser=device_text, metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps."),
    ] = "auto"
    max_memory: Annotated[
        str | None,
        in_panel(MODEL)(
            "--max-memory", parser=size_text, metavar="SIZE", help="Keep weights above this size on disk, e.g. 4GiB."
        ),
    ] = None
    revision: Annotated[
        str | None,
        in_panel(MODEL)("--revision", metavar="REV", help="Branch, tag or commit of every hub id without an @."),
    ] = None
    cache_dir: Annotated[
        Path | None,
        in_panel(MODEL)("--cache-dir", metavar="DIR", help="Unpacked GGUF files go here, not to $XDG_CACHE_HOME/swa."),
    ] = None
    trust_remote_code: Annotated[
        bool,
        in_panel(REMOTE_CODE)(
            "--trust-remote-code",
            help="Run Python code that the checkpoint brings along. It can do whatever you can do on this machine: "
            "read it first.",
        ),
    ] = False


@dataclass(frozen=True)
class TextOptions:
    """The text to measure on."""

    dataset: Annotated[
        str,
        in_panel(TEXT)(
            "--dataset",
            metavar="NAME",
            help="wikitext-2, wikitext-103, builtin (in the package), a text, JSONL or parquet file, or "
            "name:config:split:column of the hub.",
        ),
    ] = "wikitext-2"
    data_dir: Annotated[
        Path | None,
        in_panel(TEXT)("--data-dir", metavar="DIR", help="Local copies of hub data sets; found here, no hub is asked."),
    ] = None


class ScreenName(StrEnum):
    """A screen as a list option takes it: Typer has no lists of literals."""

    SPIKE = "spike"
    GRADIENT = "gradient"


@dataclass(frozen=True)
class ScreenOptions:
    """How candidates are sought and tested."""

    screen: Annotated[
        list[ScreenName],
        in_panel(SEARCH)(
            "--screen", metavar="SCREEN...", help="spike (activations), gradient (effect on the loss), or both."
        ),
    ] = field(default_factory=lambda: list(ScreenName))
    screen_top: Annotated[
        int, in_panel(SEARCH)("--screen-top", min=1, metavar="N", help="Candidates that the gradient screen keeps.")
    ] = 64
    spike_threshold: Annotated[
        str,
        in_panel(SEARCH)(
            "--spike-threshold",
            parser=threshold_text,
            metavar="NUMBER|auto",
            help="Input and output of a spike must both exceed it. auto is the massive-activation rule (1000 times the "
            "median of the residual stream); it sees fewer, on any scale.",
        ),
    ] = "50.0"
    max_iterations: Annotated[
        int, in_panel(SEARCH)("--max-iterations", min=1, metavar="N", help="Rounds of the spike screen at most.")
    ] = 10
    prompt: Annotated[
        list[str], in_panel(SEARCH)("--prompt", metavar="TEXT", help="Text in which spikes are sought; repeatable.")
    ] = field(default_factory=lambda: ["Apple Inc. is a worldwide tech company."])
    no_confirm: Annotated[
        bool, in_panel(SEARCH)("--no-confirm", help="List candidates without removing each on held-out text.")
    ] = False


RouterSamples = Annotated[
    int,
    in_panel(EXPERTS)(
        "--router-analysis-samples",
        min=1,
        metavar="N",
        help="Windows of 256 tokens on which the router is watched and spikes of experts are sought.",
    ),
]


@dataclass(frozen=True)
class SearchOptions(ScreenOptions):
    """How super weights are sought; dense models take no notice of what is said of experts."""

    router_analysis_samples: RouterSamples = 10
    p_active_floor: Annotated[
        float,
        in_panel(EXPERTS)(
            "--p-active-floor",
            min=0.0,
            max=1.0,
            metavar="SHARE",
            help="Experts that a smaller share of the tokens selects are not examined.",
        ),
    ] = 0.01
    co_spike_threshold: Annotated[
        float,
        in_panel(EXPERTS)(
            "--co-spike-threshold",
            min=0.0,
            max=1.0,
            metavar="SCORE",
            help="Input and output channel of an expert's spike must spike on the same tokens: score between 0 and 1.",
        ),
    ] = 0.12
    enable_causal_scoring: Annotated[
        bool,
        in_panel(EXPERTS)(
            "--enable-causal-scoring",
            help="Remove each candidate of an expert under the router's own choice, and with every token sent to it.",
        ),
    ] = False


@dataclass(frozen=True)
class VocabSearchOptions(SearchOptions):
    """The same for `swa vocab`, which watches fewer windows."""

    router_analysis_samples: RouterSamples = 5


EXPERT_OPTIONS = frozenset(field.name for field in fields(SearchOptions)) - {
    field.name for field in fields(ScreenOptions)
}
"""Names of the options that act on routed experts only."""


@dataclass(frozen=True)
class WeightOptions:
    """Which super weights are worked on."""

    super_weights: Annotated[
        list[str],
        in_panel(WEIGHTS)(
            "--super-weights",
            metavar="FILE|-|COORDINATE",
            help="Detection record, JSON lines with SuperWeight records or coordinates, - for standard input, or a "
            "coordinate such as L11.mlp.down_proj[507,1229]; repeatable. By default the newest detection that fits; "
            "where there is none, the command detects first.",
        ),
    ] = field(default_factory=list)
    all_candidates: Annotated[
        bool, in_panel(WEIGHTS)("--all-candidates", help="Take candidates too that removal did not confirm.")
    ] = False


@dataclass(frozen=True)
class WindowOptions:
    """Windows over a text."""

    window_len: Annotated[
        int, in_panel(WINDOWS)("--window-len", min=2, metavar="N", help="Text tokens in a window.")
    ] = 1024
    stride: Annotated[
        int, in_panel(WINDOWS)("--stride", min=1, metavar="N", help="Tokens from one window to the next.")
    ] = 512
    tokens: Annotated[int, in_panel(WINDOWS)("--tokens", min=1, metavar="N", help="Tokens to score.")] = 30_000


@dataclass(frozen=True)
class RunOptions:
    """How a run goes."""

    results_dir: Annotated[
        Path, in_panel(RUN)("--results-dir", metavar="DIR", help="Results folder, one folder a model.")
    ] = Path("results/comprehensive_super_weight_analysis")
    seed: Annotated[int, in_panel(RUN)("--seed", min=0, metavar="N", help="Seed of everything random.")] = 42
    batch_size: Annotated[
        str,
        in_panel(RUN)("--batch-size", parser=batch_size_text, metavar="N|auto", help="Windows in one forward pass."),
    ] = "auto"
    force: Annotated[bool, in_panel(RUN)("--force", help="Compute again what is finished.")] = False
    config: Config = None


@dataclass(frozen=True)
class OutputOptions:
    """What is shown."""

    json: Annotated[bool, in_panel(OUTPUT)("--json", help="One JSON object on stdout instead of text.")] = False
    verbose: Annotated[
        bool, in_panel(OUTPUT)("--verbose", "-v", help="Show everything, also log lines of libraries.")
    ] = False
    quiet: Annotated[
        bool, in_panel(OUTPUT)("--quiet", "-q", help="No progress, no notes: results and errors only.")
    ] = False
