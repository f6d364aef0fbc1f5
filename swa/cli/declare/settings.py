"""Options from the environment and from `--config`: what they mean and where each value came from.

The order is command line > environment > config > default. Values from both places become the command's default map,
as text, so that they are read and refused by the same parsers as the words of the command line.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from swa.errors import UsageError

if TYPE_CHECKING:
    from swa.schemas.run import Origin

PREFIX = "SWA_"
_SEPARATORS = {"words": ",", "repeated": "\n"}
"""Lists in environment variables are split at commas, unless their values hold commas themselves."""
_TRUTH = {"1": True, "true": True, "0": False, "false": False}
_NOT_REPEATED = frozenset({"json", "jsonl", "verbose", "quiet", "force", "confirmed_only"})
"""Manners of one call: a `run_config.json` repeats the run, not how it was shown."""

Value = str | list[str] | bool
Form = Literal["flag", "words", "repeated", "single"]
"""Of an option's value: several words may follow a list option, or each has an option of its own."""


@dataclass(frozen=True)
class OptionKind:
    """One option of a command, as far as its value's form goes.

    Attributes:
        name: As a parameter.
        form: Of its value.
        other_names: Further spellings in a config, with underscores.
    """

    name: str
    form: Form
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """A value that was not given on the command line.

    Attributes:
        value: As on the command line: text, several texts, or a flag.
        origin: Environment or config; a default of the run that a `run_config.json` repeats stays one.
        place: Where exactly, for error messages: `SWA_SEED`, `runs.toml`.
    """

    value: Value
    origin: Origin
    place: str


def environment_settings(options: Iterable[OptionKind], environment: Mapping[str, str]) -> dict[str, Setting]:
    """Read `SWA_<OPTION>` for every option; an empty variable counts as not set.

    Raises:
        UsageError: A flag is something else than 1, 0, true or false.
    """
    found = {}
    for option in options:
        variable = PREFIX + option.name.upper()
        text = environment.get(variable, "")
        value = _from_text(option, text, variable) if text else []
        if value != []:
            found[option.name] = Setting(value, "environment", variable)
    return found


def _from_text(option: OptionKind, text: str, variable: str) -> Value:
    if option.form == "single":
        return text
    if option.form in _SEPARATORS:
        parts = [part.strip() for part in text.split(_SEPARATORS[option.form])]
        return [part for part in parts if part]
    if text.lower() not in _TRUTH:
        raise UsageError(f"{variable} is '{text}'.", hint="Flags take 1, 0, true or false.")
    return _TRUTH[text.lower()]


def config_settings(path: Path, command: str, known: Mapping[str, Iterable[OptionKind]]) -> dict[str, Setting]:
    """Read a TOML file, or this command's block of a `run_config.json`.

    Args:
        path: The file.
        command: The command that asks.
        known: The options of every command.

    Raises:
        UsageError: There is no such file, it cannot be read, or it names an option that does not exist.
        InvalidArtifactError: It is a JSON file but no run_config.
    """
    not_set: set[str] = set()
    try:
        content = path.read_bytes().decode()
        if path.suffix == ".json":
            options = _of_run(content, command, path)
            values = {name: option["value"] for name, option in options.items()}
            not_set = {name for name, option in options.items() if option["origin"] == "default"}
        else:
            values = tomllib.loads(content)
    except OSError as error:
        raise UsageError(f"The config '{path}' cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The config '{path}' is not TOML: {error}.") from error
    chosen = _for_command(values, command, known, path)
    return {
        name: Setting(value, "default" if name in not_set else "config", str(path)) for name, value in chosen.items()
    }


def _of_run(content: str, command: str, path: Path) -> dict[str, dict[str, Any]]:
    """The options of the command's run that are repeated, as `EffectiveOption` holds them."""
    from swa.schemas.registry import parse_record

    parse_record(content, "RunConfig")
    block = json.loads(content).get(command)
    if block is None:
        raise UsageError(f"'{path}' holds no run of `swa {command}`.")
    return {
        name: option
        for name, option in block["options"].items()
        if name not in _NOT_REPEATED and option["value"] != []  # an empty list was not given
    }


def _for_command(
    values: Mapping[str, Any], command: str, known: Mapping[str, Iterable[OptionKind]], path: Path
) -> dict[str, Value]:
    """What the file says to one command; its own table wins over the top level."""
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    own = _by_name(known[command])
    of_any = {name for options in known.values() for name in _by_name(options)}
    chosen: dict[str, Value] = {}
    for key, value in values.items():
        if key not in tables:
            name = _known(key, of_any, f"the config '{path}'")
            if name in own:
                chosen |= _as_text(own[name], value, path)
    for table, entries in tables.items():
        _known(table, set(known), f"the config '{path}' as a table")
        of_table = set(_by_name(known[table]))
        for key, value in entries.items():
            name = _known(key, of_table, f"[{table}] of the config '{path}'")
            if table == command:
                chosen |= _as_text(own[name], value, path)
    return chosen


def _by_name(options: Iterable[OptionKind]) -> dict[str, OptionKind]:
    return {name: option for option in options for name in (option.name, *option.other_names)}


def _known(key: str, names: set[str], where: str) -> str:
    name = key.replace("-", "_")
    if name not in names:
        close = get_close_matches(name, sorted(names), n=1)
        hint = f"Did you mean '{close[0]}'?" if close else "Keys are the names of options, without the two dashes."
        raise UsageError(f"'{key}' is not known in {where}.", hint=hint)
    return name


def _as_text(option: OptionKind, value: Any, path: Path) -> dict[str, Value]:
    """The option's value as on the command line; nothing for null, which stands for an option that was not set."""
    if value is None:
        return {}
    if option.form == "flag" and isinstance(value, bool):
        return {option.name: value}
    if option.form in _SEPARATORS:
        items = value if isinstance(value, list) else [value]
        if items and all(_is_scalar(item) for item in items):
            return {option.name: [str(item) for item in items]}
    if option.form == "single" and _is_scalar(value):
        return {option.name: str(value)}
    expected = {"flag": "true or false", "single": "one value"}.get(option.form, "a list of values")
    raise UsageError(f"'{option.name}' in the config '{path}' must be {expected}.")


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
