"""Every option of a command as it acts, with where it was set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from swa.cli.declare.kinds import option_kinds
from swa.cli.declare.options import SHOWN
from swa.cli.declare.settings import Setting
from swa.options import Options

if TYPE_CHECKING:
    import typer
    from pydantic import JsonValue

    from swa.schemas.run import EffectiveOption, Origin

SETTINGS = "swa.settings"
"""Key in the context's `meta` of what came from the environment and the config."""


def is_group(hint: Any) -> bool:
    """Whether a parameter of a command stands for a group of options."""
    return isinstance(hint, type) and issubclass(hint, Options)


def effective_options(ctx: typer.Context, groups: Mapping[str, JsonValue]) -> dict[str, EffectiveOption]:
    """Every option of the run as it acts, with where it was set; how it is shown is not among them.

    Args:
        ctx: The call.
        groups: Values of the options that stand in groups, by name.
    """
    from swa.schemas.run import EffectiveOption

    settings: dict[str, Setting] = ctx.meta.get(SETTINGS, {})
    values = {name: plain(value) for name, value in ctx.params.items()} | dict(groups)
    return {
        kind.name: EffectiveOption(value=values[kind.name], origin=_origin(ctx, kind.name, settings.get(kind.name)))
        for kind in option_kinds(ctx.command)
        if kind.name not in SHOWN
    }


def _origin(ctx: typer.Context, name: str, setting: Setting | None) -> Origin:
    source = ctx.get_parameter_source(name)
    assert source is not None
    if source.name == "COMMANDLINE":
        return "command line"
    return setting.origin if source.name == "DEFAULT_MAP" and setting else "default"


def plain(value: Any) -> Any:
    """A value as it stands in JSON."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
