"""What the words of a command line, the environment and configs have to know of a command's options."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperOption

from swa.cli.declare.argv import Syntax
from swa.cli.declare.settings import Form, OptionKind

_ABOUT_THE_CALL = frozenset({"help", "version", "config"})
"""Options that say nothing of the run itself."""


def option_kinds(command: Any) -> list[OptionKind]:
    """The options of a command that can be set elsewhere than on the command line."""
    kinds = []
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            if parameter.name == "models":
                kinds.append(OptionKind("models", "words"))
        elif parameter.name not in _ABOUT_THE_CALL:
            spellings = (spelling.lstrip("-").replace("-", "_") for spelling in parameter.opts)
            others = tuple(name for name in spellings if name != parameter.name and len(name) > 1)
            kinds.append(OptionKind(parameter.name, _form(parameter), others))
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
            if _form(option) == "words"
            for spelling in option.opts
        },
    )


def _form(option: Any) -> Form:
    if option.is_flag:
        return "flag"
    if not option.multiple:
        return "single"
    return "words" if (option.metavar or "").endswith("...") else "repeated"
