"""What every command has: options declared in groups, plain help in sections, examples below it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, get_type_hints

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from swa.cli.declare.argv import LIST_OPTIONS, MODELS, Syntax
from swa.cli.declare.settings import OptionKind, Setting

if TYPE_CHECKING:
    from pydantic import JsonValue
    from typer.main import Typer

    from swa.schemas.run import EffectiveOption, Origin

SETTINGS = "swa.settings"
"""Key in the context's `meta` of what came from the environment and the config."""
_ABOUT_THE_CALL = frozenset({"help", "version", "config"})
"""Options that say nothing of the run itself."""


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
    options = {name: option for name, option in call.options.items() if name in option_names(function)}
    for name, value in changed.items():
        options[name] = options[name].model_copy(update={"value": value})
    return Invocation(command, call.words, options)


def option_names(function: Callable[..., None]) -> set[str]:
    """The names of a command's options and arguments, those in groups included."""
    names = set()
    for name, hint in get_type_hints(function).items():
        if is_dataclass(hint) and hint is not Invocation:
            names |= {field.name for field in fields(hint)}
        elif hint is not Invocation and name != "return":
            names.add(name)
    return names


def register(app: Typer, name: str, function: Callable[..., None], *, examples: str) -> None:
    """Make a function a command.

    Its parameters may be option groups: dataclasses whose fields are Typer options. Typer sees the single options,
    the function gets the groups. A parameter of type `Invocation` gets the call itself.
    """
    app.command(name, cls=Command, epilog=examples)(_spread(function))


def _spread(function: Callable[..., None]) -> Callable[..., None]:
    hints = get_type_hints(function, include_extras=True)
    own = inspect.signature(function).parameters
    single: list[inspect.Parameter] = [_keyword("ctx", typer.Context)]
    for name, parameter in own.items():
        if is_dataclass(hints[name]) and hints[name] is not Invocation:
            group = get_type_hints(hints[name], include_extras=True)
            single += [_keyword(field.name, group[field.name], _default(field)) for field in fields(hints[name])]
        elif hints[name] is not Invocation:
            single.append(_keyword(name, hints[name], parameter.default))

    @wraps(function)
    def command(ctx: typer.Context, **values: Any) -> None:
        arguments: dict[str, Any] = {}
        for name in own:
            hint = hints[name]
            if hint is Invocation:
                arguments[name] = Invocation(str(ctx.info_name), list(ctx.obj), effective_options(ctx))
            elif is_dataclass(hint):
                arguments[name] = hint(**{field.name: values[field.name] for field in fields(hint)})  # type: ignore[operator]
            else:
                arguments[name] = values[name]
        function(**arguments)

    command.__signature__ = inspect.Signature(single)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in single}
    return command


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default


def option_kinds(command: Any) -> list[OptionKind]:
    """The options of a command that can be set elsewhere than on the command line."""
    kinds = []
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            if parameter.name == "models":
                kinds.append(OptionKind("models", "list"))
        elif parameter.name not in _ABOUT_THE_CALL:
            form = "flag" if parameter.is_flag else "list" if parameter.multiple else "single"
            spellings = (spelling.lstrip("-").replace("-", "_") for spelling in parameter.opts)
            others = tuple(name for name in spellings if name != parameter.name and len(name) > 1)
            kinds.append(OptionKind(parameter.name, form, others))  # type: ignore[arg-type]
    return kinds


def syntax_of(command: Any) -> Syntax:
    """What `swa.cli.declare.argv` needs to know of a command."""
    options = [parameter for parameter in command.params if isinstance(parameter, TyperOption)]
    return Syntax(
        takes_models=any(kind.name == "models" for kind in option_kinds(command)),
        valued=frozenset(spelling for option in options if not option.is_flag for spelling in option.opts),
        choices={
            spelling: tuple(str(choice) for choice in option.type_descriptor.choices or ())
            for option in options
            for spelling in option.opts
            if spelling in LIST_OPTIONS and spelling != MODELS
        },
    )


def effective_options(ctx: typer.Context) -> dict[str, EffectiveOption]:
    """Every option as it acts, with where it was set."""
    from swa.schemas.run import EffectiveOption

    settings: dict[str, Setting] = ctx.meta.get(SETTINGS, {})
    return {
        kind.name: EffectiveOption(
            value=_plain(ctx.params[kind.name]), origin=_origin(ctx, kind.name, settings.get(kind.name))
        )
        for kind in option_kinds(ctx.command)
    }


def _origin(ctx: typer.Context, name: str, setting: Setting | None) -> Origin:
    source = ctx.get_parameter_source(name)
    assert source is not None
    if source.name == "COMMANDLINE":
        return "command line"
    return setting.origin if source.name == "DEFAULT_MAP" and setting else "default"


def _plain(value: Any) -> Any:
    """A value as it stands in JSON."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
