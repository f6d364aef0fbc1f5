"""A file of records takes no records of another key (docs/files.md#one-configuration-a-file)."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from swa.errors import UsageError
from swa.runs.driver.keys import Facts, RecordPart, record_key
from swa.schemas.run import Configuration

_IN_WORDS = {
    "weights_fingerprint": "the weights are others",
    "revision": "the revision is another",
    "dataset_fingerprint": "the text is another",
}
"""What differs where the values themselves would say nothing to people."""


def check_configuration(part: RecordPart, path: Path, wanted: Configuration, saved: Configuration | None) -> None:
    """Refuse to add to a file of another key.

    Args:
        part: Which records.
        path: Their file.
        wanted: The key of the call.
        saved: That of the records, `None` where nothing says.

    Raises:
        UsageError: They differ.
    """
    known = None if saved is None else _computed_again(part, saved)
    if known is not None and known.key == wanted.key:
        return
    reason = "run_config.json does not say which" if known is None else "; ".join(_differences(wanted, known))
    raise UsageError(
        f"'{path}' holds records of another configuration: {reason}.",
        hint="Replace them with --force, or name another results folder.",
    )


def _computed_again(part: RecordPart, saved: Configuration) -> Configuration:
    """A saved key as it is computed today: values of older programs have other spellings."""
    facts = Facts(*(saved.values.get(name) for name in Facts._fields))
    options = {name: value for name, value in saved.values.items() if name not in Facts._fields}
    try:
        return record_key(part, options, facts)
    except (ValueError, UsageError):
        return saved


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
