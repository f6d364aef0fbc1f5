"""The options that commands share, in groups: name, type, default and help in one place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from swa.cli.command import SETTINGS, option_kinds
from swa.cli.settings import config_settings, environment_settings
from swa.cli.values import batch_size_text, device_text, size_text, threshold_text

MODEL, TEXT, SEARCH, RUN, OUTPUT = "Model", "Text", "Detection", "Run", "Output"
REMOTE_CODE = "Code from the checkpoint"


def _in(panel: str) -> Callable[..., Any]:
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
    _in(RUN)(
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
        _in(MODEL)("--dtype", help="Type of the weights in memory; auto is the checkpoint's own."),
    ] = "auto"
    device: Annotated[
        str,
        _in(MODEL)("--device", parser=device_text, metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps."),
    ] = "auto"
    max_memory: Annotated[
        str | None,
        _in(MODEL)(
            "--max-memory", parser=size_text, metavar="SIZE", help="Keep weights above this size on disk, e.g. 4GiB."
        ),
    ] = None
    revision: Annotated[
        str | None,
        _in(MODEL)("--revision", metavar="REV", help="Branch, tag or commit of every hub id without an @."),
    ] = None
    cache_dir: Annotated[
        Path | None,
        _in(MODEL)("--cache-dir", metavar="DIR", help="Unpacked GGUF files go here, not to $XDG_CACHE_HOME/swa."),
    ] = None
    trust_remote_code: Annotated[
        bool,
        _in(REMOTE_CODE)(
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
        _in(TEXT)(
            "--dataset",
            metavar="NAME",
            help="wikitext-2, wikitext-103, builtin (in the package), a text, JSONL or parquet file, or "
            "name:config:split:column of the hub.",
        ),
    ] = "wikitext-2"
    data_dir: Annotated[
        Path | None,
        _in(TEXT)("--data-dir", metavar="DIR", help="Local copies of hub data sets; found here, no hub is asked."),
    ] = None


class ScreenName(StrEnum):
    """A screen as a list option takes it: Typer has no lists of literals."""

    SPIKE = "spike"
    GRADIENT = "gradient"


@dataclass(frozen=True)
class SearchOptions:
    """How super weights are sought."""

    screen: Annotated[
        list[ScreenName],
        _in(SEARCH)(
            "--screen", metavar="SCREEN...", help="spike (activations), gradient (effect on the loss), or both."
        ),
    ] = field(default_factory=lambda: list(ScreenName))
    screen_top: Annotated[
        int, _in(SEARCH)("--screen-top", min=1, metavar="N", help="Candidates that the gradient screen keeps.")
    ] = 64
    spike_threshold: Annotated[
        str,
        _in(SEARCH)(
            "--spike-threshold",
            parser=threshold_text,
            metavar="NUMBER|auto",
            help="Input and output of a spike must both exceed it. auto is the massive-activation rule (1000 times the "
            "median of the residual stream); it sees fewer, on any scale.",
        ),
    ] = "50.0"
    max_iterations: Annotated[
        int, _in(SEARCH)("--max-iterations", min=1, metavar="N", help="Rounds of the spike screen at most.")
    ] = 10
    prompt: Annotated[
        list[str], _in(SEARCH)("--prompt", metavar="TEXT", help="Text in which spikes are sought; repeatable.")
    ] = field(default_factory=lambda: ["Apple Inc. is a worldwide tech company."])
    no_confirm: Annotated[
        bool, _in(SEARCH)("--no-confirm", help="List candidates without removing each on held-out text.")
    ] = False


@dataclass(frozen=True)
class RunOptions:
    """How a run goes."""

    results_dir: Annotated[
        Path, _in(RUN)("--results-dir", metavar="DIR", help="Results folder, one folder a model.")
    ] = Path("results/comprehensive_super_weight_analysis")
    seed: Annotated[int, _in(RUN)("--seed", min=0, metavar="N", help="Seed of everything random.")] = 42
    batch_size: Annotated[
        str,
        _in(RUN)("--batch-size", parser=batch_size_text, metavar="N|auto", help="Windows in one forward pass."),
    ] = "auto"
    force: Annotated[bool, _in(RUN)("--force", help="Compute again what is finished.")] = False
    config: Config = None


@dataclass(frozen=True)
class OutputOptions:
    """What is shown."""

    json: Annotated[bool, _in(OUTPUT)("--json", help="One JSON object on stdout instead of text.")] = False
    verbose: Annotated[bool, _in(OUTPUT)("--verbose", "-v", help="Show everything, also log lines of libraries.")] = (
        False
    )
    quiet: Annotated[bool, _in(OUTPUT)("--quiet", "-q", help="No progress, no notes: results and errors only.")] = False
