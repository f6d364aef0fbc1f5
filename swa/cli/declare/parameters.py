"""A command's parameters as Typer takes them, from the groups of options that the command names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import typer
from typer.models import ArgumentInfo, OptionInfo

from swa.cli.declare.config import Config
from swa.options import Declared, Options, Section, options_of

_SECTIONS: tuple[str, ...] = get_args(Section)
_FIRST, _MIDDLE, _LAST, _OWN = range(4)
"""Within a section: arguments, options of groups, those of them that stand last, what a command declares itself."""


class _Placed(NamedTuple):
    """A parameter and where it stands on the help page."""

    section: int
    rank: int
    parameter: inspect.Parameter


def parameters_of(groups: Iterable[Options], own: Mapping[str, inspect.Parameter]) -> list[inspect.Parameter]:
    """What Typer gets to see, in the order of the help page; an option that several groups have stands there once.

    Args:
        groups: With the defaults that the command gives them, in the order of its signature.
        own: Parameters that the command declares itself.
    """
    placed: dict[str, _Placed] = {}
    for group in groups:
        for one in options_of(type(group)):
            rank = _LAST if one.option.last else _MIDDLE
            placed.setdefault(
                one.name,
                _Placed(_SECTIONS.index(one.option.section), rank, _parameter(one, getattr(group, one.field))),
            )
    infos = {name: parameter.annotation.__metadata__[0] for name, parameter in own.items()}
    if placed or any(isinstance(info, OptionInfo) for info in infos.values()):
        own = {"config": keyword("config", Config, None), **own}
    for name, parameter in own.items():
        (info,) = parameter.annotation.__metadata__
        section = _SECTIONS.index(info.rich_help_panel) if info.rich_help_panel in _SECTIONS else -1
        placed[name] = _Placed(section, _FIRST if isinstance(info, ArgumentInfo) else _OWN, parameter)
    return [one.parameter for one in sorted(placed.values(), key=lambda one: (one.section, one.rank))]


def keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """A parameter of a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _parameter(declared: Declared, default: Any) -> inspect.Parameter:
    option = declared.option
    is_text = option.read is not None
    info: Any = typer.Option(
        *declared.spellings,
        rich_help_panel=option.section,
        help=option.help,
        metavar=option.metavar,
        min=option.minimum,
        max=option.maximum,
        parser=_parser(declared) if is_text else None,
    )
    kind = str if is_text else declared.kind
    if declared.is_list:
        kind = list[_one_of(declared) if get_origin(kind) is Literal else kind]  # type: ignore[misc]
    elif declared.is_optional and option.none is None:
        kind = kind | None
    return keyword(declared.name, Annotated[kind, info], declared.write(default))


def _one_of(declared: Declared) -> type[StrEnum]:
    """The words that a list takes: Typer has no lists of literals."""
    enumeration: Any = StrEnum  # mypy wants to see the words
    words: type[StrEnum] = enumeration(declared.name, {word: word for word in get_args(declared.kind)})
    return words


def _parser(declared: Declared) -> Callable[[Any], Any]:
    """Reads a word of the command line; what comes back is in one spelling, and fit for JSON."""

    def parse(text: Any) -> Any:
        try:
            return declared.read_one(text) if declared.is_list else declared.write(declared.read(text))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return parse
