"""`--config`: options from a file and from the environment, as the defaults of a command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from swa.cli.declare.invocation import SETTINGS
from swa.cli.declare.kinds import option_kinds
from swa.cli.declare.settings import config_settings, environment_settings


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
    typer.Option(
        "--config",
        rich_help_panel="Run",
        metavar="FILE",
        is_eager=True,
        callback=_read_settings,
        help="TOML file with options, or the run_config.json of a run to repeat. The command line wins over "
        "environment variables (SWA_SCREEN_TOP for --screen-top), these over the file.",
    ),
]
