"""Effective options: command line before environment before configuration file before default, with their origin."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import JsonValue

from swa.errors import UsageError
from swa.schemas.run import EffectiveOption, Origin

Kind = Literal["text", "integer", "number", "flag", "words", "lines"]


@dataclass(frozen=True)
class Setting:
    """One option.

    Attributes:
        kind: How a text from the environment is read: `words` are split at commas, `lines` at newlines.
        default: The value when nothing is given.
        changes_numbers: Whether a result depends on it, so that a finished run with another value does not count.
    """

    kind: Kind
    default: JsonValue
    changes_numbers: bool = False


COMMON: dict[str, Setting] = {
    "dataset": Setting("text", "wikitext-2", changes_numbers=True),
    "data_dir": Setting("text", None),
    "cache_dir": Setting("text", None),
    "results_dir": Setting("text", "results/comprehensive_super_weight_analysis"),
    "seed": Setting("integer", 42, changes_numbers=True),
    "dtype": Setting("text", "auto", changes_numbers=True),
    "device": Setting("text", "auto"),
    "max_memory": Setting("text", None),
    "batch_size": Setting("text", "auto"),
    "revision": Setting("text", None),
    "trust_remote_code": Setting("flag", False),
    "force": Setting("flag", False),
    "json": Setting("flag", False),
    "verbose": Setting("flag", False),
    "quiet": Setting("flag", False),
}
DETECTION: dict[str, Setting] = {
    "screen": Setting("words", ["spike", "gradient"], changes_numbers=True),
    "screen_top": Setting("integer", 64, changes_numbers=True),
    "spike_threshold": Setting("text", "50.0", changes_numbers=True),
    "max_iterations": Setting("integer", 10, changes_numbers=True),
    "prompt": Setting("lines", ["Apple Inc. is a worldwide tech company."], changes_numbers=True),
    "no_confirm": Setting("flag", False, changes_numbers=True),
    "confirmed_only": Setting("flag", False),
    "jsonl": Setting("flag", False),
}
COMMANDS: dict[str, dict[str, Setting]] = {
    "detect": {"models": Setting("words", ["demo"]), **COMMON, **DETECTION},
    "doctor": {
        "models": Setting("words", ["demo"]),
        **{
            name: COMMON[name]
            for name in (
                "cache_dir dtype device max_memory revision trust_remote_code json verbose quiet".split()
            )
        },
    },
}
"""Every option of every command, by its name with underscores."""


class Settings:
    """The effective options of one command."""

    def __init__(self, command: str, options: dict[str, EffectiveOption]) -> None:
        self.command = command
        self.options = options

    def __getitem__(self, name: str) -> JsonValue:
        """The value of an option."""
        return self.options[name].value

    def text(self, name: str) -> str:
        """The value of an option that always has a text."""
        return str(self[name])

    def optional_text(self, name: str) -> str | None:
        """The value of an option that may be unset."""
        value = self[name]
        return None if value is None else str(value)

    def path(self, name: str) -> Path | None:
        """The value of an option that names a path."""
        value = self[name]
        return None if value is None else Path(str(value)).expanduser()

    def integer(self, name: str) -> int:
        """The value of a whole-number option."""
        return cast(int, self[name])

    def flag(self, name: str) -> bool:
        """The value of a flag."""
        return self[name] is True

    def words(self, name: str) -> list[str]:
        """The value of a list option."""
        return cast(list[str], self[name])

    def that_change_numbers(self) -> dict[str, JsonValue]:
        """The options on which results depend."""
        return {name: self[name] for name, setting in COMMANDS[self.command].items() if setting.changes_numbers}


def resolve(command: str, given: Mapping[str, Any], *, config: Path | None) -> Settings:
    """Put the options of a command together.

    Args:
        command: The subcommand.
        given: Its options from the command line; `None` means not given.
        config: From `--config`, TOML or a `run_config.json`.

    Raises:
        UsageError: A value cannot be read, or the configuration has an unknown key.
    """
    config = config or (Path(os.environ["SWA_CONFIG"]) if os.environ.get("SWA_CONFIG") else None)
    from_config = read_config(command, config) if config else {}
    options: dict[str, EffectiveOption] = {}
    for name, setting in COMMANDS[command].items():
        value: Any = given.get(name)
        origin: Origin = "command line"
        variable = f"SWA_{name.upper()}"
        if value is None and variable in os.environ:
            value, origin = _from_environment(variable, setting), "environment"
        if value is None and name in from_config:
            value, origin = _from_config(name, setting, from_config[name]), "config"
        if value is None:
            value, origin = setting.default, "default"
        if setting.kind == "words" and isinstance(value, list):
            value = [part for word in value for part in (word.split(",") if name != "models" else [word]) if part]
        options[name] = EffectiveOption(value=value, origin=origin)
    return Settings(command, options)


def _from_environment(variable: str, setting: Setting) -> Any:
    text = os.environ[variable]
    if setting.kind == "words":
        return [part.strip() for part in text.split(",") if part.strip()] or None
    if setting.kind == "lines":
        return [line for line in text.splitlines() if line.strip()] or None
    if setting.kind == "flag":
        known = {"1": True, "true": True, "0": False, "false": False, "": None}
        if text.lower() not in known:
            raise UsageError(f"{variable}={text} is no flag.", hint="Use 1, true, 0 or false.")
        return known[text.lower()]
    return _number(variable, setting, text) if text else None


def _number(name: str, setting: Setting, text: str) -> Any:
    if setting.kind != "integer":
        return text
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(f"{name}={text} is no whole number.") from error


def _from_config(name: str, setting: Setting, value: Any) -> Any:
    if setting.kind in ("words", "lines"):
        values = value if isinstance(value, list) else [value]
        if all(isinstance(item, str) for item in values):
            return values
    elif setting.kind == "flag" and isinstance(value, bool):
        return value
    elif setting.kind == "integer" and isinstance(value, int) and not isinstance(value, bool):
        return value
    elif setting.kind == "text" and isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    elif value is None:
        return None
    raise UsageError(f"The configuration gives {name} = {value!r}, which is no {setting.kind}.")


def read_config(command: str, path: Path) -> dict[str, Any]:
    """The options that a configuration file has for a command, by name with underscores.

    Raises:
        UsageError: The file cannot be read, or has a key that no command knows.
    """
    try:
        content = path.read_text(encoding="utf-8")
        data = json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
    except OSError as error:
        raise UsageError(f"The configuration '{path}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"The configuration '{path}' is not valid: {error}.") from error
    if path.suffix == ".json":
        if command not in data:
            raise UsageError(f"'{path}' has no run of `swa {command}`.")
        return {name: entry["value"] for name, entry in data[command]["options"].items()}
    known_anywhere = {name for settings in COMMANDS.values() for name in settings}
    options: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            if key not in COMMANDS:
                raise _unknown(key, sorted(COMMANDS), path)
            for name, inner in value.items():
                if name.replace("-", "_") not in COMMANDS[key]:
                    raise _unknown(name, sorted(COMMANDS[key]), path)
                if key == command:
                    options[name.replace("-", "_")] = inner
        elif key.replace("-", "_") not in known_anywhere:
            raise _unknown(key, sorted(known_anywhere), path)
        elif key.replace("-", "_") in COMMANDS[command]:
            options.setdefault(key.replace("-", "_"), value)
    return options


def _unknown(key: str, known: list[str], path: Path) -> UsageError:
    near = difflib.get_close_matches(key.replace("-", "_"), known, n=1)
    return UsageError(f"'{path}' has an unknown key '{key}'.", hint=f"Did you mean '{near[0]}'?" if near else "")
