"""How a command was called: its words, and every option as it acts, with where it was set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from swa.cli.declare.kinds import option_kinds
from swa.cli.declare.settings import Setting
from swa.options import Options, options_of

if TYPE_CHECKING:
    import typer
    from pydantic import JsonValue

    from swa.schemas.run import EffectiveOption, Origin

SETTINGS = "swa.settings"
"""Key in the context's `meta` of what came from the environment and the config."""


@dataclass(frozen=True)
class Invocation:
    """How a command was called.

    Attributes:
        command: Its name.
        words: The words of the command line after `swa`.
        options: Every option that acts, with its origin.
    """

    command: str
    words: list[str]
    options: dict[str, EffectiveOption]


def step_of(call: Invocation, command: str, function: Callable[..., None], **changed: JsonValue) -> Invocation:
    """The call as one of its steps would have got it from the command line, so that its records are the same.

    Args:
        call: The call of several steps.
        command: The step's own command.
        function: That command's function, whose options the step keeps.
        changed: Options that have another value in the step.
    """
    options = {name: option for name, option in call.options.items() if name in _option_names(function)}
    for name, value in changed.items():
        options[name] = options[name].model_copy(update={"value": value})
    return Invocation(command, call.words, options)


def is_group(hint: Any) -> bool:
    """Whether a parameter of a command stands for a group of options."""
    return isinstance(hint, type) and issubclass(hint, Options)


def _option_names(function: Callable[..., None]) -> set[str]:
    """The names of a command's options and arguments, those in groups included."""
    names = set()
    for name, hint in get_type_hints(function).items():
        if is_group(hint):
            names |= {one.name for one in options_of(hint)}
        elif hint is not Invocation and name != "return":
            names.add(name)
    return names


def effective_options(ctx: typer.Context, groups: Mapping[str, JsonValue]) -> dict[str, EffectiveOption]:
    """Every option as it acts, with where it was set.

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
