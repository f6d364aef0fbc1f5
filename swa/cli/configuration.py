"""On what saved records depend: a file holds records of one configuration, another one is refused (7-decisions C7)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from swa.cli.declare.command import Invocation
from swa.cli.workplace import Workplace
from swa.errors import UsageError
from swa.schemas.run import Configuration

_WEIGHTS, _REVISION, _DTYPE, _TEXT = "weights_fingerprint", "revision", "dtype", "dataset_fingerprint"
_IN_WORDS = {_WEIGHTS: "the weights are others", _REVISION: "the revision is another", _TEXT: "the text is another"}
"""What differs where the values themselves would say nothing to people."""


def configuration(
    call: Invocation, place: Workplace, names: Sequence[str], *, dataset_fingerprint: str | None
) -> Configuration:
    """The configuration of a call.

    Args:
        call: How the command was called.
        place: The model.
        names: The options on which the numbers depend.
        dataset_fingerprint: Of the text, `None` where none is read.
    """
    values: dict[str, JsonValue] = {
        _WEIGHTS: place.checkpoint.fingerprint,
        _REVISION: place.checkpoint.revision,
        _DTYPE: place.dtype or place.options.dtype,
        _TEXT: dataset_fingerprint,
        **{name: call.options[name].value for name in names},
    }
    content = json.dumps(values, sort_keys=True)
    return Configuration(key=hashlib.sha256(content.encode()).hexdigest(), values=values)


def check_configuration(path: Path, wanted: Configuration, saved: Configuration | None) -> None:
    """Refuse to add to a file of another configuration.

    Args:
        path: A file that holds records.
        wanted: The configuration of the call.
        saved: That of the records, `None` where nothing says.

    Raises:
        UsageError: They differ.
    """
    if saved is not None and saved.key == wanted.key:
        return
    reason = "run_config.json does not say which" if saved is None else "; ".join(_differences(wanted, saved))
    raise UsageError(
        f"'{path}' holds records of another configuration: {reason}.",
        hint="Replace them with --force, or name another results folder.",
    )


def _differences(wanted: Configuration, saved: Configuration) -> list[str]:
    names = list(dict.fromkeys([*wanted.values, *saved.values]))
    differing = [name for name in names if wanted.values.get(name) != saved.values.get(name)]
    return [_in_words(name, wanted.values.get(name), saved.values.get(name)) for name in differing]


def _in_words(name: str, wanted: JsonValue, saved: JsonValue) -> str:
    if name in _IN_WORDS:
        return _IN_WORDS[name]
    return f"--{name.replace('_', '-')} was {_shown(saved)} and is now {_shown(wanted)}"


def _shown(value: JsonValue) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "not given"
    if isinstance(value, bool):
        return "given" if value else "not given"
    return "not given" if value is None else str(value)
