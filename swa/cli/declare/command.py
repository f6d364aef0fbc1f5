"""What every command has: options in groups, plain help in sections, examples below it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from swa.cli.declare.invocation import effective_options, is_group, plain
from swa.cli.declare.parameters import keyword, parameters_of
from swa.options import Options, restored, written
from swa.runs.driver.call import Call

if TYPE_CHECKING:
    from typer.main import Typer


class Command(TyperCommand):
    """A command whose help shows its options in sections, without boxes, and its examples as they are written."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each help panel, in the order of the declarations."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "rich_help_panel", None) or "Other"
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples without filling their lines."""
        _write_examples(self.epilog, formatter)


class Group(TyperGroup):
    """The program itself; see `Command`."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples without filling their lines."""
        _write_examples(self.epilog, formatter)


def _write_examples(epilog: str | None, formatter: Any) -> None:
    if epilog:
        with formatter.section("Examples"):
            for line in inspect.cleandoc(epilog).splitlines():
                formatter.write(f"  {line}\n")


def register(app: Typer, name: str, function: Callable[..., None], *, examples: str) -> None:
    """Make a function a command.

    Its parameters may be groups of options: Typer sees the single options, the function gets the groups. The default
    of such a parameter holds the command's own defaults, and its class may say them in other words. A parameter of
    type `Call` gets the call itself.
    """
    app.command(name, cls=Command, epilog=examples)(_spread(function))


def _spread(function: Callable[..., None]) -> Callable[..., None]:
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Options] = {}
    own: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if is_group(hints[name]):
            groups[name] = hints[name]() if parameter.default is parameter.empty else parameter.default
        elif hints[name] is not Call:
            own[name] = keyword(name, hints[name], parameter.default)
    calls = [name for name, hint in hints.items() if hint is Call]
    single = [keyword("ctx", typer.Context), *parameters_of(groups.values(), own)]

    @wraps(function)
    def command(ctx: typer.Context, **values: Any) -> None:
        texts = {name: plain(value) for name, value in values.items()}
        given: dict[str, Any] = {name: hints[name](**vars(restored(one, texts))) for name, one in groups.items()}
        if calls:
            options = effective_options(ctx, written(*given.values()))
            given |= dict.fromkeys(calls, Call(str(ctx.info_name), list(ctx.obj), options))
        function(**given, **{name: values[name] for name in own})

    command.__signature__ = inspect.Signature(single)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in single}
    return command
